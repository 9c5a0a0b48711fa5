/*
 * The floor of consuming: takes all messages of a topic as the exporter does,
 * by the same properties of librdkafka, and does nothing with them; or lets
 * yajl with empty callbacks read them.
 *
 *   consume BROKERS TOPIC PARTITIONS MESSAGES discard|yajl
 *
 * Prints CPU seconds of the whole process, and the seconds from its start to
 * the last message.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bare_yajl.h"
#include "flow_consume_properties.h"


#define BATCH  256          /* as flow_consume_poll() has it */


typedef struct {
    rd_kafka_t        *kafka;
    rd_kafka_topic_t  *topic;
    rd_kafka_queue_t  *queue;
    yajl_handle        yajl;     /* NULL: discard */
} consumer_t;


static void
die(const char *why)
{
    fprintf(stderr, "consume: %s\n", why);
    exit(1);
}


static double
seconds(clockid_t clock)
{
    struct timespec  now;

    clock_gettime(clock, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


static void
start(consumer_t *consumer, const char *brokers, const char *topic,
    int32_t partitions)
{
    char                  text[512];
    int32_t               p;
    flow_error_t          error;
    rd_kafka_conf_t      *properties;
    flow_consumer_conf_t  conf = { .brokers = brokers };

    properties = flow_consume_properties_create(&conf, &error);
    if (properties == NULL) {
        die(error.text);
    }

    /* the exporter's own log queue has no reader here */

    (void) rd_kafka_conf_set(properties, "log.queue", "false", text,
                             sizeof(text));

    consumer->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, properties, text,
                                   sizeof(text));
    if (consumer->kafka == NULL) {
        die(text);
    }

    consumer->queue = rd_kafka_queue_new(consumer->kafka);
    consumer->topic = rd_kafka_topic_new(consumer->kafka, topic, NULL);

    for (p = 0; p < partitions; p++) {
        if (rd_kafka_consume_start_queue(consumer->topic, p,
                RD_KAFKA_OFFSET_BEGINNING, consumer->queue) != 0)
        {
            die("no start");
        }
    }
}


static uint64_t
take(consumer_t *consumer, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return 0;
    }

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR
        || (consumer->yajl != NULL
            && !bare_yajl_parse(consumer->yajl, message->payload,
                                message->len)))
    {
        die("bad message");
    }

    return 1;
}


int
main(int argc, char **argv)
{
    double               begun, ended;
    ssize_t              i, count;
    uint64_t             left;
    consumer_t           consumer = { .yajl = NULL };
    rd_kafka_message_t  *batch[BATCH];

    if (argc != 6) {
        die("BROKERS TOPIC PARTITIONS MESSAGES discard|yajl");
    }

    begun = seconds(CLOCK_MONOTONIC);
    left = strtoull(argv[4], NULL, 10);

    if (strcmp(argv[5], "yajl") == 0) {
        consumer.yajl = bare_yajl_create();
    }

    start(&consumer, argv[1], argv[2],
          (int32_t) strtol(argv[3], NULL, 10));

    while (left != 0) {
        count = rd_kafka_consume_batch_queue(consumer.queue, 1000, batch,
                                             BATCH);

        for (i = 0; i < count; i++) {
            left -= take(&consumer, batch[i]);
            rd_kafka_message_destroy(batch[i]);
        }
    }

    ended = seconds(CLOCK_MONOTONIC);

    printf("%.6f %.6f\n", seconds(CLOCK_PROCESS_CPUTIME_ID), ended - begun);

    /* the end of the process frees all, at once */

    return 0;
}
