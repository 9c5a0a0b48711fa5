/*
 * Step 0: messages from Kafka.  One librdkafka consumer, one queue for all
 * partitions, one wake-up descriptor:
 *
 *   partitions' queue --\
 *   main queue ----------+--> eventfd --> flow_consume_poll() --> handlers
 *   control thread -----/
 *
 * This file: how a consumer begins and ends.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "flow_certificate.h"
#include "flow_consume_properties.h"
#include "flow_consumer.h"
#include "flow_text.h"


static int flow_consume_open(flow_consumer_t *consumer,
    const flow_consumer_conf_t *conf, flow_error_t *error);
static rd_kafka_t *flow_consume_connect(flow_consumer_t *consumer,
    const flow_consumer_conf_t *conf, flow_error_t *error);
static bool flow_consume_verifies(const rd_kafka_conf_t *properties);
static bool flow_consume_lingers(const rd_kafka_conf_t *properties);
static void flow_consume_error_handler(rd_kafka_t *kafka, int code,
    const char *reason, void *data);
static void flow_consume_log_handler(const rd_kafka_t *kafka, int level,
    const char *facility, const char *text);
static int flow_consume_add_topic(flow_consumer_t *consumer, uint32_t index,
    const char *name);


flow_consumer_t *
flow_consume_create(const flow_consumer_conf_t *conf,
    const flow_consume_handler_t *handler, void *data, flow_error_t *error)
{
    flow_consumer_t  *consumer;

    consumer = calloc(1, sizeof(flow_consumer_t));

    if (consumer == NULL) {
        flow_error_set(error, "no memory for the consumer");
        return NULL;
    }

    consumer->handler = *handler;
    consumer->data = data;
    consumer->report.handler = &consumer->handler;
    consumer->report.data = data;

    consumer->staged = rd_kafka_topic_partition_list_new(0);
    consumer->wake = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (consumer->wake == -1) {
        flow_error_set(error, "eventfd() failed: %s", strerror(errno));

    } else if (flow_consume_open(consumer, conf, error) == FLOW_OK) {
        return consumer;
    }

    flow_consume_close(consumer);

    return NULL;
}


static int
flow_consume_open(flow_consumer_t *consumer, const flow_consumer_conf_t *conf,
    flow_error_t *error)
{
    uint32_t               i;
    static const uint64_t  one = 1;

    consumer->topics = calloc(conf->topic_count, sizeof(flow_consume_topic_t));
    consumer->handles = calloc(conf->topic_count, sizeof(rd_kafka_topic_t *));

    if (consumer->topics == NULL || consumer->handles == NULL) {
        flow_error_set(error, "no memory for the topics");
        return FLOW_ERROR;
    }

    consumer->kafka = flow_consume_connect(consumer, conf, error);

    if (consumer->kafka == NULL) {
        return FLOW_ERROR;
    }

    rd_kafka_set_log_queue(consumer->kafka, NULL);

    consumer->main_queue = rd_kafka_queue_get_main(consumer->kafka);
    consumer->queue = rd_kafka_queue_new(consumer->kafka);

    rd_kafka_queue_io_event_enable(consumer->main_queue, consumer->wake, &one,
                                   sizeof(one));
    rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake, &one,
                                   sizeof(one));

    for (i = 0; i < conf->topic_count; i++) {
        if (flow_consume_add_topic(consumer, i, conf->topics[i]) != FLOW_OK) {
            flow_error_set(error, "librdkafka refuses topic \"%s\": %s",
                           conf->topics[i],
                           rd_kafka_err2str(rd_kafka_last_error()));
            return FLOW_ERROR;
        }
    }

    consumer->control = flow_control_create(consumer->kafka,
                                            consumer->handles,
                                            conf->topic_count, consumer->wake,
                                            error);
    if (consumer->control == NULL) {
        return FLOW_ERROR;
    }

    /* what came before the queues knew the descriptor made no edge */

    (void) !write(consumer->wake, &one, sizeof(one));

    return FLOW_OK;
}


/* librdkafka's threads take over our signal mask: all signals blocked. */

