/*
 * Steps 1 to 4, one after another; see flow_pipeline.h.
 *
 *   flow_pipeline_message()    offsets checked, then
 *     flow_decode_message()    1 bytes -> records
 *       flow_pipeline_record() 2 classify, 3 aggregate
 *   flow_pipeline_compose()    4 publish: a redo record in the journal
 *   flow_pipeline_apply()      4 the record -> the zone
 */

#include <stdlib.h>
#include <string.h>

#include "flow_decode.h"
#include "flow_journal.h"
#include "flow_pipeline.h"
#include "flow_text.h"
#include "flow_zone_word.h"


typedef struct {
    int64_t   next;           /* next offset, published or not; -1: none */
    int64_t   last;           /* last message: offset, -1: none, ... */
    int64_t   timestamp;      /* ... when it was produced, milliseconds, ... */
    uint32_t  checksum;       /* ... and of its value */
    uint32_t  entry;          /* in the zone, ... */
    uint64_t  since;          /* ... from this record on */
    bool      caught_up;      /* its end was reached */
} flow_pipeline_partition_t;


typedef struct {
    uint32_t                    count;      /* of partitions */
    flow_pipeline_partition_t  *partitions;
} flow_pipeline_topic_t;


struct flow_pipeline_s {
    flow_pipeline_conf_t    conf;
    flow_zone_writer_t     *writer;
    flow_zone_t            *zone;
    flow_decoder_t         *decoder;
    flow_batch_t           *batch;
    flow_position_t         position;       /* of the last record composed */
    flow_pipeline_topic_t  *topics;
    flow_publish_topic_t   *entries;        /* topic -> the zone's */
    const flow_message_t   *message;        /* the one being decoded */
    char                    cluster[FLOW_ZONE_CLUSTER];
    bool                    cluster_changed; /* since the last record */
    bool                    forget;         /* offsets of other topics */
};


static void flow_pipeline_note(flow_pipeline_partition_t *partition,
    flow_advance_t *advance, const flow_message_t *message);
static uint32_t flow_pipeline_checksum(const flow_message_t *message);
static int flow_pipeline_attach_topics(flow_pipeline_t *pipeline);
static void flow_pipeline_record(void *data, const flow_record_t *record);
static void flow_pipeline_skipped(void *data, flow_skip_e skip);
static void flow_pipeline_invalid(void *data, flow_reason_e reason);
static flow_pipeline_partition_t *flow_pipeline_partition(
    const flow_pipeline_t *pipeline, uint32_t topic, int32_t partition);
static flow_pipeline_partition_t *flow_pipeline_add_partition(
    flow_pipeline_t *pipeline, uint32_t topic, int32_t partition,
    int64_t next);


static const flow_decode_handler_t  flow_pipeline_handler = {
    flow_pipeline_record,
    flow_pipeline_skipped,
    flow_pipeline_invalid
};


flow_pipeline_t *
flow_pipeline_create(const flow_pipeline_conf_t *conf,
    flow_zone_writer_t *writer, flow_error_t *error)
{
    flow_pipeline_t      *pipeline;
    flow_batch_limits_t   limits;

    flow_error_set(error, "no memory");

    pipeline = calloc(1, sizeof(flow_pipeline_t));
    if (pipeline == NULL) {
        return NULL;
    }

    pipeline->conf = *conf;
    pipeline->writer = writer;
    pipeline->zone = flow_zone_of(writer);
    memcpy(pipeline->cluster, pipeline->zone->cluster,
           sizeof(pipeline->cluster));

    pipeline->topics = calloc(conf->topic_count,
                              sizeof(flow_pipeline_topic_t));
    pipeline->entries = calloc(conf->topic_count,
                               sizeof(flow_publish_topic_t));

    flow_publish_limits(pipeline->zone, &limits);
    pipeline->batch = flow_aggregate_create(conf->topic_count, &limits);
    pipeline->decoder = flow_decode_create(conf->format,
                                           &flow_pipeline_handler, pipeline);

    if (pipeline->topics == NULL
        || pipeline->entries == NULL
        || pipeline->batch == NULL
        || pipeline->decoder == NULL)
    {
        flow_pipeline_destroy(pipeline);
        return NULL;
    }

    if (flow_pipeline_attach_topics(pipeline) != FLOW_OK) {
        flow_error_set(error, "the zone has no room for another topic");
        flow_pipeline_destroy(pipeline);
        return NULL;
    }

    return pipeline;
}


