/*
 * Step 4: the bytes of a redo record; see flow_publish.h and flow_redo.h.
 *
 * Strings come before what names them, entries before their values.  New
 * entries are those that the writer has claimed beyond what the zone's header
 * calls filled, and those that it has noted as claimed, which were out of use.
 */

#include <string.h>

#include "flow_publishing.h"


static void flow_publish_write_strings(flow_publishing_t *now);
static void flow_publish_write_topics(flow_publishing_t *now);
static void flow_publish_write_topic(flow_publishing_t *now, uint32_t entry,
    const flow_publish_topic_t *topic, const flow_topic_tally_t *tally);
static void flow_publish_write_partitions(flow_publishing_t *now);
static void flow_publish_write_forgotten(flow_publishing_t *now);
static bool flow_publish_has_topic(const flow_publishing_t *now,
    uint32_t entry);
static void flow_publish_write_hosts(flow_publishing_t *now);
static void flow_publish_write_new_hosts(flow_publishing_t *now);
static void flow_publish_write_host(flow_publishing_t *now, uint32_t index,
    int64_t timestamp);
static void flow_publish_write_as_numbers(flow_publishing_t *now);
static void flow_publish_write_as(flow_publishing_t *now, uint32_t index);
static void flow_publish_write_series(flow_publishing_t *now);
static void flow_publish_write_key(flow_publishing_t *now, uint32_t index);
static void flow_publish_write_bytes(flow_publishing_t *now, uint32_t index,
    uint64_t bytes);
static void flow_publish_write_leaving(flow_publishing_t *now);
static void flow_publish_write_counters(flow_publishing_t *now);
static void flow_publish_write_counter(flow_publishing_t *now, uint32_t id,
    uint64_t value);
static void flow_publish_write_errors(flow_publishing_t *now);
static void flow_publish_write_cluster(flow_publishing_t *now);


#define flow_publish_add(now, kind, item)                                     \
    flow_redo_add(&(now)->redo, kind, &(item), sizeof(item))


void
flow_publish_write(flow_publishing_t *now)
{
    flow_publish_write_strings(now);
    flow_publish_write_topics(now);
    flow_publish_write_partitions(now);
    flow_publish_write_forgotten(now);
    flow_publish_write_hosts(now);
    flow_publish_write_as_numbers(now);
    flow_publish_write_series(now);
    flow_publish_write_leaving(now);
    flow_publish_write_counters(now);
    flow_publish_write_errors(now);
    flow_publish_write_cluster(now);
}


static void
flow_publish_write_strings(flow_publishing_t *now)
{
    uint32_t               i;
    uint64_t               start, end;
    const flow_extents_t  *strings;

    strings = &flow_zone_claimed(now->of->writer)->strings;

    for (i = 0; i < strings->count; i++) {
        start = (uint64_t) strings->items[i].start * FLOW_ZONE_STRING_UNIT;

        flow_redo_add_strings(&now->redo, start,
                              flow_zone_arena(now->zone) + start,
                              (size_t) strings->items[i].length
                              * FLOW_ZONE_STRING_UNIT);
    }

    start = flow_zone_get(&now->zone->string_bytes);
    end = flow_zone_filled(now->of->writer)->string_bytes;

    if (end > start) {
        flow_redo_add_strings(&now->redo, start,
                              flow_zone_arena(now->zone) + start,
                              (size_t) (end - start));
    }
}


/* Configured topics have a tally; others that are new are not possible. */

static void
flow_publish_write_topics(flow_publishing_t *now)
{
    bool                       counted;
    uint32_t                   i, filled;
    flow_publish_topic_t      *topic;
    const flow_topic_tally_t  *tally;

    static const flow_topic_tally_t  none;

    filled = flow_zone_get(&now->zone->topics);

    for (i = 0; i < now->of->batch->topic_count; i++) {
        topic = &now->of->topics[i];
        tally = &now->of->batch->topics[i];
        counted = memcmp(tally, &none, sizeof(none)) != 0;

        if (counted || topic->changed || topic->entry >= filled) {
            flow_publish_write_topic(now, topic->entry, topic, tally);
            topic->changed = false;
        }
    }
}


