/*
 * Step 0, the calls of librdkafka that wait: offsets, metadata, stopping.
 */

#include "flow_query.h"


/* Milliseconds. */

#define FLOW_QUERY_METADATA_WAIT  2000
#define FLOW_QUERY_OFFSETS_WAIT   3000


static void flow_query_offsets(rd_kafka_t *kafka, const char *topic,
    flow_job_t *job);
static void flow_query_time(rd_kafka_t *kafka, const char *topic,
    flow_job_t *job);


void
flow_query_job(rd_kafka_t *kafka, rd_kafka_topic_t *topic, flow_job_t *job)
{
    job->error = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (job->kind == FLOW_JOB_RESOLVE) {
        flow_query_offsets(kafka, rd_kafka_topic_name(topic), job);

    } else if (rd_kafka_consume_stop(topic, job->partition) == -1) {
        job->error = rd_kafka_last_error();
    }
}


static void
flow_query_offsets(rd_kafka_t *kafka, const char *topic, flow_job_t *job)
{
    job->error = rd_kafka_query_watermark_offsets(kafka, topic,
                     job->partition, &job->low, &job->high,
                     FLOW_QUERY_OFFSETS_WAIT);

    if (job->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }

    job->offset = job->high;

    if (job->start.policy == FLOW_START_EARLIEST) {
        job->offset = job->low;

    } else if (job->start.policy == FLOW_START_TIME) {
        flow_query_time(kafka, topic, job);
    }
}


static void
flow_query_time(rd_kafka_t *kafka, const char *topic, flow_job_t *job)
{
    rd_kafka_topic_partition_t       *found;
    rd_kafka_topic_partition_list_t  *list;

    list = rd_kafka_topic_partition_list_new(1);
    found = rd_kafka_topic_partition_list_add(list, topic, job->partition);
    found->offset = job->start.timestamp;

    job->error = rd_kafka_offsets_for_times(kafka, list,
                                            FLOW_QUERY_OFFSETS_WAIT);

    if (job->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        job->error = found->err;
    }

    /* a negative one says that no record is as young as that */

    if (job->error == RD_KAFKA_RESP_ERR_NO_ERROR && found->offset >= 0) {
        job->offset = found->offset;
    }

    rd_kafka_topic_partition_list_destroy(list);
}


rd_kafka_resp_err_t
flow_query_topic(rd_kafka_t *kafka, rd_kafka_topic_t *topic,
    flow_control_topic_t *answer)
{
    rd_kafka_resp_err_t              error;
    const struct rd_kafka_metadata  *metadata;

    /*
     * By its handle: in a request for all known topics some versions of
     * librdkafka let the broker create a missing one.
     */

    error = rd_kafka_metadata(kafka, 0, topic, &metadata,
                              FLOW_QUERY_METADATA_WAIT);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error;
    }

    answer->error = RD_KAFKA_RESP_ERR_UNKNOWN;
    answer->partitions = 0;

    if (metadata->topic_cnt == 1) {
        answer->error = metadata->topics[0].err;
        answer->partitions = metadata->topics[0].partition_cnt;
    }

    if (answer->error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        answer->error = RD_KAFKA_RESP_ERR_NO_ERROR;
        answer->partitions = 0;

    } else if (answer->error == RD_KAFKA_RESP_ERR_NO_ERROR
               && answer->partitions <= 0)
    {
        answer->error = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    }

    rd_kafka_metadata_destroy(metadata);

    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