void
flow_pipeline_destroy(flow_pipeline_t *pipeline)
{
    uint32_t  i;

    if (pipeline == NULL) {
        return;
    }

    for (i = 0; pipeline->topics != NULL && i < pipeline->conf.topic_count;
         i++)
    {
        free(pipeline->topics[i].partitions);
    }

    flow_decode_destroy(pipeline->decoder);
    flow_aggregate_destroy(pipeline->batch);
    free(pipeline->entries);
    free(pipeline->topics);
    free(pipeline);
}


void
flow_pipeline_set_epoch(flow_pipeline_t *pipeline, uint64_t lineage,
    uint64_t epoch)
{
    pipeline->position = flow_journal_position(pipeline->zone);
    pipeline->position.lineage = lineage;
    pipeline->position.epoch = epoch;
}


int
flow_pipeline_message(flow_pipeline_t *pipeline,
    const flow_message_t *message)
{
    flow_batch_t               *batch;
    flow_advance_t             *advance;
    flow_topic_tally_t         *tally;
    flow_message_result_e       result;
    flow_pipeline_partition_t  *partition;

    batch = pipeline->batch;
    tally = &batch->topics[message->topic];
    batch->messages++;

    partition = flow_pipeline_partition(pipeline, message->topic,
                                        message->partition);

    if (partition == NULL || message->offset < partition->next) {
        tally->duplicate_messages++;
        return FLOW_OK;
    }

    tally->skipped_offsets += (uint64_t) (message->offset - partition->next);

    atomic_store_explicit(&pipeline->zone->decoding_offset, message->offset,
                          memory_order_relaxed);
    atomic_store_explicit(&pipeline->zone->decoding, partition->entry,
                          memory_order_relaxed);

    pipeline->message = message;
    result = flow_decode_message(pipeline->decoder, message);

    atomic_store_explicit(&pipeline->zone->decoding, FLOW_ZONE_NONE,
                          memory_order_relaxed);

    if (result == FLOW_MESSAGE_RESULT_COUNT) {
        return FLOW_ERROR;
    }

    advance = flow_aggregate_advance(batch, message->topic,
                                     message->partition, message->offset + 1);
    if (advance == NULL) {
        return FLOW_ERROR;
    }

    tally->messages[result]++;
    tally->message_bytes += message->value.len;
    flow_pipeline_note(partition, advance, message);

    return flow_aggregate_is_full(batch) ? FLOW_AGAIN : FLOW_OK;
}


int
flow_pipeline_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end)
{
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);
    if (known == NULL) {
        return FLOW_OK;
    }

    flow_pipeline_set_end(pipeline, topic, partition, end);
    known->caught_up = true;

    if (end <= known->next) {
        return FLOW_OK;
    }

    if (flow_aggregate_advance(pipeline->batch, topic, partition, end)
        == NULL)
    {
        return FLOW_ERROR;
    }

    pipeline->batch->topics[topic].skipped_offsets
        += (uint64_t) (end - known->next);
    known->next = end;

    return FLOW_OK;
}


bool
flow_pipeline_is_full(const flow_pipeline_t *pipeline)
{
    return flow_aggregate_is_full(pipeline->batch);
}


bool
flow_pipeline_is_empty(const flow_pipeline_t *pipeline)
{
    flow_publish_t  publish = {
        .writer = pipeline->writer,
        .batch = pipeline->batch,
        .topics = pipeline->entries,
        .cluster = pipeline->cluster_changed ? pipeline->cluster : NULL,
        .forget = pipeline->forget
    };

    return flow_publish_is_empty(&publish);
}


int
flow_pipeline_compose(flow_pipeline_t *pipeline, flow_str_t *record,
    flow_publish_events_t *events)
{
    flow_publish_t  publish = {
        .writer = pipeline->writer,
        .batch = pipeline->batch,
        .topics = pipeline->entries,
        .names = pipeline->conf.names,
        .cluster = pipeline->cluster_changed ? pipeline->cluster : NULL,
        .forget = pipeline->forget,
        .position = pipeline->position,
        .events = events
    };

    memset(events, 0, sizeof(*events));
    publish.position.number++;

    record->len = flow_publish_compose(&publish);
    record->data = flow_zone_journal(pipeline->zone);

    if (record->len == 0) {
        return FLOW_ERROR;
    }

    pipeline->position = publish.position;
    pipeline->cluster_changed = false;
    pipeline->forget = false;
    flow_aggregate_reset(pipeline->batch);

    return FLOW_OK;
}


