/*
 * Step 0: what comes out of the consumer, in the caller's thread and in
 * bounded portions: errors and log lines first, then answers of the control
 * thread, then messages.
 */

#include <unistd.h>

#include "flow_consumer.h"


static int flow_consume_answers(flow_consumer_t *consumer) FLOW_MUST_CHECK;
static void flow_consume_metadata(flow_consumer_t *consumer,
    rd_kafka_resp_err_t error);
static void flow_consume_topic(flow_consumer_t *consumer,
    flow_consume_topic_t *topic, const flow_control_topic_t *answer);
static int flow_consume_messages(flow_consumer_t *consumer, uint32_t limit);
static void flow_consume_drained(flow_consumer_t *consumer);
static int flow_consume_message(flow_consumer_t *consumer,
    const rd_kafka_message_t *kafka);
static void flow_consume_failed(flow_consumer_t *consumer,
    flow_consume_topic_t *topic, flow_consume_partition_t *partition,
    rd_kafka_resp_err_t error);


int
flow_consume_descriptor(const flow_consumer_t *consumer)
{
    return consumer->wake;
}


int
flow_consume_poll(flow_consumer_t *consumer, uint32_t limit)
{
    int       rc;
    uint64_t  count;

    /* before the queues, so that what comes meanwhile wakes us again */

    (void) !read(consumer->wake, &count, sizeof(count));

    rd_kafka_poll(consumer->kafka, 0);

    rc = flow_consume_answers(consumer);

    return rc == FLOW_OK ? flow_consume_messages(consumer, limit) : rc;
}


static int
flow_consume_answers(flow_consumer_t *consumer)
{
    int                   rc = FLOW_OK;
    bool                  told;
    char                  cluster[FLOW_CONSUME_CLUSTER];
    flow_job_t           *job, *next;
    rd_kafka_resp_err_t   error;

    /* in this order, or topics might be those of a cluster not named yet */

    told = flow_control_take_metadata(consumer->control, &error);

    if (flow_control_take_cluster(consumer->control, cluster)) {
        rc = consumer->handler.cluster(consumer->data, cluster);
    }

    if (told) {
        flow_consume_metadata(consumer, error);
    }

    for (job = flow_control_take_done(consumer->control);
         job != NULL;
         job = next)
    {
        next = job->next;
        flow_consume_done(consumer, job);
    }

    return rc;
}


static void
flow_consume_metadata(flow_consumer_t *consumer, rd_kafka_resp_err_t error)
{
    uint32_t              i;
    flow_control_topic_t  answer;

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        flow_report_connected(&consumer->report, true);

    } else {
        flow_report_no_answer(&consumer->report, error);
    }

    for (i = 0; i < consumer->topic_count; i++) {
        if (flow_control_take_topic(consumer->control, i, &answer)) {
            flow_consume_topic(consumer, &consumer->topics[i], &answer);
        }
    }
}


static void
flow_consume_topic(flow_consumer_t *consumer, flow_consume_topic_t *topic,
    const flow_control_topic_t *answer)
{
    int32_t         p, before = topic->count;
    const char     *name = rd_kafka_topic_name(topic->handle);
    flow_report_t  *report = &consumer->report;

    if (answer->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        flow_report_count(report, answer->error);

        if (topic->said != answer->error) {
            flow_report_line(report, FLOW_LOG_ERROR, "kafka: topic \"%s\": %s",
                             name, rd_kafka_err2str(answer->error));
            topic->said = answer->error;
        }

        return;
    }

    topic->said = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (flow_consume_grow(topic, answer->partitions) != FLOW_OK) {
        flow_report_line(report, FLOW_LOG_ERROR, "kafka: no memory for %d "
                         "partitions of topic \"%s\"",
                         (int) answer->partitions, name);
        return;
    }

    topic->count = answer->partitions;

    if (topic->count == 0 && before != 0) {
        flow_report_line(report, FLOW_LOG_WARNING, "kafka: topic \"%s\" "
                         "does not exist%s", name,
                         before == -1 ? " yet" : " any longer");

    } else if (topic->count != before) {
        flow_report_line(report, FLOW_LOG_NOTICE, "kafka: topic \"%s\" has "
                         "%d partition%s", name, (int) topic->count,
                         topic->count == 1 ? "" : "s");
    }

    /* librdkafka would go on by itself if such a partition came back */

    for (p = topic->count; p < topic->capacity; p++) {
        flow_consume_stop(consumer, topic->partitions[p], false);
    }

    consumer->handler.topic(consumer->data, topic->index, topic->count);
}