static rd_kafka_t *
flow_consume_connect(flow_consumer_t *consumer,
    const flow_consumer_conf_t *conf, flow_error_t *error)
{
    char              text[400];
    sigset_t          all, old;
    rd_kafka_t       *kafka;
    rd_kafka_conf_t  *properties;

    properties = flow_consume_properties_create(conf, error);

    if (properties == NULL) {
        return NULL;
    }

    rd_kafka_conf_set_opaque(properties, consumer);
    rd_kafka_conf_set_error_cb(properties, flow_consume_error_handler);
    rd_kafka_conf_set_log_cb(properties, flow_consume_log_handler);

    if (flow_consume_verifies(properties)) {
        (void) rd_kafka_conf_set_ssl_cert_verify_cb(properties,
                                                    flow_certificate_verify);
    }

    consumer->lingers = flow_consume_lingers(properties);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    kafka = rd_kafka_new(RD_KAFKA_CONSUMER, properties, text, sizeof(text));

    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (kafka == NULL) {
        rd_kafka_conf_destroy(properties);
        flow_error_set(error, "librdkafka cannot start: %s", text);
    }

    return kafka;
}


/* Where the user wants no verification, OpenSSL does one all the same. */

static bool
flow_consume_verifies(const rd_kafka_conf_t *properties)
{
    char    value[8];
    size_t  size = sizeof(value);

    return rd_kafka_conf_get(properties, "enable.ssl.certificate.verification",
                             value, &size)
           == RD_KAFKA_CONF_OK
           && strcmp(value, "true") == 0;
}


/*
 * After its queue was full librdkafka looks at it again once a second; later
 * versions have a property for that.
 */

static bool
flow_consume_lingers(const rd_kafka_conf_t *properties)
{
    size_t  size;

    return rd_kafka_conf_get(properties, "fetch.queue.backoff.ms", NULL, &size)
           == RD_KAFKA_CONF_UNKNOWN;
}


static void
flow_consume_error_handler(rd_kafka_t *kafka, int code, const char *reason,
    void *data)
{
    flow_consumer_t  *consumer = data;

    (void) kafka;

    flow_report_error(&consumer->report, (rd_kafka_resp_err_t) code, reason);

    /* which topics and partitions are meant, metadata will tell */

    switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        flow_control_refresh(consumer->control);
        break;

    default:
        break;
    }
}


static void
flow_consume_log_handler(const rd_kafka_t *kafka, int level,
    const char *facility, const char *text)
{
    flow_consumer_t  *consumer = rd_kafka_opaque(kafka);

    flow_report_library(&consumer->report, level, facility, text);
}


static int
flow_consume_add_topic(flow_consumer_t *consumer, uint32_t index,
    const char *name)
{
    flow_consume_topic_t   *topic = &consumer->topics[index];
    rd_kafka_topic_conf_t  *properties;

    properties = rd_kafka_default_topic_conf_dup(consumer->kafka);
    rd_kafka_topic_conf_set_opaque(properties, topic);

    topic->index = index;
    topic->count = -1;
    topic->handle = rd_kafka_topic_new(consumer->kafka, name, properties);

    if (topic->handle == NULL) {
        return FLOW_ERROR;
    }

    consumer->handles[index] = topic->handle;
    consumer->topic_count++;

    return FLOW_OK;
}


void
flow_consume_close(flow_consumer_t *consumer)
{
    int32_t                p;
    uint32_t               i;
    flow_consume_topic_t  *topic;

    if (consumer->control != NULL) {
        flow_control_destroy(consumer->control);
    }

    while (consumer->batch_next < consumer->batch_count) {
        rd_kafka_message_destroy(consumer->batch[consumer->batch_next++]);
    }

    for (i = 0; i < consumer->topic_count; i++) {
        topic = &consumer->topics[i];

        for (p = 0; p < topic->capacity; p++) {
            if (topic->partitions[p]->state >= FLOW_CONSUME_CONSUMED) {
                rd_kafka_consume_stop(topic->handle, p);
            }

            free(topic->partitions[p]);
        }

        free(topic->partitions);
        rd_kafka_topic_destroy(topic->handle);
    }

    if (consumer->kafka != NULL) {
        rd_kafka_queue_io_event_enable(consumer->main_queue, -1, NULL, 0);
        rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->main_queue);
        rd_kafka_queue_destroy(consumer->queue);
        rd_kafka_destroy(consumer->kafka);
    }

    if (consumer->wake != -1) {
        close(consumer->wake);
    }

    rd_kafka_topic_partition_list_destroy(consumer->staged);
    free(consumer->handles);
    free(consumer->topics);
    free(consumer);
}
