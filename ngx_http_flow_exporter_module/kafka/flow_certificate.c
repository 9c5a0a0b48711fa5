/*
 * Step 0: why a broker's certificate is refused.  By itself librdkafka says
 * only that it could not be verified, whether it has expired or belongs to
 * another host.
 */

#include <stdio.h>

#include "flow_certificate.h"


typedef struct {
    int          error;
    const char  *text;
} flow_certificate_reason_t;


/* By OpenSSL's X509_V_ERR_..., for we do without its headers. */

static const flow_certificate_reason_t  flow_certificate_reasons[] = {
    {  7, "its signature is wrong" },
    {  9, "it is not valid yet" },
    { 10, "it has expired" },
    { 18, "it is signed by itself, and is not in ssl.ca.location" },
    { 19, "its CA is not in ssl.ca.location" },
    { 20, "its CA is not in ssl.ca.location" },
    { 21, "its CA is not in ssl.ca.location" },
    { 23, "it was revoked" },
    { 26, "it is not one of a server" },
    { 62, "it is not for this host name" },
    { 64, "it is not for this address" },
    { 66, "its key is too weak" }
};


int
flow_certificate_verify(rd_kafka_t *kafka, const char *broker,
    int32_t broker_id, int *error, int depth, const char *certificate,
    size_t size, char *text, size_t text_size, void *data)
{
    size_t  i;

    (void) kafka;
    (void) broker;
    (void) broker_id;
    (void) depth;
    (void) certificate;
    (void) size;
    (void) data;

    if (*error == 0) {
        return 1;
    }

    for (i = 0;
         i < sizeof(flow_certificate_reasons)
             / sizeof(flow_certificate_reason_t);
         i++)
    {
        if (flow_certificate_reasons[i].error == *error) {
            (void) snprintf(text, text_size, "%s",
                            flow_certificate_reasons[i].text);
            return 0;
        }
    }

    (void) snprintf(text, text_size, "OpenSSL's verification error %d",
                    *error);

    return 0;
}
