/*
 * Step 3: records -> sums of a batch, in private memory.
 *
 *   hosts   [0] "edge1"   [1] "edge2" ...          one a hostname
 *   sums    [0] receive 64500 <- 64496 host 0: 1234 bytes, 2 records ...
 *   overflow[direction]                          what found no room above
 *   advances[0] topic 0 partition 3: next offset 812 ...
 *   tally                                        messages, records, reasons
 *
 * A batch belongs to one thread.  Its room is fixed: it is published when
 * flow_aggregate_is_full() says so, and a single message that is too large
 * for what is left then goes into the overflow sums, so that a message is
 * never divided between batches.
 */

#ifndef FLOW_AGGREGATE_H
#define FLOW_AGGREGATE_H

#include "flow_index.h"
#include "flow_record.h"


typedef struct {
    uint32_t  source_as;
    uint32_t  destination_as;
    uint32_t  host;           /* index in the batch's hosts */
    uint32_t  direction;      /* flow_direction_e */
} flow_key_t;


typedef struct {
    flow_key_t  key;
    uint64_t    bytes;        /* modulo 2^64 */
    uint64_t    records;
} flow_sum_t;


typedef struct {
    flow_str_t  name;         /* in the batch's memory */
    int64_t     timestamp;    /* newest message, milliseconds, -1: none */
    uint32_t    entry;        /* in the zone, for who composes a record */
} flow_batch_host_t;


/* How far a batch brings a partition. */

typedef struct {
    uint32_t  topic;
    int32_t   partition;
    int64_t   to;             /* next offset after the batch */
    int64_t   last;           /* its last message: offset, -1: none, ... */
    int64_t   timestamp;      /* ... when it was produced, milliseconds, ... */
    uint32_t  checksum;       /* ... and of its value */
    bool      anew;           /* messages before the batch are of no account */
} flow_advance_t;


/*
 * Room of a batch, and how much of it makes the batch full: the rest is for
 * the last message, whose records all have to fit.
 */

typedef struct {
    uint32_t  sums;
    uint32_t  sums_full;
    uint32_t  hosts;
    uint32_t  hosts_full;
    size_t    host_bytes;
    size_t    host_bytes_full;
} flow_batch_limits_t;


/* What the batch adds to a topic's counters. */

typedef struct {
    uint64_t  messages[FLOW_MESSAGE_RESULT_COUNT];
    uint64_t  message_bytes;
    uint64_t  skipped_offsets;
    uint64_t  gap_offsets;
    uint64_t  duplicate_messages;
} flow_topic_tally_t;


/* What the batch adds to the exporter's counters. */

typedef struct {
    uint64_t  records[FLOW_RESULT_COUNT];
    uint64_t  skipped[FLOW_SKIP_COUNT];
    uint64_t  invalid[FLOW_REASON_COUNT];
    uint64_t  cut_labels;
    uint64_t  repaired_labels;
} flow_tally_t;


typedef struct {
    flow_sum_t          *sums;
    uint32_t             sum_count;
    flow_batch_host_t   *hosts;
    uint32_t             host_count;
    flow_sum_t           overflow[FLOW_DIRECTION_COUNT];  /* key unused */
    flow_advance_t      *advances;
    uint32_t             advance_count;
    flow_topic_tally_t  *topics;
    uint32_t             topic_count;
    flow_tally_t         tally;
    uint64_t             messages;
    bool                 wrapped;    /* a sum passed 2^64 */
    uint32_t            *series;     /* of each sum, for who publishes */

    /* private to flow_aggregate.c */
    flow_batch_limits_t  limits;
    flow_index_t         sum_index;
    flow_index_t         host_index;
    char                *host_bytes;
    size_t               host_bytes_used;
    uint32_t             advance_capacity;
    uint32_t             advance_last;
} flow_batch_t;


/*
 * "topic_count" is the number of configured topics.  Returns NULL if memory
 * is short.
 */

flow_batch_t *flow_aggregate_create(uint32_t topic_count,
    const flow_batch_limits_t *limits);
void flow_aggregate_destroy(flow_batch_t *batch);

/*
 * Adds a record's bytes to the sum of its key.  "timestamp" is that of its
 * message.  Never fails: without room the bytes go to the overflow sum of
 * their direction.
 */

void flow_aggregate_add(flow_batch_t *batch, flow_direction_e direction,
    const flow_record_t *record, int64_t timestamp);

/*
 * Notes that a partition's offsets below "to" are in the batch.  Returns the
 * partition's entry, for the caller to note the last message, or NULL if
 * memory is short; nothing has changed then.
 */

flow_advance_t *flow_aggregate_advance(flow_batch_t *batch, uint32_t topic,
    int32_t partition, int64_t to) FLOW_MUST_CHECK;

/* True when the batch has to be published before another message. */

bool flow_aggregate_is_full(const flow_batch_t *batch);

/* True while there is nothing to publish. */

bool flow_aggregate_is_empty(const flow_batch_t *batch);

/* Makes the batch empty; its room stays allocated. */

void flow_aggregate_reset(flow_batch_t *batch);


#endif /* FLOW_AGGREGATE_H */
