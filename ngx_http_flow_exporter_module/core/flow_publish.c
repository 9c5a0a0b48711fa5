/*
 * Step 4: a batch -> the zone; see flow_publish.h.
 *
 * The zone's writer is the only one who adds, so that load and store are
 * enough; readers see each word old or new.
 */

#include "flow_publish.h"


static void flow_publish_sums(flow_zone_writer_t *writer,
    const flow_batch_t *batch, const flow_names_t *names,
    flow_publish_events_t *events);
static void flow_publish_overflow(flow_zone_t *zone, uint32_t direction,
    const flow_sum_t *sum, flow_publish_events_t *events);
static uint32_t flow_publish_host(flow_zone_writer_t *writer,
    const flow_batch_host_t *host);
static void flow_publish_series(flow_series_t *series, uint64_t bytes,
    flow_publish_events_t *events);
static void flow_publish_tally(flow_zone_t *zone, const flow_tally_t *tally);
static void flow_publish_topic(flow_topic_t *topic,
    const flow_topic_tally_t *tally);
static void flow_publish_offsets(flow_zone_writer_t *writer,
    const flow_batch_t *batch, const uint32_t *topics);
static bool flow_publish_add(_Atomic uint64_t *counter, uint64_t value);


void
flow_publish_batch(flow_zone_writer_t *writer, const flow_batch_t *batch,
    const uint32_t *topics, const flow_names_t *names,
    flow_publish_events_t *events)
{
    uint32_t       i;
    flow_zone_t   *zone;

    zone = flow_zone_of(writer);

    flow_publish_sums(writer, batch, names, events);
    flow_publish_tally(zone, &batch->tally);

    for (i = 0; i < batch->topic_count; i++) {
        flow_publish_topic(&flow_zone_topics(zone)[topics[i]],
                           &batch->topics[i]);
    }

    flow_publish_offsets(writer, batch, topics);

    events->wrapped |= batch->wrapped;
}


static void
flow_publish_sums(flow_zone_writer_t *writer, const flow_batch_t *batch,
    const flow_names_t *names, flow_publish_events_t *events)
{
    uint32_t           i, series, host, last, direction;
    flow_zone_t       *zone;
    const flow_sum_t  *sum;

    zone = flow_zone_of(writer);
    host = FLOW_ZONE_NONE;
    last = FLOW_INDEX_NONE;

    for (i = 0; i < batch->sum_count; i++) {
        sum = &batch->sums[i];

        /* sums of one host mostly stand together */

        if (sum->key.host != last) {
            last = sum->key.host;
            host = flow_publish_host(writer, &batch->hosts[last]);
        }

        series = host == FLOW_ZONE_NONE
                 ? FLOW_ZONE_NONE
                 : flow_zone_claim_series(writer, sum->key.direction,
                                          sum->key.source_as,
                                          sum->key.destination_as, host,
                                          names);

        if (series == FLOW_ZONE_NONE) {
            flow_publish_overflow(zone, sum->key.direction, sum, events);
            continue;
        }

        flow_publish_series(&flow_zone_series(zone)[series], sum->bytes,
                            events);
    }

    for (direction = 0; direction < FLOW_DIRECTION_COUNT; direction++) {
        if (batch->overflow[direction].records != 0) {
            flow_publish_overflow(zone, direction,
                                  &batch->overflow[direction], events);
        }
    }
}


/* The first series of each direction takes what has no room of its own. */

static void
flow_publish_overflow(flow_zone_t *zone, uint32_t direction,
    const flow_sum_t *sum, flow_publish_events_t *events)
{
    flow_series_t  *series;

    series = &flow_zone_series(zone)[direction];

    flow_publish_series(series, sum->bytes, events);
    atomic_store_explicit(&series->used, 1, memory_order_relaxed);

    (void) flow_publish_add(&zone->overflow_records, sum->records);
    events->zone_full = true;
}


static uint32_t
flow_publish_host(flow_zone_writer_t *writer, const flow_batch_host_t *host)
{
    uint32_t      entry;
    flow_host_t  *slot;

    entry = flow_zone_claim_host(writer, host->name);

    if (entry != FLOW_ZONE_NONE) {
        slot = &flow_zone_hosts(flow_zone_of(writer))[entry];

        if (host->timestamp
            > atomic_load_explicit(&slot->timestamp, memory_order_relaxed))
        {
            atomic_store_explicit(&slot->timestamp, host->timestamp,
                                  memory_order_relaxed);
        }
    }

    return entry;
}


static void
flow_publish_series(flow_series_t *series, uint64_t bytes,
    flow_publish_events_t *events)
{
    if (flow_publish_add(&series->bytes, bytes)) {
        events->wrapped = true;
    }
}


static void
flow_publish_tally(flow_zone_t *zone, const flow_tally_t *tally)
{
    uint32_t  i;

    for (i = 0; i < FLOW_RESULT_COUNT; i++) {
        (void) flow_publish_add(&zone->records[i], tally->records[i]);
    }

    for (i = 0; i < FLOW_SKIP_COUNT; i++) {
        (void) flow_publish_add(&zone->skipped[i], tally->skipped[i]);
    }

    for (i = 0; i < FLOW_REASON_COUNT; i++) {
        (void) flow_publish_add(&zone->invalid[i], tally->invalid[i]);
    }

    (void) flow_publish_add(&zone->cut_labels, tally->cut_labels);
    (void) flow_publish_add(&zone->repaired_labels, tally->repaired_labels);
}


static void
flow_publish_topic(flow_topic_t *topic, const flow_topic_tally_t *tally)
{
    uint32_t  i;

    for (i = 0; i < FLOW_MESSAGE_RESULT_COUNT; i++) {
        (void) flow_publish_add(&topic->messages[i], tally->messages[i]);
    }

    (void) flow_publish_add(&topic->message_bytes, tally->message_bytes);
    (void) flow_publish_add(&topic->gap_offsets, tally->gap_offsets);
    (void) flow_publish_add(&topic->skipped_offsets, tally->skipped_offsets);
    (void) flow_publish_add(&topic->duplicate_messages,
                            tally->duplicate_messages);
}


/* Each partition has an entry since it began to be consumed. */

static void
flow_publish_offsets(flow_zone_writer_t *writer, const flow_batch_t *batch,
    const uint32_t *topics)
{
    uint32_t               i, entry;
    flow_partition_t      *partitions;
    const flow_advance_t  *advance;

    partitions = flow_zone_partitions(flow_zone_of(writer));

    for (i = 0; i < batch->advance_count; i++) {
        advance = &batch->advances[i];

        entry = flow_zone_find_partition(writer, topics[advance->topic],
                                         advance->partition);

        if (entry != FLOW_ZONE_NONE) {
            atomic_store_explicit(&partitions[entry].next_offset, advance->to,
                                  memory_order_release);
        }
    }
}


/* Returns true if the counter passed 2^64 and began anew. */

static bool
flow_publish_add(_Atomic uint64_t *counter, uint64_t value)
{
    uint64_t  sum;

    if (value == 0) {
        return false;
    }

    sum = atomic_load_explicit(counter, memory_order_relaxed) + value;
    atomic_store_explicit(counter, sum, memory_order_relaxed);

    return sum < value;
}
