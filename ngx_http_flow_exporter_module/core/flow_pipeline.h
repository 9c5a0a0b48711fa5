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

    /* a monotonic clock in nanoseconds, to measure how long commits take */
    uint64_t            (*clock)(void *data);

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
 * Takes a message: decode, classify, aggregate.  A message below its
 * partition's next offset is counted as a duplicate and left out; offsets
 * that were jumped over are counted as skipped.  Publishes the batch by
 * itself when it is full.  Returns FLOW_ERROR if memory is short: the caller
 * ends the process, and the next one takes the message again.
 */

int flow_pipeline_message(flow_pipeline_t *pipeline,
    const flow_message_t *message) FLOW_MUST_CHECK;

/*
 * The partition was read up to "end", the offset of its next message; what
 * lies between its last message and that is no message (control records).
 */

int flow_pipeline_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end) FLOW_MUST_CHECK;

/*
 * Publishes what has been summed.  *events becomes what happened since it was
 * last called.
 */

void flow_pipeline_commit(flow_pipeline_t *pipeline,
    flow_publish_events_t *events);

/* Nothing to publish. */

bool flow_pipeline_is_empty(const flow_pipeline_t *pipeline);

/*
 * Notes that a topic has "count" partitions (0: the topic does not exist).
 * Returns FLOW_OK, or FLOW_DECLINED if that was known.
 */

int flow_pipeline_topic(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t count);

/*
 * Next offset of a partition, published or not; -1: none is stored.
 */

int64_t flow_pipeline_next_offset(const flow_pipeline_t *pipeline,
    uint32_t topic, int32_t partition);

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

/* The newest known end of a partition, for the lag. */

void flow_pipeline_set_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end);


#endif /* FLOW_PIPELINE_H */
