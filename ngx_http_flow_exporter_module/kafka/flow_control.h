/*
 * The consumer's control thread: does what librdkafka can do only by waiting,
 * one thing after another, and hands the answers back.
 *
 *      consumer's thread                       control thread
 *   flow_control_submit(job)  -- pending -->  asks, waits
 *   flow_control_take_done()  <--- done ----  writes to the wake-up descriptor
 *   flow_control_take_topic() <-- metadata -  every 30 s, every second while
 *                                             something is missing
 *
 * A job is the consumer's memory, one for each partition and made beforehand,
 * so that none can be lost for want of memory.  From flow_control_submit()
 * until flow_control_take_done() returns it, it belongs to the control
 * thread.  All functions here are for the consumer's thread.
 */

#ifndef FLOW_CONTROL_H
#define FLOW_CONTROL_H

#include <librdkafka/rdkafka.h>

#include "flow_consume.h"


typedef enum {
    FLOW_JOB_RESOLVE = 0,   /* find offset, low and high */
    FLOW_JOB_STOP           /* rd_kafka_consume_stop() */
} flow_job_e;


typedef struct flow_job_s  flow_job_t;

struct flow_job_s {
    flow_job_e           kind;
    uint32_t             topic;
    int32_t              partition;
    flow_start_t         start;         /* of FLOW_JOB_RESOLVE */
    bool                 out_of_range;  /* why FLOW_JOB_STOP, for the answer */

    /* the answer */
    rd_kafka_resp_err_t  error;
    int64_t              offset;
    int64_t              low;
    int64_t              high;

    /* the control thread's */
    int64_t              due;
    flow_job_t          *next;
};


/* What metadata said of a topic; partitions 0: it does not exist. */

typedef struct {
    rd_kafka_resp_err_t  error;         /* the answer tells nothing */
    int32_t              partitions;
} flow_control_topic_t;


typedef struct flow_control_s  flow_control_t;


/*
 * "topics" and what it points to must outlive the thread; "wake" is an
 * eventfd.  Returns NULL with a sentence.
 */

flow_control_t *flow_control_create(rd_kafka_t *kafka,
    rd_kafka_topic_t *const *topics, uint32_t topic_count, int wake,
    flow_error_t *error);

/*
 * Ends the thread, which may take as long as a call of librdkafka's that it
 * is in (two seconds or three); jobs that are not done are forgotten.
 */

void flow_control_destroy(flow_control_t *control);

/* Does "job" when "delay" milliseconds have passed. */

void flow_control_submit(flow_control_t *control, flow_job_t *job,
    int64_t delay);

/*
 * Asks for metadata now: something has changed.  Answers that are under way
 * no longer tell whether a broker answers.
 */

void flow_control_refresh(flow_control_t *control);

/*
 * Has the brokers fetch now what these partitions have, which librdkafka would
 * look for only after a second.  Takes over the list.
 */

void flow_control_fetch(flow_control_t *control,
    rd_kafka_topic_partition_list_t *partitions);

/* Returns the jobs done, linked by "next", in the order of their ending. */

flow_job_t *flow_control_take_done(flow_control_t *control);

/*
 * True if there was an answer to a metadata request, or none in time
 * (*error), since the last call.
 */

bool flow_control_take_metadata(flow_control_t *control,
    rd_kafka_resp_err_t *error);

/*
 * True if metadata told whose brokers these are since the last call; "id" has
 * room for FLOW_CONSUME_CLUSTER bytes.
 */

bool flow_control_take_cluster(flow_control_t *control, char *id);

/* True if metadata told something of the topic since the last call. */

bool flow_control_take_topic(flow_control_t *control, uint32_t topic,
    flow_control_topic_t *answer);


#endif /* FLOW_CONTROL_H */