static void
flow_publish_write_topic(flow_publishing_t *now, uint32_t entry,
    const flow_publish_topic_t *topic, const flow_topic_tally_t *tally)
{
    uint32_t            i;
    flow_topic_t       *slot;
    flow_redo_topic_t   item;

    slot = &flow_zone_topics(now->zone)[entry];

    item.index = entry;
    item.name = flow_zone_get(&slot->name);
    item.partitions = topic->partitions;
    item.seen_absent = topic->seen_absent;

    for (i = 0; i < FLOW_MESSAGE_RESULT_COUNT; i++) {
        item.messages[i] = flow_zone_get(&slot->messages[i])
                           + tally->messages[i];
    }

    item.message_bytes = flow_zone_get(&slot->message_bytes)
                         + tally->message_bytes;
    item.gap_offsets = flow_zone_get(&slot->gap_offsets)
                       + tally->gap_offsets;
    item.skipped_offsets = flow_zone_get(&slot->skipped_offsets)
                           + tally->skipped_offsets;
    item.duplicate_messages = flow_zone_get(&slot->duplicate_messages)
                              + tally->duplicate_messages;

    flow_publish_add(now, FLOW_REDO_TOPICS, item);
}


/* Each partition has an entry since it began to be consumed. */

static void
flow_publish_write_partitions(flow_publishing_t *now)
{
    uint32_t                i, filled;
    flow_batch_t           *batch;
    flow_partition_t       *slot;
    const flow_advance_t   *advance;
    flow_redo_partition_t   item;

    batch = now->of->batch;
    filled = flow_zone_get(&now->zone->partitions);

    for (i = 0; i < batch->advance_count; i++) {
        advance = &batch->advances[i];

        item.topic = now->of->topics[advance->topic].entry;
        item.partition = advance->partition;
        item.index = flow_zone_find_partition(now->of->writer, item.topic,
                                              item.partition);

        if (item.index == FLOW_ZONE_NONE) {
            continue;
        }

        slot = &flow_zone_partitions(now->zone)[item.index];

        item.from = item.index < filled
                    ? flow_zone_get(&slot->next_offset)
                    : -1;
        item.to = advance->to;
        item.last = advance->last;
        item.timestamp = advance->timestamp;
        item.checksum = advance->checksum;

        if (advance->last == -1 && !advance->anew) {
            item.last = flow_zone_get(&slot->last);
            item.timestamp = flow_zone_get(&slot->timestamp);
            item.checksum = flow_zone_get(&slot->checksum);
        }

        flow_publish_add(now, FLOW_REDO_PARTITIONS, item);
    }
}


/* What is stored of topics that are not configured. */

static void
flow_publish_write_forgotten(flow_publishing_t *now)
{
    uint32_t                i;
    flow_partition_t       *slot;
    flow_redo_partition_t   item;

    if (!now->of->forget) {
        return;
    }

    for (i = 0; i < flow_zone_get(&now->zone->partitions); i++) {
        slot = &flow_zone_partitions(now->zone)[i];

        item.index = i;
        item.topic = flow_zone_get(&slot->topic);
        item.partition = flow_zone_get(&slot->partition);
        item.checksum = 0;
        item.last = -1;
        item.timestamp = -1;
        item.from = flow_zone_get(&slot->next_offset);
        item.to = -1;

        if (item.from != -1 && !flow_publish_has_topic(now, item.topic)) {
            flow_publish_add(now, FLOW_REDO_PARTITIONS, item);
        }
    }
}


static bool
flow_publish_has_topic(const flow_publishing_t *now, uint32_t entry)
{
    uint32_t  i;

    for (i = 0; i < now->of->batch->topic_count; i++) {
        if (now->of->topics[i].entry == entry) {
            return true;
        }
    }

    return false;
}


static void
flow_publish_write_hosts(flow_publishing_t *now)
{
    int64_t            timestamp;
    uint32_t           i, filled;
    flow_batch_t      *batch;
    flow_redo_host_t   item;

    batch = now->of->batch;
    filled = flow_zone_get(&now->zone->hosts);

    flow_publish_write_new_hosts(now);

    for (i = 0; i < batch->host_count; i++) {
        item.index = batch->hosts[i].entry;

        if (item.index == FLOW_ZONE_NONE) {
            item.index = flow_zone_find_host(now->of->writer,
                                             batch->hosts[i].name);
        }

        if (item.index == FLOW_ZONE_NONE) {
            continue;
        }

        timestamp = item.index < filled
                    ? flow_zone_get(&flow_zone_hosts(now->zone)
                                     [item.index].timestamp)
                    : -1;

        if (batch->hosts[i].timestamp > timestamp) {
            flow_publish_write_host(now, item.index,
                                    batch->hosts[i].timestamp);
        }
    }
}


