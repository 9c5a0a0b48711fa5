/*
 * Step 0: offsets committed to Kafka under a group's id, for lag tools and for
 * who consumes a partition next.  The group has no members: Kafka takes such
 * commits as they come.
 */

#include <string.h>
#include <time.h>

#include "flow_consumer.h"


static void flow_consume_committed(rd_kafka_t *kafka,
    rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *offsets,
    void *data);
static rd_kafka_resp_err_t flow_consume_commit_tell(flow_consumer_t *consumer,
    const rd_kafka_topic_partition_t *offset);
static void flow_consume_commit_say(flow_consumer_t *consumer,
    rd_kafka_resp_err_t error);


void
flow_consume_stage(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_add(consumer->staged,
        rd_kafka_topic_name(consumer->handles[topic]), partition)->offset
        = offset;
}


/* The answer comes through the main queue. */

void
flow_consume_commit(flow_consumer_t *consumer)
{
    rd_kafka_resp_err_t  error;

    if (consumer->staged->cnt == 0) {
        return;
    }

    error = rd_kafka_commit_queue(consumer->kafka, consumer->staged,
                                  consumer->main_queue,
                                  flow_consume_committed, consumer);

    rd_kafka_topic_partition_list_destroy(consumer->staged);
    consumer->staged = rd_kafka_topic_partition_list_new(0);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        consumer->committing = true;

    } else {
        flow_consume_commit_say(consumer, error);
    }
}


bool
flow_consume_is_committing(const flow_consumer_t *consumer)
{
    return consumer->committing;
}


void
flow_consume_settle(flow_consumer_t *consumer, int64_t milliseconds)
{
    int64_t  left, until;

    until = flow_consume_clock() + milliseconds;

    while (consumer->committing && consumer->report.connected) {
        left = until - flow_consume_clock();

        if (left <= 0) {
            return;
        }

        rd_kafka_poll(consumer->kafka, (int) left);
    }
}


static void
flow_consume_committed(rd_kafka_t *kafka, rd_kafka_resp_err_t error,
    rd_kafka_topic_partition_list_t *offsets, void *data)
{
    int                   i;
    flow_consumer_t      *consumer = data;
    rd_kafka_resp_err_t   failed;

    (void) kafka;

    consumer->committing = false;
    failed = error;

    for (i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < offsets->cnt; i++) {
        if (flow_consume_commit_tell(consumer, &offsets->elems[i])
            != RD_KAFKA_RESP_ERR_NO_ERROR)
        {
            failed = offsets->elems[i].err;
        }
    }

    flow_consume_commit_say(consumer, failed);
}


static rd_kafka_resp_err_t
flow_consume_commit_tell(flow_consumer_t *consumer,
    const rd_kafka_topic_partition_t *offset)
{
    uint32_t  i;

    if (offset->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return offset->err;
    }

    for (i = 0; i < consumer->topic_count; i++) {
        if (strcmp(rd_kafka_topic_name(consumer->handles[i]), offset->topic)
            == 0)
        {
            consumer->handler.committed(consumer->data, i, offset->partition,
                                        offset->offset);
            break;
        }
    }

    return RD_KAFKA_RESP_ERR_NO_ERROR;
}


/* Once per change. */

static void
flow_consume_commit_say(flow_consumer_t *consumer, rd_kafka_resp_err_t error)
{
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        flow_report_count(&consumer->report, error);
    }

    if (error == consumer->commit_said) {
        return;
    }

    consumer->commit_said = error;

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        flow_report_line(&consumer->report, FLOW_LOG_NOTICE,
                         "kafka: offsets are committed again");

    } else {
        flow_report_line(&consumer->report, FLOW_LOG_ERROR,
                         "kafka: offsets are not committed: %s",
                         rd_kafka_err2str(error));
    }
}


int64_t
flow_consume_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
