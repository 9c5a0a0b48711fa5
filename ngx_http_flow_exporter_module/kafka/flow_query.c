/*
 * Step 0, the calls of librdkafka that wait: offsets, metadata, stopping.
 */

#include <string.h>

#include "flow_query.h"


/* Milliseconds. */

#define FLOW_QUERY_METADATA_WAIT  2000
#define FLOW_QUERY_OFFSETS_WAIT   3000
#define FLOW_QUERY_WAKE_WAIT       100


/* What Kafka takes for the time of the first and of the next record. */

#define FLOW_QUERY_LOW            RD_KAFKA_OFFSET_BEGINNING
#define FLOW_QUERY_HIGH           RD_KAFKA_OFFSET_END

/* The time that the start policy of a job asks for. */

#define FLOW_QUERY_START          0


static rd_kafka_resp_err_t flow_query_offsets(rd_kafka_t *kafka,
    rd_kafka_topic_t *const *topics, flow_job_t *jobs, size_t count);
static rd_kafka_resp_err_t flow_query_ask(rd_kafka_t *kafka,
    rd_kafka_topic_partition_list_t *list, flow_job_t *jobs, int64_t which);
static int64_t flow_query_timestamp(const flow_job_t *job, int64_t which);
static rd_kafka_resp_err_t flow_query_committed(rd_kafka_t *kafka,
    rd_kafka_topic_partition_list_t *list, flow_job_t *jobs);
static void flow_query_answer(flow_job_t *job,
    const rd_kafka_topic_partition_t *found, int64_t which);


void
flow_query_jobs(rd_kafka_t *kafka, rd_kafka_topic_t *const *topics,
    flow_job_t *jobs)
{
    size_t               count = 0;
    flow_job_t          *job, *next;
    rd_kafka_resp_err_t  error;

    if (jobs->kind == FLOW_JOB_STOP) {
        jobs->error = RD_KAFKA_RESP_ERR_NO_ERROR;

        if (rd_kafka_consume_stop(topics[jobs->topic], jobs->partition)
            == -1)
        {
            jobs->error = rd_kafka_last_error();
        }

        return;
    }

    for (job = jobs; job != NULL; job = job->next) {
        count++;
    }

    error = flow_query_offsets(kafka, topics, jobs, count);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }

    /* one partition without a leader fails them all: ask for each alone */

    for (job = jobs; job != NULL; job = next) {
        next = job->next;
        job->error = error;

        if (count > 1 && error != RD_KAFKA_RESP_ERR__TIMED_OUT
            && error != RD_KAFKA_RESP_ERR__TRANSPORT)
        {
            job->next = NULL;
            job->error = flow_query_offsets(kafka, topics, job, 1);
            job->next = next;
        }
    }
}


/* Returns an error that holds for all, or fills in all answers. */

static rd_kafka_resp_err_t
flow_query_offsets(rd_kafka_t *kafka, rd_kafka_topic_t *const *topics,
    flow_job_t *jobs, size_t count)
{
    flow_job_t                       *job;
    rd_kafka_resp_err_t               error;
    rd_kafka_topic_partition_list_t  *list;

    list = rd_kafka_topic_partition_list_new((int) count);

    for (job = jobs; job != NULL; job = job->next) {
        job->error = RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_topic_partition_list_add(list,
            rd_kafka_topic_name(topics[job->topic]), job->partition);
    }

    error = flow_query_ask(kafka, list, jobs, FLOW_QUERY_LOW);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = flow_query_ask(kafka, list, jobs, FLOW_QUERY_HIGH);
    }

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = flow_query_ask(kafka, list, jobs, FLOW_QUERY_START);
    }

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = flow_query_committed(kafka, list, jobs);
    }

    rd_kafka_topic_partition_list_destroy(list);

    return error;
}


/* One question about all partitions of the list, which are those of "jobs". */