static void
flow_publish_write_new_hosts(flow_publishing_t *now)
{
    uint32_t               i;
    const flow_extents_t  *hosts;

    hosts = &flow_zone_claimed(now->of->writer)->hosts;

    for (i = 0; i < hosts->count; i++) {
        flow_publish_write_host(now, hosts->items[i].start, -1);
    }

    for (i = flow_zone_get(&now->zone->hosts);
         i < flow_zone_filled(now->of->writer)->hosts; i++)
    {
        flow_publish_write_host(now, i, -1);
    }
}


static void
flow_publish_write_host(flow_publishing_t *now, uint32_t index,
    int64_t timestamp)
{
    flow_redo_host_t  item;

    item.index = index;
    item.name = flow_zone_get(&flow_zone_hosts(now->zone)[index].name);
    item.timestamp = timestamp;
    flow_publish_add(now, FLOW_REDO_HOSTS, item);
}


static void
flow_publish_write_as_numbers(flow_publishing_t *now)
{
    uint32_t               i;
    const flow_extents_t  *numbers;

    numbers = &flow_zone_claimed(now->of->writer)->as_numbers;

    for (i = 0; i < now->rename_count; i++) {
        flow_publish_add(now, FLOW_REDO_AS_NUMBERS, now->renames[i]);
    }

    for (i = 0; i < numbers->count; i++) {
        flow_publish_write_as(now, numbers->items[i].start);
    }

    for (i = flow_zone_get(&now->zone->as_numbers);
         i < flow_zone_filled(now->of->writer)->as_numbers; i++)
    {
        flow_publish_write_as(now, i);
    }
}


static void
flow_publish_write_as(flow_publishing_t *now, uint32_t index)
{
    flow_as_t       *slot;
    flow_redo_as_t   item;

    slot = &flow_zone_as_numbers(now->zone)[index];

    item.index = index;
    item.number = flow_zone_get(&slot->number);
    item.name = flow_zone_get(&slot->name);
    flow_publish_add(now, FLOW_REDO_AS_NUMBERS, item);
}


static void
flow_publish_write_series(flow_publishing_t *now)
{
    uint32_t       i, index, filled;
    flow_batch_t  *batch;

    batch = now->of->batch;
    filled = flow_zone_get(&now->zone->series);

    for (i = filled; i < flow_zone_filled(now->of->writer)->series; i++) {
        flow_publish_write_key(now, i);
    }

    for (i = 0; i < batch->sum_count; i++) {
        index = batch->series[i];

        if (index < filled
            && !flow_zone_get(&flow_zone_series(now->zone)[index].used))
        {
            flow_publish_write_key(now, index);
        }
    }

    for (i = 0; i < FLOW_DIRECTION_COUNT; i++) {
        if (now->overflow[i].records != 0) {
            flow_publish_write_bytes(now, i, now->overflow[i].bytes);
        }
    }

    for (i = 0; i < batch->sum_count; i++) {
        if (batch->series[i] != FLOW_ZONE_NONE) {
            flow_publish_write_bytes(now, batch->series[i],
                                     batch->sums[i].bytes);
        }
    }
}


static void
flow_publish_write_key(flow_publishing_t *now, uint32_t index)
{
    flow_series_t       *series;
    flow_redo_series_t   item;

    series = &flow_zone_series(now->zone)[index];

    item.index = index;
    item.direction = flow_zone_get(&series->direction);
    item.source = flow_zone_get(&series->source);
    item.destination = flow_zone_get(&series->destination);
    item.host = flow_zone_get(&series->host);
    flow_publish_add(now, FLOW_REDO_SERIES, item);
}


static void
flow_publish_write_bytes(flow_publishing_t *now, uint32_t index,
    uint64_t bytes)
{
    flow_redo_bytes_t  item;

    item.index = index;
    item.bytes = flow_zone_get(&flow_zone_series(now->zone)[index].bytes)
                 + bytes;

    if (item.bytes < bytes) {
        now->of->events->wrapped = true;
    }

    flow_publish_add(now, FLOW_REDO_BYTES, item);
}


