/*
 * Step 0: why a broker's certificate is refused.  For flow_consume.c alone.
 */

#ifndef FLOW_CERTIFICATE_H
#define FLOW_CERTIFICATE_H

#include <librdkafka/rdkafka.h>


/*
 * For rd_kafka_conf_set_ssl_cert_verify_cb(): refuses what OpenSSL has
 * refused, and nothing else, and says why.  In any thread.
 */

int flow_certificate_verify(rd_kafka_t *kafka, const char *broker,
    int32_t broker_id, int *error, int depth, const char *certificate,
    size_t size, char *text, size_t text_size, void *data);


#endif /* FLOW_CERTIFICATE_H */