static int
flow_consume_messages(flow_consumer_t *consumer, uint32_t limit)
{
    int                  rc;
    size_t               room;
    ssize_t              count;
    uint32_t             handled = 0;
    rd_kafka_message_t  *message;

    for ( ;; ) {
        while (consumer->batch_next < consumer->batch_count) {
            if (handled++ == limit) {
                return FLOW_AGAIN;
            }

            message = consumer->batch[consumer->batch_next++];
            rc = flow_consume_message(consumer, message);
            rd_kafka_message_destroy(message);

            if (rc != FLOW_OK) {
                return rc;
            }
        }

        room = limit - handled;
        room = room < FLOW_CONSUME_BATCH ? room : FLOW_CONSUME_BATCH;

        if (room == 0) {
            return FLOW_AGAIN;
        }

        count = rd_kafka_consume_batch_queue(consumer->queue, 0,
                                             consumer->batch, room);
        if (count <= 0) {
            flow_consume_drained(consumer);
            return FLOW_OK;
        }

        consumer->batch_next = 0;
        consumer->batch_count = (size_t) count;
        consumer->row += (size_t) count;
    }
}


/* The queue may have been full: what comes next would be waited for. */

static void
flow_consume_drained(flow_consumer_t *consumer)
{
    int32_t                           p;
    uint32_t                          i;
    flow_consume_topic_t             *topic;
    rd_kafka_topic_partition_list_t  *list;

    if (consumer->row >= FLOW_CONSUME_ROW && consumer->lingers) {
        list = rd_kafka_topic_partition_list_new(0);

        for (i = 0; i < consumer->topic_count; i++) {
            topic = &consumer->topics[i];

            for (p = 0; p < topic->count; p++) {
                if (topic->partitions[p]->state == FLOW_CONSUME_CONSUMED) {
                    rd_kafka_topic_partition_list_add(list,
                        rd_kafka_topic_name(topic->handle), p);
                }
            }
        }

        flow_control_fetch(consumer->control, list);
    }

    consumer->row = 0;
}


static int
flow_consume_message(flow_consumer_t *consumer,
    const rd_kafka_message_t *kafka)
{
    flow_message_t             message;
    flow_consume_topic_t      *topic;
    flow_consume_partition_t  *partition;
    rd_kafka_timestamp_type_t  type;

    topic = kafka->rkt == NULL ? NULL : rd_kafka_topic_opaque(kafka->rkt);

    if (topic == NULL
        || kafka->partition < 0 || kafka->partition >= topic->capacity)
    {
        flow_report_error(&consumer->report, kafka->err,
                          rd_kafka_err2str(kafka->err));
        return FLOW_OK;
    }

    partition = topic->partitions[kafka->partition];

    if (kafka->err != RD_KAFKA_RESP_ERR_NO_ERROR
        && kafka->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
    {
        flow_consume_failed(consumer, topic, partition, kafka->err);
        return FLOW_OK;
    }

    partition->said = RD_KAFKA_RESP_ERR_NO_ERROR;
    partition->stops = 0;

    if (kafka->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return consumer->handler.end(consumer->data, topic->index,
                                     kafka->partition, kafka->offset);
    }

    message.topic = topic->index;
    message.partition = kafka->partition;
    message.offset = kafka->offset;
    message.timestamp = rd_kafka_message_timestamp(kafka, &type);
    message.value.data = kafka->payload;
    message.value.len = kafka->len;

    return consumer->handler.message(consumer->data, &message);
}


static void
flow_consume_failed(flow_consumer_t *consumer, flow_consume_topic_t *topic,
    flow_consume_partition_t *partition, rd_kafka_resp_err_t error)
{
    flow_report_count(&consumer->report, error);

    if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        flow_consume_stop(consumer, partition, true);
        return;
    }

    if (partition->said != error) {
        flow_report_line(&consumer->report, FLOW_LOG_ERROR,
                         "kafka: topic \"%s\" partition %d: %s",
                         rd_kafka_topic_name(topic->handle),
                         (int) partition->job.partition,
                         rd_kafka_err2str(error));
        partition->said = error;
    }

    switch (error) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        flow_consume_stop(consumer, partition, false);
        break;

    default:
        /* librdkafka tries again by itself */
        break;
    }
}
