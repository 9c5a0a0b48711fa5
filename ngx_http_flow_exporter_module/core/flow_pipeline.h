/*
 * Steps 1 to 4 one after another: what happens to each message, on one
 * screen of flow_pipeline.c.
 *
 * Also the offsets: which partitions are known, from where each goes on.
 * Single thread, the zone's writer.
 */

#ifndef FLOW_PIPELINE_H
#define FLOW_PIPELINE_H

#include "flow_classify.h"
#include "flow_format.h"
#include "flow_names.h"
#include "flow_publish.h"


typedef struct {
    const flow_format_t  *format;
    const flow_names_t   *names;        /* NULL: none */
    flow_own_t            own;
    bool                  transit;      /* series for transit flows */
    const flow_str_t     *topics;
    uint32_t              topic_count;

    /* called for each invalid record, for a log line at a limited rate */
    void                (*invalid)(void *data, const flow_message_t *message,
                                   flow_reason_e reason);

    void                 *data;
} flow_pipeline_conf_t;


typedef struct flow_pipeline_s  flow_pipeline_t;


/*
 * "conf" is copied; what it points to, and the writer, must outlive the
 * pipeline.  Returns NULL with a sentence if memory is short or the zone has
 * no room for a topic.
 */

flow_pipeline_t *flow_pipeline_create(const flow_pipeline_conf_t *conf,
    flow_zone_writer_t *writer, flow_error_t *error);
void flow_pipeline_destroy(flow_pipeline_t *pipeline);

/*
 * Who holds the lease: records of this pipeline are of this lineage and epoch.
 * Before the first record is composed.
 */

void flow_pipeline_set_epoch(flow_pipeline_t *pipeline, uint64_t lineage,
    uint64_t epoch);

/*
 * Takes a message: decode, classify, aggregate.  A message below its
 * partition's next offset is counted as a duplicate and left out; offsets
 * that were jumped over are counted as skipped.  FLOW_OK; FLOW_AGAIN: taken,
 * and now the batch is full, no other one may be given before a record has
 * been composed; FLOW_ERROR if memory is short: the caller ends the process,
 * and the next one takes the message again.
 */

int flow_pipeline_message(flow_pipeline_t *pipeline,
    const flow_message_t *message) FLOW_MUST_CHECK;

/*
 * The partition was read up to "end", the offset of its next message; what
 * lies between its last message and that is no message (control records).
 */

int flow_pipeline_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end) FLOW_MUST_CHECK;

/* A record has to be composed before another message is taken. */

bool flow_pipeline_is_full(const flow_pipeline_t *pipeline);

/* There is nothing for a record to hold. */

bool flow_pipeline_is_empty(const flow_pipeline_t *pipeline);

/*
 * Composes the redo record of what has been summed, in the zone's journal; a
 * new batch begins.  Not while there is a record that was composed but not
 * applied.  *events becomes what happened.  FLOW_OK, with the record, or
 * FLOW_ERROR if the zone is too small for even the smallest record.
 */

int flow_pipeline_compose(flow_pipeline_t *pipeline, flow_str_t *record,
    flow_publish_events_t *events) FLOW_MUST_CHECK;

/* Adds the composed record to the zone, where readers see it. */

void flow_pipeline_apply(flow_pipeline_t *pipeline);

/*
 * Notes that a topic has "count" partitions (0: the topic does not exist).
 * Returns FLOW_OK, or FLOW_DECLINED if that was known.
 */

int flow_pipeline_topic(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t count);

/* True if the topic was once seen absent. */

bool flow_pipeline_was_absent(const flow_pipeline_t *pipeline,
    uint32_t topic);

/*
 * Next offset of a partition, published or not; -1: none is stored.
 */

int64_t flow_pipeline_next_offset(const flow_pipeline_t *pipeline,
    uint32_t topic, int32_t partition);

/*
 * Offset of the last message of a partition that was taken; -1: none, or none
 * since the partition began to be consumed.
 */

int64_t flow_pipeline_last_offset(const flow_pipeline_t *pipeline,
    uint32_t topic, int32_t partition);

/*
 * True if this is the last message of its partition that was taken, by its
 * time stamp and checksum: the topic is still the one it was.
 */

bool flow_pipeline_is_last(const flow_pipeline_t *pipeline,
    const flow_message_t *message);

/*
 * True if the partition has no stored offset and is to be read from its
 * beginning whatever the start policy says: it was added to a known topic, or
 * its topic was once seen absent.  Asked before flow_pipeline_topic() notes
 * the new number of partitions.
 */

bool flow_pipeline_is_new(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition);

/*
 * Sets where a partition goes on: its first offset, or a jump over a gap that
 * Kafka no longer has (offsets between are counted as gap; backwards nothing
 * is).  Returns FLOW_ERROR with a sentence if the zone has no room.
 */

int flow_pipeline_begin(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t offset, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Has the next record forget a partition's offset, as if it had never been
 * consumed.  FLOW_ERROR if memory is short.
 */

int flow_pipeline_forget(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition) FLOW_MUST_CHECK;

/* The same for all partitions of topics that are not configured. */

void flow_pipeline_forget_others(flow_pipeline_t *pipeline);

/* Whose offsets these are: id of a cluster, empty: not known. */

const char *flow_pipeline_cluster(const flow_pipeline_t *pipeline);

/*
 * Has the next record note whose offsets these are, an id shorter than
 * FLOW_ZONE_CLUSTER.  If it was another one, the same record forgets them all.
 * FLOW_ERROR if memory is short.
 */

int flow_pipeline_set_cluster(flow_pipeline_t *pipeline, const char *id)
    FLOW_MUST_CHECK;

/* Above the highest partition of a topic that has, or had, an offset. */

int32_t flow_pipeline_partitions(const flow_pipeline_t *pipeline,
    uint32_t topic);

/*
 * Next offset of a partition as the last applied record has it; -1: none.
 */

int64_t flow_pipeline_stored_offset(const flow_pipeline_t *pipeline,
    uint32_t topic, int32_t partition);

/* The partition's end was reached since the pipeline began. */

bool flow_pipeline_is_caught_up(const flow_pipeline_t *pipeline,
    uint32_t topic, int32_t partition);

/*
 * A partition that has a next offset is consumed from now on: its lag is not
 * known until its end is.
 */

void flow_pipeline_take(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition);

/* The newest known end of a partition, for the lag. */

void flow_pipeline_set_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end);


#endif /* FLOW_PIPELINE_H */
