/*
 * Which partitions are consumed, and from where: joins the consumer (step 0)
 * with the pipeline (steps 1 to 4), which knows the offsets.
 */

#ifndef FLOW_ASSIGN_H
#define FLOW_ASSIGN_H

#include "flow_consume.h"
#include "flow_pipeline.h"


typedef struct {
    flow_consumer_conf_t  consumer;
    flow_start_t          start;
    const int32_t        *partitions;        /* ascending */
    uint32_t              partition_count;   /* 0: all that there are */
    uint32_t              member;            /* of these, the share of this */
    uint32_t              members;           /* ... one of so many */

    /* the three that are not about partitions go on to the process */
    void                (*error)(void *data, const char *name);
    void                (*connected)(void *data, bool connected);
    void                (*log)(void *data, flow_log_e level,
                               const char *text);
    void                 *data;
} flow_assign_conf_t;


typedef struct flow_assign_s  flow_assign_t;


/*
 * Creates the consumer too.  "conf" is copied; what it points to, and the
 * pipeline, must outlive the assignment.  Returns NULL with a sentence.
 */

flow_assign_t *flow_assign_create(const flow_assign_conf_t *conf,
    flow_pipeline_t *pipeline, flow_error_t *error);

/* As flow_consume_close(). */

void flow_assign_close(flow_assign_t *assign);

/* As flow_consume_descriptor() and flow_consume_poll(). */

int flow_assign_descriptor(const flow_assign_t *assign);
int flow_assign_poll(flow_assign_t *assign, uint32_t limit) FLOW_MUST_CHECK;

/*
 * Tells the pipeline the newest known ends of all partitions.  Returns true if
 * all flows up to the last such call were seen: each partition that is to be
 * consumed is so, and was read up to the end that it had then.
 */

bool flow_assign_refresh_ends(flow_assign_t *assign);


/*
 * True once Kafka has told of each topic, and each partition that is to be
 * consumed was read up to its end since the assignment began.
 */

bool flow_assign_is_caught_up(const flow_assign_t *assign);


/*
 * Commits to Kafka what the zone has of each partition that is consumed; only
 * while that is durable.  Does not wait, and does nothing without a group; to
 * be called again and again.
 */

void flow_assign_commit(flow_assign_t *assign);

/*
 * The same for an orderly end: waits so many milliseconds, and says what is
 * not committed then.
 */

void flow_assign_commit_last(flow_assign_t *assign, int64_t milliseconds);


#endif /* FLOW_ASSIGN_H */