static void
flow_publish_write_leaving(flow_publishing_t *now)
{
    uint32_t                    i;
    flow_redo_left_t            item;
    const flow_zone_leaving_t  *leaving;

    leaving = flow_zone_leaving(now->of->writer);

    for (i = 0; i < leaving->host_count; i++) {
        flow_publish_write_host(now, leaving->hosts[i], -1);
    }

    for (i = 0; i < leaving->series_count; i++) {
        item.index = leaving->series[i];
        flow_publish_add(now, FLOW_REDO_LEFT, item);
    }

    flow_publish_write_counter(now, FLOW_COUNTER_LEFT_SERIES,
                               leaving->series_count);

    for (i = 0; i < FLOW_DIRECTION_COUNT; i++) {
        flow_publish_write_counter(now, FLOW_COUNTER_LEFT_BYTES + i,
                                   now->left_bytes[i]);
    }
}


static void
flow_publish_write_counters(flow_publishing_t *now)
{
    uint32_t                    i;
    const flow_tally_t         *tally = &now->of->batch->tally;
    const flow_zone_pending_t  *pending = flow_zone_pending(now->of->writer);

    for (i = 0; i < FLOW_RESULT_COUNT; i++) {
        flow_publish_write_counter(now, FLOW_COUNTER_RECORDS + i,
                                   tally->records[i]);
    }

    for (i = 0; i < FLOW_SKIP_COUNT; i++) {
        flow_publish_write_counter(now, FLOW_COUNTER_SKIPPED + i,
                                   tally->skipped[i]);
    }

    for (i = 0; i < FLOW_REASON_COUNT; i++) {
        flow_publish_write_counter(now, FLOW_COUNTER_INVALID + i,
                                   tally->invalid[i]);
    }

    flow_publish_write_counter(now, FLOW_COUNTER_CUT_LABELS,
                               tally->cut_labels);
    flow_publish_write_counter(now, FLOW_COUNTER_REPAIRED_LABELS,
                               tally->repaired_labels);
    flow_publish_write_counter(now, FLOW_COUNTER_OVERFLOW_RECORDS,
                               now->overflow_records);
    flow_publish_write_counter(now, FLOW_COUNTER_COMMITS, 1);
    flow_publish_write_counter(now, FLOW_COUNTER_COMMIT_FAILURES,
                               pending->commit_failures);
    flow_publish_write_counter(now, FLOW_COUNTER_COMMIT_NANOSECONDS,
                               pending->commit_nanoseconds);
    flow_publish_write_counter(now, FLOW_COUNTER_LOG_BYTES,
                               pending->log_bytes);
    flow_publish_write_counter(now, FLOW_COUNTER_STARTS, pending->starts);
}


static void
flow_publish_write_counter(flow_publishing_t *now, uint32_t id,
    uint64_t value)
{
    flow_redo_counter_t  item;

    if (value != 0) {
        item.id = id;
        item.value = flow_zone_get(flow_zone_counter(now->zone, id))
                     + value;
        flow_publish_add(now, FLOW_REDO_COUNTERS, item);
    }
}


static void
flow_publish_write_errors(flow_publishing_t *now)
{
    uint32_t                    i, filled;
    flow_redo_error_t           item;
    flow_kafka_error_t         *errors = now->zone->kafka_errors;
    const flow_zone_pending_t  *pending = flow_zone_pending(now->of->writer);

    filled = flow_zone_get(&now->zone->errors);

    for (i = 0; i < flow_zone_filled(now->of->writer)->errors; i++) {
        if (i < filled && pending->errors[i] == 0) {
            continue;
        }

        item.index = i;
        memcpy(item.name, errors[i].name, sizeof(item.name));
        item.count = flow_zone_get(&errors[i].count)
                     + pending->errors[i];
        flow_publish_add(now, FLOW_REDO_ERRORS, item);
    }
}


static void
flow_publish_write_cluster(flow_publishing_t *now)
{
    flow_redo_cluster_t  item;

    if (now->of->cluster != NULL) {
        memset(&item, 0, sizeof(item));
        memcpy(item.id, now->of->cluster, strlen(now->of->cluster));
        flow_publish_add(now, FLOW_REDO_CLUSTER, item);
    }
}