void
flow_pipeline_apply(flow_pipeline_t *pipeline)
{
    flow_journal_apply(pipeline->zone);
    flow_zone_show_unused(pipeline->writer);
}


int
flow_pipeline_topic(flow_pipeline_t *pipeline, uint32_t topic, int32_t count)
{
    flow_publish_topic_t  *known;

    known = &pipeline->entries[topic];

    if (count == 0 ? known->seen_absent : known->partitions == count) {
        return FLOW_DECLINED;
    }

    if (count == 0) {
        known->seen_absent = 1;

    } else {
        known->partitions = count;
    }

    known->changed = true;

    return FLOW_OK;
}


bool
flow_pipeline_was_absent(const flow_pipeline_t *pipeline, uint32_t topic)
{
    return pipeline->entries[topic].seen_absent != 0;
}


int64_t
flow_pipeline_next_offset(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    return known == NULL ? -1 : known->next;
}


int64_t
flow_pipeline_last_offset(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    return known == NULL ? -1 : known->last;
}


bool
flow_pipeline_is_last(const flow_pipeline_t *pipeline,
    const flow_message_t *message)
{
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, message->topic,
                                    message->partition);

    return known != NULL
           && known->last == message->offset
           && known->timestamp == message->timestamp
           && known->checksum == flow_pipeline_checksum(message);
}


bool
flow_pipeline_is_new(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    const flow_publish_topic_t  *known;

    if (flow_pipeline_next_offset(pipeline, topic, partition) != -1) {
        return false;
    }

    known = &pipeline->entries[topic];

    return known->seen_absent
           || (known->partitions != 0 && partition >= known->partitions);
}


int
flow_pipeline_begin(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t offset, flow_error_t *error)
{
    flow_advance_t             *advance;
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    advance = flow_aggregate_advance(pipeline->batch, topic, partition,
                                     offset);
    if (advance == NULL) {
        flow_error_set(error, "no memory");
        return FLOW_ERROR;
    }

    advance->last = -1;
    advance->anew = true;

    if (known == NULL) {
        known = flow_pipeline_add_partition(pipeline, topic, partition,
                                            offset);
        if (known == NULL) {
            flow_error_set(error, "no room in the zone for partition %d",
                           (int) partition);
            return FLOW_ERROR;
        }

        /* its entry may still have what is being forgotten */

        known->last = -1;
        known->since = pipeline->position.number + 1;

        return FLOW_OK;
    }

    if (offset > known->next) {
        pipeline->batch->topics[topic].gap_offsets
            += (uint64_t) (offset - known->next);
    }

    known->next = offset;
    known->last = -1;
    known->since = pipeline->position.number + 1;

    return FLOW_OK;
}


int
flow_pipeline_forget(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    flow_advance_t             *advance;
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    if (known == NULL) {
        return FLOW_OK;
    }

    advance = flow_aggregate_advance(pipeline->batch, topic, partition, -1);
    if (advance == NULL) {
        return FLOW_ERROR;
    }

    advance->last = -1;
    advance->timestamp = -1;
    advance->checksum = 0;
    advance->anew = true;

    known->next = -1;

    return FLOW_OK;
}


void
flow_pipeline_forget_others(flow_pipeline_t *pipeline)
{
    uint32_t           i, k;
    flow_partition_t  *slot;

    for (i = 0; i < flow_zone_get(&pipeline->zone->partitions); i++) {
        slot = &flow_zone_partitions(pipeline->zone)[i];

        for (k = 0; k < pipeline->conf.topic_count; k++) {
            if (pipeline->entries[k].entry == flow_zone_get(&slot->topic)) {
                break;
            }
        }

        if (k == pipeline->conf.topic_count
            && flow_zone_get(&slot->next_offset) != -1)
        {
            pipeline->forget = true;
            return;
        }
    }
}


/* What was new in another cluster need not be new in this one. */

