/*
 * Step 0: messages from Kafka, by librdkafka, without a consumer group.
 *
 * Nothing here blocks the caller.  What librdkafka can do only by waiting
 * (metadata, offset queries, stopping a partition) is done by a control
 * thread of the consumer's own, whose answers come through
 * flow_consume_poll() like everything else.  All handlers run inside
 * flow_consume_poll(), in the caller's thread.
 */

#ifndef FLOW_CONSUME_H
#define FLOW_CONSUME_H

#include "flow_record.h"


/* Where a partition without a stored offset starts. */

typedef enum {
    FLOW_START_LATEST = 0,
    FLOW_START_EARLIEST,
    FLOW_START_TIME,
    FLOW_START_COMMITTED        /* in Kafka, for the group */
} flow_start_e;

typedef struct {
    flow_start_e  policy;
    int64_t       timestamp;    /* FLOW_START_TIME: milliseconds */
} flow_start_t;


/* A cluster's id, with a zero. */

#define FLOW_CONSUME_CLUSTER  64


/* A librdkafka property; both are terminated by a zero. */

typedef struct {
    const char  *name;
    const char  *value;
} flow_property_t;


/* All strings are terminated by a zero; all of it outlives the consumer. */

typedef struct {
    const char             *brokers;         /* host:port,host:port ... */
    const char *const      *topics;
    uint32_t                topic_count;
    const flow_property_t  *properties;      /* in the order of the file */
    uint32_t                property_count;
    const char             *group;           /* NULL: none */
} flow_consumer_conf_t;


typedef enum {
    FLOW_LOG_ERROR = 0,
    FLOW_LOG_WARNING,
    FLOW_LOG_NOTICE,
    FLOW_LOG_INFO,
    FLOW_LOG_DEBUG
} flow_log_e;


typedef struct {
    /* a message; not FLOW_OK ends the poll, which returns that */
    int   (*message)(void *data, const flow_message_t *message);

    /* the partition's end was reached; "end" is its next offset */
    int   (*end)(void *data, uint32_t topic, int32_t partition, int64_t end);

    /* metadata: number of partitions, 0: the topic does not exist */
    void  (*topic)(void *data, uint32_t topic, int32_t partitions);

    /*
     * answer to flow_consume_resolve(): where to start, and the offsets that
     * the partition has now (low to high - 1); -1 where it starts at the
     * offset that is committed, and there is none
     */
    void  (*resolved)(void *data, uint32_t topic, int32_t partition,
                      int64_t offset, int64_t low, int64_t high);

    /*
     * the partition is consumed no longer, because its next offset is not
     * there (out_of_range) or for another reason, which has been given to
     * "error"; to be started again
     */
    void  (*stopped)(void *data, uint32_t topic, int32_t partition,
                     bool out_of_range);

    /*
     * whose brokers these are, as often as metadata tell; an id shorter than
     * FLOW_CONSUME_CLUSTER, before any topic.  Not FLOW_OK ends the poll
     */
    int   (*cluster)(void *data, const char *id);

    /* flow_consume_commit() has done this */
    void  (*committed)(void *data, uint32_t topic, int32_t partition,
                       int64_t offset);

    /* each error of Kafka's or librdkafka's, by librdkafka's name of it */
    void  (*error)(void *data, const char *name);

    /* some broker answers, or none does; once per change */
    void  (*connected)(void *data, bool connected);

    /* a line for the log; said once per change, not once per retry */
    void  (*log)(void *data, flow_log_e level, const char *text);
} flow_consume_handler_t;


typedef struct flow_consumer_s  flow_consumer_t;


/*
 * For "nginx -t": FLOW_OK, or FLOW_ERROR with a sentence that quotes it, if
 * this is no broker (host:port, [IPv6 address]:port), no topic, or no group.
 */

int flow_consume_check_broker(const char *broker, flow_error_t *error)
    FLOW_MUST_CHECK;
int flow_consume_check_topic(const char *topic, flow_error_t *error)
    FLOW_MUST_CHECK;
int flow_consume_check_group(const char *group, flow_error_t *error)
    FLOW_MUST_CHECK;

/*
 * For "nginx -t": FLOW_OK, or FLOW_ERROR with a sentence if librdkafka does
 * not know the property, refuses the value, or the property belongs to the
 * exporter itself.
 */

int flow_consume_check_property(const char *name, const char *value,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Properties that name a file which is to be read while nginx is still
 * privileged: returns the name of the property that takes the file's content
 * (PEM) instead, or NULL if "name" is no such property.
 */

const char *flow_consume_pem_property(const char *name);

/*
 * Checks the whole configuration as librdkafka sees it, without connecting.
 */

int flow_consume_check(const flow_consumer_conf_t *conf, flow_error_t *error)
    FLOW_MUST_CHECK;

/* Version of the librdkafka that runs. */

const char *flow_consume_version(void);

/*
 * Creates the consumer and begins to connect and to ask for metadata.  After
 * fork() only.  Returns NULL with a sentence.
 */

flow_consumer_t *flow_consume_create(const flow_consumer_conf_t *conf,
    const flow_consume_handler_t *handler, void *data, flow_error_t *error);

/*
 * A descriptor that becomes readable when flow_consume_poll() has work.  An
 * edge only: after a poll that returned FLOW_AGAIN poll again without it.
 */

int flow_consume_descriptor(const flow_consumer_t *consumer);

/*
 * Handles at most "limit" messages, and what else has come.  FLOW_OK:
 * everything is handled; FLOW_AGAIN: there may be more; or what a handler
 * returned.
 */

int flow_consume_poll(flow_consumer_t *consumer, uint32_t limit)
    FLOW_MUST_CHECK;

/*
 * Asks where a partition starts by "start"; the answer comes by "resolved".
 * Asked again and again, at a slower and slower pace, until there is one.
 */

void flow_consume_resolve(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, const flow_start_t *start);

/* Begins to consume a partition at "offset". */

void flow_consume_start(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, int64_t offset);

/*
 * What comes from a partition is not what was to come: it is not consumed any
 * further, and "stopped" says "out of range".
 */

void flow_consume_reject(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition);

/*
 * The end of a partition as the last fetch saw it, or -1; does not ask.
 */

int64_t flow_consume_end_offset(const flow_consumer_t *consumer,
    uint32_t topic, int32_t partition);

/*
 * Commits offsets to Kafka under the group's id: those that were staged, all
 * at once, while no other commit is under way.  "committed" tells of each; what
 * fails is left to the next commit.  Nothing commits by itself.
 */

void flow_consume_stage(flow_consumer_t *consumer, uint32_t topic,
    int32_t partition, int64_t offset);
void flow_consume_commit(flow_consumer_t *consumer);
bool flow_consume_is_committing(const flow_consumer_t *consumer);

/*
 * Waits until no commit is under way, not longer than so many milliseconds,
 * and not while no broker answers.
 */

void flow_consume_settle(flow_consumer_t *consumer, int64_t milliseconds);

/* A monotonic clock, milliseconds. */

int64_t flow_consume_clock(void);

/*
 * Ends all threads and frees everything, which may take seconds while
 * brokers are down: for single process mode and for leak checkers, never in
 * the way of a process that has to end.
 */

void flow_consume_close(flow_consumer_t *consumer);


#endif /* FLOW_CONSUME_H */
