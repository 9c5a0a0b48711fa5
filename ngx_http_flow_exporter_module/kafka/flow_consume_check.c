/*
 * Step 0, before it begins: the configuration checked for "nginx -t", as far
 * as that is possible without a connection.  rd_kafka_new() would check more,
 * but starts threads, which have no place in nginx's master.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "flow_text.h"
#include "flow_consume_properties.h"


#define FLOW_TOPIC_NAME_MAX  249
#define FLOW_GROUP_NAME_MAX  255


static int flow_consume_check_brokers(const char *brokers,
    flow_error_t *error);
static int flow_consume_check_address(flow_str_t broker, flow_error_t *error);
static bool flow_consume_is_host(const char *text, size_t length);
static bool flow_consume_is_port(const char *text, size_t length);
static int flow_consume_check_topics(const flow_consumer_conf_t *conf,
    flow_error_t *error);


int
flow_consume_check(const flow_consumer_conf_t *conf, flow_error_t *error)
{
    uint32_t          i;
    rd_kafka_conf_t  *properties;

    if (flow_consume_check_brokers(conf->brokers, error) != FLOW_OK
        || flow_consume_check_topics(conf, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    for (i = 0; i < conf->property_count; i++) {
        if (flow_consume_check_property(conf->properties[i].name,
                                        conf->properties[i].value, error)
            != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    properties = flow_consume_properties_create(conf, error);

    if (properties == NULL) {
        return FLOW_ERROR;
    }

    rd_kafka_conf_destroy(properties);

    return FLOW_OK;
}


static int
flow_consume_check_brokers(const char *brokers,
    flow_error_t *error)
{
    flow_str_t  broker;

    for ( ;; ) {
        broker.data = brokers;
        broker.len = strcspn(brokers, ",");

        if (flow_consume_check_address(broker, error) != FLOW_OK) {
            return FLOW_ERROR;
        }

        if (brokers[broker.len] == '\0') {
            return FLOW_OK;
        }

        brokers += broker.len + 1;
    }
}


int
flow_consume_check_broker(const char *broker, flow_error_t *error)
{
    flow_str_t  address;

    address.data = broker;
    address.len = strlen(broker);

    return flow_consume_check_address(address, error);
}


static int
flow_consume_check_address(flow_str_t broker, flow_error_t *error)
{
    size_t  length;

    /* the last colon, since an IPv6 address has others */

    for (length = broker.len; length != 0; length--) {
        if (broker.data[length - 1] == ':') {
            break;
        }
    }

    if (length != 0
        && flow_consume_is_host(broker.data, length - 1)
        && flow_consume_is_port(broker.data + length, broker.len - length))
    {
        return FLOW_OK;
    }

    flow_error_set(error, "invalid broker \"%.*s\", host:port or "
                   "[IPv6 address]:port is expected",
                   broker.len > 300 ? 300 : (int) broker.len, broker.data);

    return FLOW_ERROR;
}


static bool
flow_consume_is_host(const char *text, size_t length)
{
    char             address[INET6_ADDRSTRLEN];
    size_t           i;
    struct in6_addr  binary;

    if (length > 2 && text[0] == '[') {
        if (text[length - 1] != ']' || length - 2 >= sizeof(address)) {
            return false;
        }

        memcpy(address, text + 1, length - 2);
        address[length - 2] = '\0';
        address[strcspn(address, "%")] = '\0';

        return inet_pton(AF_INET6, address, &binary) == 1;
    }

    for (i = 0; i < length; i++) {
        if (!isalnum((unsigned char) text[i])
            && strchr("._-", text[i]) == NULL)
        {
            return false;
        }
    }

    return length > 0 && length <= 253;
}


static bool
flow_consume_is_port(const char *text, size_t length)
{
    size_t    i;
    uint32_t  port = 0;

    for (i = 0; i < length && i < 5; i++) {
        if (!isdigit((unsigned char) text[i])) {
            return false;
        }

        port = port * 10 + (uint32_t) (text[i] - '0');
    }

    return i == length && port >= 1 && port <= 65535;
}


static int
flow_consume_check_topics(const flow_consumer_conf_t *conf,
    flow_error_t *error)
{
    uint32_t  i, j;

    for (i = 0; i < conf->topic_count; i++) {
        if (flow_consume_check_topic(conf->topics[i], error) != FLOW_OK) {
            return FLOW_ERROR;
        }

        for (j = 0; j < i; j++) {
            if (strcmp(conf->topics[i], conf->topics[j]) == 0) {
                flow_error_set(error, "topic \"%s\" is given twice",
                               conf->topics[i]);
                return FLOW_ERROR;
            }
        }
    }

    return FLOW_OK;
}


int
flow_consume_check_topic(const char *topic, flow_error_t *error)
{
    size_t  length;

    length = strspn(topic, "abcdefghijklmnopqrstuvwxyz"
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (length == 0 || topic[length] != '\0'
        || length > FLOW_TOPIC_NAME_MAX
        || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
    {
        flow_error_set(error, "invalid topic \"%.300s\", Kafka allows up "
                       "to %d of the characters a-z A-Z 0-9 . _ -", topic,
                       FLOW_TOPIC_NAME_MAX);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


int
flow_consume_check_group(const char *group, flow_error_t *error)
{
    size_t  i;

    for (i = 0; group[i] != '\0'; i++) {
        if (!isgraph((unsigned char) group[i])) {
            break;
        }
    }

    if (i == 0 || i > FLOW_GROUP_NAME_MAX || group[i] != '\0') {
        flow_error_set(error, "invalid group \"%.300s\", it must be 1 to %d "
                       "visible ASCII characters", group,
                       FLOW_GROUP_NAME_MAX);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}