static void
flow_pipeline_forget_topics(flow_pipeline_t *pipeline)
{
    uint32_t  i;

    for (i = 0; i < pipeline->conf.topic_count; i++) {
        pipeline->entries[i].partitions = 0;
        pipeline->entries[i].seen_absent = 0;
        pipeline->entries[i].changed = true;
    }
}


const char *
flow_pipeline_cluster(const flow_pipeline_t *pipeline)
{
    return pipeline->cluster;
}


int
flow_pipeline_set_cluster(flow_pipeline_t *pipeline, const char *id)
{
    bool      known = pipeline->cluster[0] != '\0';
    int32_t   p;
    uint32_t  i;

    for (i = 0; known && i < pipeline->conf.topic_count; i++) {
        for (p = 0; p < flow_pipeline_partitions(pipeline, i); p++) {
            if (flow_pipeline_forget(pipeline, i, p) != FLOW_OK) {
                return FLOW_ERROR;
            }
        }
    }

    if (known) {
        flow_pipeline_forget_topics(pipeline);
        flow_pipeline_forget_others(pipeline);
    }

    memset(pipeline->cluster, 0, sizeof(pipeline->cluster));
    memcpy(pipeline->cluster, id, strlen(id));
    pipeline->cluster_changed = true;

    return FLOW_OK;
}


int32_t
flow_pipeline_partitions(const flow_pipeline_t *pipeline, uint32_t topic)
{
    return (int32_t) pipeline->topics[topic].count;
}


int64_t
flow_pipeline_stored_offset(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    const flow_partition_t           *slot;
    const flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    if (known == NULL
        || known->entry >= flow_zone_get(&pipeline->zone->partitions)
        || known->since > flow_zone_get(&pipeline->zone->number))
    {
        return -1;
    }

    slot = &flow_zone_partitions(pipeline->zone)[known->entry];

    return flow_zone_get(&slot->next_offset);
}


bool
flow_pipeline_is_caught_up(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    const flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    return known != NULL && known->caught_up;
}


void
flow_pipeline_take(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    flow_partition_t           *slot;
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);
    if (known == NULL) {
        return;
    }

    slot = &flow_zone_partitions(pipeline->zone)[known->entry];

    if (!atomic_load_explicit(&slot->consumed, memory_order_relaxed)) {
        atomic_store_explicit(&slot->end_offset, -1, memory_order_relaxed);
        atomic_store_explicit(&slot->consumed, 1, memory_order_release);
    }
}


void
flow_pipeline_set_end(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t end)
{
    flow_partition_t           *slot;
    flow_pipeline_partition_t  *known;

    known = flow_pipeline_partition(pipeline, topic, partition);

    if (known != NULL) {
        slot = &flow_zone_partitions(pipeline->zone)[known->entry];

        atomic_store_explicit(&slot->end_offset, end, memory_order_relaxed);
        atomic_store_explicit(&slot->consumed, 1, memory_order_relaxed);
    }
}


/* The message is the last one that was taken of its partition. */

static void
flow_pipeline_note(flow_pipeline_partition_t *partition,
    flow_advance_t *advance, const flow_message_t *message)
{
    partition->next = message->offset + 1;
    partition->last = message->offset;
    partition->timestamp = message->timestamp;
    partition->checksum = flow_pipeline_checksum(message);

    advance->last = partition->last;
    advance->timestamp = partition->timestamp;
    advance->checksum = partition->checksum;
}


/* With the time stamp, enough to tell a message from another's. */

static uint32_t
flow_pipeline_checksum(const flow_message_t *message)
{
    return (uint32_t) flow_text_hash(message->value);
}


/* Finds or makes the topics' entries, and takes over the stored offsets. */

