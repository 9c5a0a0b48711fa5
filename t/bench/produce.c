/*
 * Fills a topic for a measurement, each partition with its share:
 *
 *   produce BROKERS TOPIC PARTITIONS RECORDS EACH SERIES CODEC
 *
 * EACH records a message; messages go round the partitions.
 */

#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "flows.h"


#define EACH_MAX  100


static rd_kafka_t  *producer;
static uint64_t     failed;


static void
die(const char *why)
{
    fprintf(stderr, "produce: %s\n", why);
    exit(1);
}


static void
delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *data)
{
    (void) kafka;
    (void) data;

    failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}


static rd_kafka_topic_t *
start(const char *brokers, const char *topic, const char *codec)
{
    size_t             i;
    char               text[512];
    rd_kafka_conf_t   *conf = rd_kafka_conf_new();
    rd_kafka_topic_t  *handle;

    const char *const  properties[][2] = {
        { "bootstrap.servers", brokers },
        { "compression.codec", codec },
        { "acks", "all" },
        { "linger.ms", "20" },
        { "batch.size", "200000" },
        { "queue.buffering.max.messages", "100000" }
    };

    for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], text,
                              sizeof(text)) != RD_KAFKA_CONF_OK)
        {
            die(text);
        }
    }

    rd_kafka_conf_set_dr_msg_cb(conf, delivered);

    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    handle = producer == NULL ? NULL
                              : rd_kafka_topic_new(producer, topic, NULL);
    if (handle == NULL) {
        die(text);
    }

    return handle;
}


int
main(int argc, char **argv)
{
    char               text[EACH_MAX * FLOWS_RECORD_MAX];
    size_t             len;
    uint32_t           partitions, each, series;
    uint64_t           i, count;
    rd_kafka_topic_t  *topic;

    if (argc != 8 || strtoul(argv[5], NULL, 10) > EACH_MAX) {
        die("BROKERS TOPIC PARTITIONS RECORDS EACH SERIES CODEC");
    }

    topic = start(argv[1], argv[2], argv[7]);

    partitions = (uint32_t) strtoul(argv[3], NULL, 10);
    each = (uint32_t) strtoul(argv[5], NULL, 10);
    series = (uint32_t) strtoul(argv[6], NULL, 10);
    count = strtoull(argv[4], NULL, 10) / each;

    for (i = 0; i < count; i++) {
        len = flows_write_message(text, i * each, each, series);

        while (rd_kafka_produce(topic, (int32_t) (i % partitions),
                                RD_KAFKA_MSG_F_COPY, text, len, NULL, 0, NULL)
               != 0)
        {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                die(rd_kafka_err2str(rd_kafka_last_error()));
            }

            rd_kafka_poll(producer, 100);
        }

        rd_kafka_poll(producer, 0);
    }

    if (rd_kafka_flush(producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR
        || failed != 0)
    {
        die("not all was delivered");
    }

    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);

    return 0;
}
