/*
 * The consumer inside: what flow_consume.c (its life), flow_consume_poll.c
 * (what comes out of it), flow_consume_partition.c (a partition's round) and
 * flow_consume_commit.c (offsets in Kafka) share, and nobody else.
 *
 * A partition, once metadata has named it, goes round like this:
 *
 *   idle ------ flow_consume_resolve() --> resolving --- "resolved" --> idle
 *   idle ------ flow_consume_start() ----> consumed
 *   consumed -- flow_consume_stop() -----> stopping ---- "stopped" ---> idle
 *
 * Its job is with the control thread while it is resolving or stopping, and
 * only then.
 */

#ifndef FLOW_CONSUMER_H
#define FLOW_CONSUMER_H

#include <librdkafka/rdkafka.h>

#include "flow_consume.h"
#include "flow_control.h"
#include "flow_report.h"


#define FLOW_CONSUME_BATCH   256

/* A queue that was empty after fewer messages has not been full. */

#define FLOW_CONSUME_ROW    1000

typedef enum {
    FLOW_CONSUME_IDLE = 0,
    FLOW_CONSUME_RESOLVING,
    FLOW_CONSUME_CONSUMED,
    FLOW_CONSUME_STOPPING
} flow_consume_state_e;


typedef struct {
    flow_job_t             job;           /* one at a time */
    flow_consume_state_e   state;
    uint32_t               questions;     /* without an answer */
    uint32_t               stops;         /* without a message in between */
    rd_kafka_resp_err_t    said;          /* error that is in the log */
} flow_consume_partition_t;


typedef struct {
    uint32_t                    index;
    rd_kafka_topic_t           *handle;
    int32_t                     count;    /* as told, -1: nothing yet */
    rd_kafka_resp_err_t         said;
    flow_consume_partition_t  **partitions;
    int32_t                     capacity;
} flow_consume_topic_t;


struct flow_consumer_s {
    flow_consume_handler_t  handler;
    void                   *data;
    flow_report_t           report;
    rd_kafka_t             *kafka;
    rd_kafka_queue_t       *main_queue;
    rd_kafka_queue_t       *queue;
    int                     wake;
    flow_control_t         *control;
    flow_consume_topic_t   *topics;
    rd_kafka_topic_t      **handles;      /* the same, for the control thread */
    uint32_t                topic_count;
    bool                    lingers;      /* after a full queue */
    size_t                  row;          /* messages since it was empty */

    /* offsets to be committed, and what became of the last commit */
    rd_kafka_topic_partition_list_t  *staged;
    bool                              committing;
    rd_kafka_resp_err_t               commit_said;

    /* taken from the queue, not handled yet: batch[batch_next] ... */
    rd_kafka_message_t     *batch[FLOW_CONSUME_BATCH];
    size_t                  batch_count;
    size_t                  batch_next;
};


/*
 * Makes the partitions below "count" known; FLOW_ERROR if memory is short.
 * Partitions stay where they are, for the control thread may know them.
 */

int flow_consume_grow(flow_consume_topic_t *topic, int32_t count)
    FLOW_MUST_CHECK;

/*
 * Ends the consumption of a partition; "stopped" will say when that is done.
 */

void flow_consume_stop(flow_consumer_t *consumer,
    flow_consume_partition_t *partition, bool out_of_range);

/* A job came back from the control thread. */

void flow_consume_done(flow_consumer_t *consumer, flow_job_t *job);


#endif /* FLOW_CONSUMER_H */