static int
flow_pipeline_attach_topics(flow_pipeline_t *pipeline)
{
    uint32_t           i, k, count;
    flow_topic_t      *slot;
    flow_partition_t  *partitions;

    partitions = flow_zone_partitions(pipeline->zone);
    count = atomic_load_explicit(&pipeline->zone->partitions,
                                 memory_order_relaxed);

    for (i = 0; i < count; i++) {
        atomic_store_explicit(&partitions[i].consumed, 0,
                              memory_order_relaxed);
    }

    for (k = 0; k < pipeline->conf.topic_count; k++) {

        pipeline->entries[k].entry = flow_zone_claim_topic(pipeline->writer,
                                                  pipeline->conf.topics[k]);
        if (pipeline->entries[k].entry == FLOW_ZONE_NONE) {
            return FLOW_ERROR;
        }

        slot = &flow_zone_topics(pipeline->zone)[pipeline->entries[k].entry];
        pipeline->entries[k].partitions =
            atomic_load_explicit(&slot->partitions, memory_order_relaxed);
        pipeline->entries[k].seen_absent =
            atomic_load_explicit(&slot->seen_absent, memory_order_relaxed);

        for (i = 0; i < count; i++) {
            if (atomic_load_explicit(&partitions[i].topic,
                                     memory_order_relaxed)
                != pipeline->entries[k].entry)
            {
                continue;
            }

            if (flow_pipeline_add_partition(pipeline, k,
                    atomic_load_explicit(&partitions[i].partition,
                                         memory_order_relaxed),
                    atomic_load_explicit(&partitions[i].next_offset,
                                         memory_order_relaxed))
                == NULL)
            {
                return FLOW_ERROR;
            }
        }
    }

    return FLOW_OK;
}


static void
flow_pipeline_record(void *data, const flow_record_t *record)
{
    flow_batch_t      *batch;
    flow_pipeline_t   *pipeline = data;
    flow_direction_e   direction;

    batch = pipeline->batch;

    direction = flow_classify_record(&pipeline->conf.own, record);

    batch->tally.records[direction]++;
    batch->tally.cut_labels += record->hostname_cut;
    batch->tally.repaired_labels += record->hostname_repaired;

    if (direction != FLOW_TRANSIT || pipeline->conf.transit) {
        flow_aggregate_add(batch, direction, record,
                           pipeline->message->timestamp);
    }
}


static void
flow_pipeline_skipped(void *data, flow_skip_e skip)
{
    flow_pipeline_t  *pipeline = data;

    pipeline->batch->tally.records[FLOW_RESULT_SKIPPED]++;
    pipeline->batch->tally.skipped[skip]++;
}


static void
flow_pipeline_invalid(void *data, flow_reason_e reason)
{
    flow_pipeline_t  *pipeline = data;

    pipeline->batch->tally.records[FLOW_RESULT_INVALID]++;
    pipeline->batch->tally.invalid[reason]++;

    pipeline->conf.invalid(pipeline->conf.data, pipeline->message, reason);
}


static flow_pipeline_partition_t *
flow_pipeline_partition(const flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition)
{
    const flow_pipeline_topic_t  *known;

    known = &pipeline->topics[topic];

    if (partition < 0
        || (uint32_t) partition >= known->count
        || known->partitions[partition].next == -1)
    {
        return NULL;
    }

    return &known->partitions[partition];
}


/* Returns NULL if memory is short or the zone is full. */

static flow_pipeline_partition_t *
flow_pipeline_add_partition(flow_pipeline_t *pipeline, uint32_t topic,
    int32_t partition, int64_t next)
{
    void                       *grown;
    uint32_t                    i, entry;
    flow_partition_t           *slot;
    flow_pipeline_topic_t      *known;
    flow_pipeline_partition_t  *added;

    known = &pipeline->topics[topic];

    if (partition < 0 || partition >= FLOW_PARTITION_MAX) {
        return NULL;
    }

    if ((uint32_t) partition >= known->count) {
        grown = realloc(known->partitions,
                        ((size_t) partition + 1)
                        * sizeof(flow_pipeline_partition_t));
        if (grown == NULL) {
            return NULL;
        }

        known->partitions = grown;

        for (i = known->count; i <= (uint32_t) partition; i++) {
            known->partitions[i].next = -1;
        }

        known->count = (uint32_t) partition + 1;
    }

    entry = flow_zone_claim_partition(pipeline->writer,
                                      pipeline->entries[topic].entry, partition,
                                      next);
    if (entry == FLOW_ZONE_NONE) {
        return NULL;
    }

    slot = &flow_zone_partitions(pipeline->zone)[entry];

    added = &known->partitions[partition];
    added->next = next;
    added->last = atomic_load_explicit(&slot->last, memory_order_relaxed);
    added->timestamp = atomic_load_explicit(&slot->timestamp,
                                            memory_order_relaxed);
    added->checksum = atomic_load_explicit(&slot->checksum,
                                           memory_order_relaxed);
    added->entry = entry;
    added->since = 0;
    added->caught_up = false;

    return added;
}
