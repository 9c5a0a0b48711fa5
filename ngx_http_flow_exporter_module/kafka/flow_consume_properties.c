/*
 * Step 0, before it begins: the configuration in librdkafka's own form.
 *
 * Order of setting: our defaults, the user's properties, then what the
 * exporter owns, so that the last word is right whatever the user wrote.
 */

#include <fnmatch.h>
#include <string.h>

#include "flow_text.h"
#include "flow_consume_properties.h"


typedef struct {
    const char  *pattern;
    const char  *reason;
} flow_owned_t;


/*
 * What the user may change.  What is fetched ahead bounds the memory: a
 * message in the queue takes some 650 bytes beside its own, and fetches may
 * grow tenfold when they are decompressed.
 */

static const flow_property_t  flow_default_properties[] = {
    { "client.id", "nginx-flow-exporter" },
    { "isolation.level", "read_committed" },
    { "check.crcs", "true" },
    { "log.thread.name", "false" },
    { "log.connection.close", "false" },
    { "queued.min.messages", "20000" },
    { "queued.max.messages.kbytes", "32768" },
    { "fetch.message.max.bytes", "262144" },
    { "reconnect.backoff.max.ms", "2000" },
    { "socket.keepalive.enable", "true" },
    { "topic.metadata.refresh.interval.ms", "30000" }
};


/* What the way of counting relies on. */

static const flow_property_t  flow_fixed_properties[] = {
    { "auto.offset.reset", "error" },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "enable.partition.eof", "true" },
    { "log.queue", "true" }
};


static const flow_owned_t  flow_owned_properties[] = {
    { "bootstrap.servers", "is what the directive \"brokers\" sets" },
    { "metadata.broker.list", "is what the directive \"brokers\" sets" },
    { "auto.offset.reset", "is the exporter's own: the directive \"start\" "
      "says where partitions start" },
    { "enable.auto.*", "is the exporter's own: it keeps its offsets itself" },
    { "auto.commit.*", "is the exporter's own: it keeps its offsets itself" },
    { "offset.store.*", "is the exporter's own: it keeps its offsets itself" },
    { "group.id", "is what the directive \"group\" sets" },
    { "group.*", "cannot be set: the exporter reads without a consumer "
      "group" },
    { "enable.partition.eof", "is the exporter's own" },
    { "allow.auto.create.topics", "cannot be set: the exporter creates no "
      "topics" },
    { "*_cb", "cannot be set in a file" },
    { "log.queue", "is the exporter's own" },
    { "plugin.library.paths", "cannot be set: the exporter loads no "
      "plugins" }
};


/* Values of these are never repeated in a sentence. */

static const char *const  flow_secret_properties[] = {
    "*password*", "*secret*", "*.pem", "ssl.key.*", "ssl_*",
    "sasl.username", "sasl.oauthbearer.*"
};


static const char *const  flow_pem_properties[][2] = {
    { "ssl.ca.location", "ssl.ca.pem" },
    { "ssl.certificate.location", "ssl.certificate.pem" },
    { "ssl.key.location", "ssl.key.pem" }
};


static int flow_consume_properties_set(rd_kafka_conf_t *conf,
    const char *name, const char *value, flow_error_t *error);
static bool flow_consume_properties_has(const flow_consumer_conf_t *conf,
    const char *name);


int
flow_consume_check_property(const char *name, const char *value,
    flow_error_t *error)
{
    int               rc;
    size_t            i, count;
    rd_kafka_conf_t  *conf;

    count = sizeof(flow_owned_properties) / sizeof(flow_owned_properties[0]);

    for (i = 0; i < count; i++) {
        if (fnmatch(flow_owned_properties[i].pattern, name, 0) == 0) {
            flow_error_set(error, "Kafka property \"%s\" %s", name,
                           flow_owned_properties[i].reason);
            return FLOW_ERROR;
        }
    }

    conf = rd_kafka_conf_new();

    rc = flow_consume_properties_set(conf, name, value, error);

    rd_kafka_conf_destroy(conf);

    return rc;
}


