/*
 * The assignment inside: what flow_assign.c (what comes from the consumer),
 * flow_assign_offset.c (from where a partition goes on),
 * flow_assign_verify.c (whether it is still the same) and flow_assign_share.c
 * (what is this instance's, and what others learn of it) share, and nobody
 * else.
 *
 *   idle -- topic: offset stored --> verifying -- same ----> consumed
 *     |                               |   |  ^                |   |
 *     |                           other   |  |                |   |
 *     |                               v   |  "resolved": there|   |
 *     |                         rejected  |  |                |   |
 *     |                               v   v  |                |   |
 *     |                              looking <-- out of range +   |
 *     |                                 |                     ^   |
 *     |                                 +-- "resolved": gone -+   |
 *     +-- topic: none --> resolving ------- "resolved" -------+   |
 *     +<----------------- "stopped" for another reason -----------+
 */

#ifndef FLOW_ASSIGNMENT_H
#define FLOW_ASSIGNMENT_H

#include "flow_assign.h"


typedef enum {
    FLOW_ASSIGN_IDLE = 0,
    FLOW_ASSIGN_RESOLVING,
    FLOW_ASSIGN_VERIFYING,       /* from the last message that was counted */
    FLOW_ASSIGN_REJECTED,        /* which is another one now */
    FLOW_ASSIGN_CONSUMED,
    FLOW_ASSIGN_LOOKING,
    FLOW_ASSIGN_REFUSED          /* no room for it in the zone */
} flow_assign_state_e;


typedef struct {
    flow_assign_state_e       state;
    bool                      added;       /* to a topic that we know: while
                                              resolving */
    bool                      other;       /* not the one it was: while
                                              looking */
    int64_t                   goal;        /* its end when it began to be
                                              consumed, -1: not known yet */
    int64_t                   end;         /* when it was looked at last, or
                                              -1 */
    uint32_t                  looks;       /* in a row, ... */
    int64_t                   looked_at;   /* ... with this next offset */
    int64_t                   committed;   /* to Kafka, -1: nothing */
} flow_assign_partition_t;


typedef struct {
    flow_assign_partition_t  *partitions;
    int32_t                   capacity;
    int32_t                   count;
    uint32_t                  added;       /* partitions that are "added" */
    bool                      told;        /* Kafka has told of the topic */
    bool                      warned;
} flow_assign_topic_t;


struct flow_assign_s {
    flow_assign_conf_t        conf;
    flow_pipeline_t          *pipeline;
    flow_consumer_t          *consumer;
    flow_assign_topic_t      *topics;
    int64_t                   committed_all;   /* when, ms */
};


/* A partition that is to be consumed is there. */

void flow_assign_consider(flow_assign_t *assign, uint32_t topic,
    int32_t partition);

/* Handlers of the consumer. */

void flow_assign_resolved(void *data, uint32_t topic, int32_t partition,
    int64_t offset, int64_t low, int64_t high);
void flow_assign_stopped(void *data, uint32_t topic, int32_t partition,
    bool out_of_range);

int flow_assign_cluster(void *data, const char *id);
void flow_assign_committed(void *data, uint32_t topic, int32_t partition,
    int64_t offset);

/* True if the partition is to be consumed by this instance. */

bool flow_assign_is_ours(const flow_assign_t *assign, uint32_t topic,
    int32_t partition);

/*
 * Others may consume what the configuration does not name: where a partition
 * starts at the offset committed in Kafka, an offset of ours from before would
 * have theirs counted twice.  FLOW_ERROR if memory is short.
 */

int flow_assign_forget(flow_assign_t *assign) FLOW_MUST_CHECK;

/*
 * Consumes a partition that has a next offset, "low" and above being there:
 * from the last message that was counted, if it is among these, to see whether
 * it is still the same.
 */

void flow_assign_resume(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t low);

/*
 * While verifying: looks at a message, or at the partition's end.  FLOW_OK: it
 * is to be counted; FLOW_DECLINED: it is not.
 */

int flow_assign_verify(flow_assign_t *assign, const flow_message_t *message)
    FLOW_MUST_CHECK;
void flow_assign_verify_end(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t end);

/*
 * Tells the pipeline a topic's number of partitions, unless partitions are
 * being added: who comes after us would else take one of these for an old one
 * without an offset.
 */

void flow_assign_note_count(flow_assign_t *assign, uint32_t topic);

void flow_assign_line(flow_assign_t *assign, flow_log_e level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));


#endif /* FLOW_ASSIGNMENT_H */
