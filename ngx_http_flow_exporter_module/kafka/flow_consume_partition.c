/*
 * Step 0: a partition's round, from the question where it starts to its stop.
 */

#include <stdlib.h>

#include "flow_consumer.h"


/* Milliseconds before a failed question or a restart is tried again. */

#define FLOW_CONSUME_DELAY      250
#define FLOW_CONSUME_DELAY_MAX  30000


static flow_consume_partition_t *flow_consume_partition(
    const flow_consumer_t *consumer, uint32_t topic, int32_t partition);
static int64_t flow_consume_delay(uint32_t failures);


int
flow_consume_grow(flow_consume_topic_t *topic, int32_t count)
{
    flow_consume_partition_t  *partition, **partitions;

    if (count <= topic->capacity) {
        return FLOW_OK;
    }

    partitions = realloc(topic->partitions,
                         (size_t) count
                         * sizeof(flow_consume_partition_t *));

    if (partitions == NULL) {
        return FLOW_ERROR;
    }

    topic->partitions = partitions;

    while (topic->capacity < count) {
        partition = calloc(1, sizeof(flow_consume_partition_t));

        if (partition == NULL) {
            return FLOW_ERROR;
        }

        partition->job.topic = topic->index;
        partition->job.partition = topic->capacity;
        topic->partitions[topic->capacity++] = partition;
    }

    return FLOW_OK;
}


void
flow_consume_resolve(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, const flow_start_t *start)
{
    flow_consume_partition_t  *found;

    found = flow_consume_partition(consumer, topic, partition);

    if (found == NULL || found->state != FLOW_CONSUME_IDLE) {
        return;
    }

    found->state = FLOW_CONSUME_RESOLVING;
    found->questions = 0;
    found->job.kind = FLOW_JOB_RESOLVE;
    found->job.start = *start;

    flow_control_submit(consumer->control, &found->job, 0);
}


void
flow_consume_start(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, int64_t offset)
{
    flow_consume_partition_t  *found;

    found = flow_consume_partition(consumer, topic, partition);

    if (found == NULL || found->state != FLOW_CONSUME_IDLE) {
        return;
    }

    found->state = FLOW_CONSUME_CONSUMED;

    if (rd_kafka_consume_start_queue(consumer->handles[topic], partition,
                                     offset, consumer->queue)
        == -1)
    {
        flow_report_count(&consumer->report, rd_kafka_last_error());
        flow_consume_stop(consumer, found, false);
    }
}


void
flow_consume_reject(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition)
{
    flow_consume_partition_t  *found;

    found = flow_consume_partition(consumer, topic, partition);

    if (found != NULL) {
        flow_consume_stop(consumer, found, true);
    }
}


/*
 * Waits longer from one stop to the next, while nothing has come in between:
 * a broker that refuses what it offers is not asked in a loop.
 */

void
flow_consume_stop(flow_consumer_t *consumer,
    flow_consume_partition_t *partition, bool out_of_range)
{
    if (partition->state != FLOW_CONSUME_CONSUMED) {
        return;
    }

    partition->state = FLOW_CONSUME_STOPPING;
    partition->job.kind = FLOW_JOB_STOP;
    partition->job.out_of_range = out_of_range;

    flow_control_submit(consumer->control, &partition->job,
                        flow_consume_delay(partition->stops++));
}


void
flow_consume_done(flow_consumer_t *consumer, flow_job_t *job)
{
    const char                *name;
    flow_consume_partition_t  *partition;

    partition = consumer->topics[job->topic].partitions[job->partition];

    if (job->kind == FLOW_JOB_STOP) {
        partition->state = FLOW_CONSUME_IDLE;
        consumer->handler.stopped(consumer->data, job->topic, job->partition,
                                  job->out_of_range);

        if (!job->out_of_range) {
            flow_control_refresh(consumer->control);
        }

        return;
    }

    if (job->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition->state = FLOW_CONSUME_IDLE;
        consumer->handler.resolved(consumer->data, job->topic, job->partition,
                                   job->offset, job->low, job->high);
        return;
    }

    flow_report_count(&consumer->report, job->error);

    if (partition->said != job->error && consumer->report.connected) {
        name = rd_kafka_topic_name(consumer->handles[job->topic]);
        flow_report_line(&consumer->report, FLOW_LOG_WARNING,
                         "kafka: topic \"%s\" partition %d: no answer where "
                         "it starts and ends: %s", name, (int) job->partition,
                         rd_kafka_err2str(job->error));
        partition->said = job->error;
    }

    flow_control_submit(consumer->control, job,
                        flow_consume_delay(++partition->questions));
}


int64_t
flow_consume_end_offset(const flow_consumer_t *consumer, uint32_t topic,
    int32_t partition)
{
    int64_t  low, high;

    if (flow_consume_partition(consumer, topic, partition) != NULL
        && rd_kafka_get_watermark_offsets(consumer->kafka,
               rd_kafka_topic_name(consumer->handles[topic]), partition,
               &low, &high)
           == RD_KAFKA_RESP_ERR_NO_ERROR
        && high >= 0)
    {
        return high;
    }

    return -1;
}


static flow_consume_partition_t *
flow_consume_partition(const flow_consumer_t *consumer, uint32_t topic,
    int32_t partition)
{
    if (topic >= consumer->topic_count || partition < 0
        || partition >= consumer->topics[topic].capacity)
    {
        return NULL;
    }

    return consumer->topics[topic].partitions[partition];
}


static int64_t
flow_consume_delay(uint32_t failures)
{
    int64_t  delay = failures == 0 ? 0 : FLOW_CONSUME_DELAY;

    while (failures > 1 && delay < FLOW_CONSUME_DELAY_MAX) {
        delay *= 2;
        failures--;
    }

    return delay;
}