const char *
flow_consume_pem_property(const char *name)
{
    size_t  i, count;

    count = sizeof(flow_pem_properties) / sizeof(flow_pem_properties[0]);

    for (i = 0; i < count; i++) {
        if (strcmp(flow_pem_properties[i][0], name) == 0) {
            return flow_pem_properties[i][1];
        }
    }

    return NULL;
}


const char *
flow_consume_version(void)
{
    return rd_kafka_version_str();
}


static int
flow_consume_properties_set_all(rd_kafka_conf_t *conf,
    const flow_property_t *properties, size_t count, flow_error_t *error)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (flow_consume_properties_set(conf, properties[i].name,
                                        properties[i].value, error)
            != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


/* What the exporter owns. */

static int
flow_consume_properties_set_own(rd_kafka_conf_t *properties,
    const flow_consumer_conf_t *conf, flow_error_t *error)
{
    if (flow_consume_properties_set_all(properties, flow_fixed_properties,
            sizeof(flow_fixed_properties) / sizeof(flow_property_t), error)
        != FLOW_OK
        || flow_consume_properties_set(properties, "bootstrap.servers",
                                       conf->brokers, error)
           != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (conf->group == NULL) {
        return FLOW_OK;
    }

    return flow_consume_properties_set(properties, "group.id", conf->group,
                                       error);
}


rd_kafka_conf_t *
flow_consume_properties_create(const flow_consumer_conf_t *conf,
    flow_error_t *error)
{
    char              text[8];
    rd_kafka_conf_t  *properties;

    properties = rd_kafka_conf_new();

    if (flow_consume_properties_set_all(properties, flow_default_properties,
            sizeof(flow_default_properties) / sizeof(flow_property_t), error)
        != FLOW_OK)
    {
        goto failed;
    }

    /* a fetch has to hold the largest message, which the user may raise */

    if (!flow_consume_properties_has(conf, "message.max.bytes")
        && flow_consume_properties_set(properties, "fetch.max.bytes",
                                       "4194304", error)
           != FLOW_OK)
    {
        goto failed;
    }

    /* later versions only: how long a full queue keeps fetches back */

    (void) rd_kafka_conf_set(properties, "fetch.queue.backoff.ms", "50", text,
                             sizeof(text));

    if (flow_consume_properties_set_all(properties, conf->properties,
                                        conf->property_count, error)
        != FLOW_OK
        || flow_consume_properties_set_own(properties, conf, error)
           != FLOW_OK)
    {
        goto failed;
    }

    return properties;

failed:

    rd_kafka_conf_destroy(properties);

    return NULL;
}


static int
flow_consume_properties_set(rd_kafka_conf_t *conf, const char *name,
    const char *value, flow_error_t *error)
{
    char                 text[512];
    size_t               i, count;
    rd_kafka_conf_res_t  result;

    result = rd_kafka_conf_set(conf, name, value, text, sizeof(text));

    if (result == RD_KAFKA_CONF_OK) {
        return FLOW_OK;
    }

    if (result == RD_KAFKA_CONF_UNKNOWN) {
        flow_error_set(error, "librdkafka %s knows no property \"%s\"",
                       rd_kafka_version_str(), name);
        return FLOW_ERROR;
    }

    count = sizeof(flow_secret_properties) / sizeof(char *);

    for (i = 0; i < count; i++) {
        if (fnmatch(flow_secret_properties[i], name, 0) == 0) {
            flow_error_set(error, "librdkafka refuses the value of property "
                           "\"%s\"", name);
            return FLOW_ERROR;
        }
    }

    flow_error_set(error, "librdkafka refuses property \"%s\": %s", name,
                   text);

    return FLOW_ERROR;
}


static bool
flow_consume_properties_has(const flow_consumer_conf_t *conf,
    const char *name)
{
    uint32_t  i;

    for (i = 0; i < conf->property_count; i++) {
        if (strcmp(conf->properties[i].name, name) == 0) {
            return true;
        }
    }

    return false;
}