static rd_kafka_resp_err_t
flow_query_ask(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
    flow_job_t *jobs, int64_t which)
{
    int                   i = 0;
    bool                  asked = false;
    flow_job_t           *job;
    rd_kafka_resp_err_t   error;

    for (job = jobs; job != NULL; job = job->next) {
        list->elems[i].offset = flow_query_timestamp(job, which);
        list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        i++;

        asked |= which != FLOW_QUERY_START
                 || job->start.policy == FLOW_START_TIME;
    }

    if (asked) {
        error = rd_kafka_offsets_for_times(kafka, list,
                                           FLOW_QUERY_OFFSETS_WAIT);

        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return error;
        }
    }

    i = 0;

    for (job = jobs; job != NULL; job = job->next) {
        flow_query_answer(job, &list->elems[i++], which);
    }

    return RD_KAFKA_RESP_ERR_NO_ERROR;
}


/* What is committed for the group, where a job starts there. */

static rd_kafka_resp_err_t
flow_query_committed(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
    flow_job_t *jobs)
{
    int                          i = 0;
    bool                         asked = false;
    flow_job_t                  *job;
    rd_kafka_resp_err_t          error;
    rd_kafka_topic_partition_t  *found;

    for (job = jobs; job != NULL; job = job->next) {
        list->elems[i++].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        asked |= job->start.policy == FLOW_START_COMMITTED;
    }

    if (!asked) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }

    error = rd_kafka_committed(kafka, list, FLOW_QUERY_OFFSETS_WAIT);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error;
    }

    i = 0;

    for (job = jobs; job != NULL; job = job->next) {
        found = &list->elems[i++];

        if (job->start.policy == FLOW_START_COMMITTED
            && job->error == RD_KAFKA_RESP_ERR_NO_ERROR)
        {
            job->error = found->err;
            job->offset = found->offset >= 0 ? found->offset : -1;
        }
    }

    return RD_KAFKA_RESP_ERR_NO_ERROR;
}


static int64_t
flow_query_timestamp(const flow_job_t *job, int64_t which)
{
    if (which != FLOW_QUERY_START) {
        return which;
    }

    return job->start.policy == FLOW_START_TIME ? job->start.timestamp
                                                : FLOW_QUERY_HIGH;
}


static void
flow_query_answer(flow_job_t *job, const rd_kafka_topic_partition_t *found,
    int64_t which)
{
    if (job->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        job->error = found->err;
    }

    if (job->error == RD_KAFKA_RESP_ERR_NO_ERROR
        && which != FLOW_QUERY_START && found->offset < 0)
    {
        job->error = RD_KAFKA_RESP_ERR__NO_OFFSET;
    }

    if (which == FLOW_QUERY_LOW) {
        job->low = found->offset;

    } else if (which == FLOW_QUERY_HIGH) {
        job->high = found->offset;

    } else if (job->start.policy == FLOW_START_EARLIEST) {
        job->offset = job->low;

    } else if (job->start.policy == FLOW_START_TIME && found->offset >= 0) {
        job->offset = found->offset;

    } else {

        /* latest, or no record is as young as the start time */

        job->offset = job->high;
    }
}


void
flow_query_wake(rd_kafka_t *kafka,
    rd_kafka_topic_partition_list_t *partitions)
{
    int  i;

    for (i = 0; i < partitions->cnt; i++) {
        partitions->elems[i].offset = FLOW_QUERY_HIGH;
    }

    (void) rd_kafka_offsets_for_times(kafka, partitions,
                                      FLOW_QUERY_WAKE_WAIT);
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


bool
flow_query_cluster(rd_kafka_t *kafka, char *id)
{
    char    *told;
    size_t   length;

    told = rd_kafka_clusterid(kafka, 0);

    if (told == NULL) {
        return false;
    }

    length = strlen(told);

    if (length != 0 && length < FLOW_CONSUME_CLUSTER) {
        memset(id, 0, FLOW_CONSUME_CLUSTER);
        memcpy(id, told, length);
    }

    rd_kafka_mem_free(kafka, told);

    return length != 0 && length < FLOW_CONSUME_CLUSTER;
}
