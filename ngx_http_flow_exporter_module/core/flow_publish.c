/*
 * Step 4: a batch -> a redo record; see flow_publish.h.
 *
 *   flow_publish_claim()    a series for each sum, as far as there is room
 *   flow_publish_leave()    what leaves: idle series, with what they have
 *   flow_publish_write()    the record, in flow_publish_write.c
 *
 * Claiming is private to the writer, so that the zone stays as it is until
 * the record is applied.
 */

#include <string.h>

#include "flow_journal.h"
#include "flow_publishing.h"
#include "flow_step.h"
#include "flow_text.h"


/* How a journal is divided; a batch is full long before its room ends. */

#define FLOW_PUBLISH_SUM_BYTES_FULL   128
#define FLOW_PUBLISH_SUM_BYTES         32
#define FLOW_PUBLISH_HOST_BYTES_FULL  512
#define FLOW_PUBLISH_HOST_BYTES       128

/* A string with its length, in the arena. */

#define FLOW_PUBLISH_STRING                                                   \
    (2 + FLOW_ESCAPED_MAX + FLOW_ZONE_STRING_UNIT + FLOW_REDO_STRING_HEAD)

/* A new series, two AS numbers and a host, with their longest names. */

#define FLOW_PUBLISH_NEW                                                      \
    (sizeof(flow_redo_series_t) + 2 * sizeof(flow_redo_as_t)                  \
     + sizeof(flow_redo_host_t) + 3 * FLOW_PUBLISH_STRING)

#define FLOW_PUBLISH_RENAME  (sizeof(flow_redo_as_t) + FLOW_PUBLISH_STRING)

#define FLOW_PUBLISH_LEAVING                                                  \
    (FLOW_ZONE_LEAVING * (sizeof(flow_redo_left_t)                            \
                          + sizeof(flow_redo_host_t)))

/* As many kinds of counters as there are at most. */

#define FLOW_PUBLISH_COUNTERS  64


static void flow_publish_claim(flow_publishing_t *now);
static uint32_t flow_publish_claim_host(flow_publishing_t *now,
    flow_batch_host_t *host);
static uint32_t flow_publish_claim_series(flow_publishing_t *now,
    const flow_key_t *key, uint32_t host);
static void flow_publish_overflow(flow_publishing_t *now, uint32_t direction,
    const flow_sum_t *sum);
static size_t flow_publish_fixed(const flow_publish_t *publish);
static void flow_publish_claim_names(flow_publishing_t *now);
static void flow_publish_note_decided(flow_publishing_t *now);
static void flow_publish_leave(flow_publishing_t *now);


void
flow_publish_limits(const flow_zone_t *zone, flow_batch_limits_t *limits)
{
    size_t  room;

    room = zone->capacity.journal_bytes;

    limits->sums = (uint32_t) (room / FLOW_PUBLISH_SUM_BYTES);
    limits->sums_full = (uint32_t) (room / FLOW_PUBLISH_SUM_BYTES_FULL);
    limits->hosts = (uint32_t) (room / FLOW_PUBLISH_HOST_BYTES);
    limits->hosts_full = (uint32_t) (room / FLOW_PUBLISH_HOST_BYTES_FULL);
    limits->host_bytes = room / 8;
    limits->host_bytes_full = room / 16;
}


bool
flow_publish_is_empty(const flow_publish_t *publish)
{
    uint32_t                   i;
    flow_zone_t               *zone = flow_zone_of(publish->writer);
    const flow_zone_filled_t  *filled = flow_zone_filled(publish->writer);

    for (i = 0; i < publish->batch->topic_count; i++) {
        if (publish->topics[i].changed) {
            return false;
        }
    }

    return flow_aggregate_is_empty(publish->batch)
           && publish->cluster == NULL
           && !publish->forget
           && !flow_zone_pending(publish->writer)->any
           && !flow_zone_has_renames(publish->writer)
           && !flow_zone_is_expiring(publish->writer)
           && filled->topics == flow_zone_get(&zone->topics);
}


size_t
flow_publish_compose(flow_publish_t *publish)
{
    size_t             length, fixed;
    flow_position_t    previous;
    flow_publishing_t  now;

    memset(&now, 0, sizeof(now));

    now.of = publish;
    now.zone = flow_zone_of(publish->writer);

    fixed = flow_publish_fixed(publish);

    if (fixed > now.zone->capacity.journal_bytes) {
        return 0;
    }

    now.left = now.zone->capacity.journal_bytes - fixed;

    flow_redo_begin(&now.redo, flow_zone_journal(now.zone),
                    now.zone->capacity.journal_bytes);

    FLOW_STEP("compose.begin");
    flow_publish_claim(&now);
    flow_publish_claim_names(&now);
    flow_publish_leave(&now);
    flow_publish_note_decided(&now);
    FLOW_STEP("compose.claimed");
    flow_publish_write(&now);

    previous = flow_journal_position(now.zone);
    length = flow_redo_end(&now.redo, FLOW_REDO_RECORD, &publish->position,
                           &previous);

    FLOW_STEP("compose.end");

    if (length != 0) {
        publish->events->wrapped |= publish->batch->wrapped;
        flow_zone_recorded(publish->writer);
    }

    return length;
}


static void
flow_publish_claim(flow_publishing_t *now)
{
    uint32_t           i, series, host, direction;
    flow_batch_t      *batch;
    const flow_sum_t  *sum;

    batch = now->of->batch;

    memcpy(now->overflow, batch->overflow, sizeof(now->overflow));

    for (i = 0; i < batch->host_count; i++) {
        batch->hosts[i].entry = FLOW_ZONE_NONE;
    }

    for (direction = 0; direction < FLOW_DIRECTION_COUNT; direction++) {
        now->overflow_records += now->overflow[direction].records;
    }

    for (i = 0; i < batch->sum_count; i++) {
        sum = &batch->sums[i];

        host = flow_publish_claim_host(now, &batch->hosts[sum->key.host]);

        series = host == FLOW_ZONE_NONE
                 ? FLOW_ZONE_NONE
                 : flow_publish_claim_series(now, &sum->key, host);

        batch->series[i] = series;

        if (series == FLOW_ZONE_NONE) {
            flow_publish_overflow(now, sum->key.direction, sum);
        }
    }

    if (now->overflow_records != 0) {
        now->of->events->zone_full = true;
    }
}


static uint32_t
flow_publish_claim_host(flow_publishing_t *now, flow_batch_host_t *host)
{
    size_t               before;
    flow_zone_writer_t  *writer = now->of->writer;

    if (host->entry != FLOW_ZONE_NONE) {
        return host->entry;
    }

    if (now->left < FLOW_PUBLISH_NEW) {
        host->entry = flow_zone_find_host(writer, host->name);

    } else {
        before = flow_zone_claimed(writer)->bytes;
        host->entry = flow_zone_claim_host(writer, host->name);
        now->left -= flow_zone_claimed(writer)->bytes - before;
    }

    if (host->entry != FLOW_ZONE_NONE) {
        flow_zone_touch_host(writer, host->entry);
    }

    return host->entry;
}


static uint32_t
flow_publish_claim_series(flow_publishing_t *now, const flow_key_t *key,
    uint32_t host)
{
    size_t               before;
    uint32_t             entry;
    flow_zone_writer_t  *writer = now->of->writer;

    if (now->left < FLOW_PUBLISH_NEW) {
        entry = flow_zone_find_series(writer, key->direction, key->source_as,
                                      key->destination_as, host);

    } else {
        before = flow_zone_claimed(writer)->bytes;
        entry = flow_zone_claim_series(writer, key->direction,
                                       key->source_as, key->destination_as,
                                       host, now->of->names);
        now->left -= flow_zone_claimed(writer)->bytes - before;
    }

    if (entry != FLOW_ZONE_NONE) {
        flow_zone_touch_series(writer, entry);
    }

    return entry;
}


/* The first series of each direction takes what has no room of its own. */

static void
flow_publish_overflow(flow_publishing_t *now, uint32_t direction,
    const flow_sum_t *sum)
{
    flow_sum_t  *overflow = &now->overflow[direction];

    overflow->records += sum->records;
    overflow->bytes += sum->bytes;
    now->overflow_records += sum->records;

    if (overflow->bytes < sum->bytes) {
        now->of->events->wrapped = true;
    }
}


static void
flow_publish_claim_names(flow_publishing_t *now)
{
    int         rc;
    size_t      before;
    uint32_t    entry, name;
    flow_as_t  *slot;

    while (now->rename_count < FLOW_PUBLISH_RENAMES
           && now->left >= FLOW_PUBLISH_RENAME)
    {
        before = flow_zone_claimed(now->of->writer)->bytes;

        rc = flow_zone_rename(now->of->writer, &entry, &name);

        if (rc == FLOW_DECLINED) {
            return;
        }

        if (rc == FLOW_AGAIN) {
            now->of->events->names_missed++;
            continue;
        }

        slot = &flow_zone_as_numbers(now->zone)[entry];

        now->renames[now->rename_count++] = (flow_redo_as_t) {
            .index = entry,
            .number = flow_zone_get(&slot->number),
            .name = name
        };

        now->left -= sizeof(flow_redo_as_t)
                     + flow_zone_claimed(now->of->writer)->bytes - before;
    }
}


/* Not while names change: both have the same AS numbers in hand. */

static void
flow_publish_leave(flow_publishing_t *now)
{
    uint32_t                    i;
    flow_series_t              *series;
    const flow_zone_leaving_t  *leaving;

    if (now->rename_count != 0
        || flow_zone_has_renames(now->of->writer)
        || now->left < FLOW_PUBLISH_LEAVING)
    {
        flow_zone_stay(now->of->writer);
        return;
    }

    flow_zone_leave(now->of->writer);
    leaving = flow_zone_leaving(now->of->writer);

    for (i = 0; i < leaving->series_count; i++) {
        series = &flow_zone_series(now->zone)[leaving->series[i]];

        now->left_bytes[flow_zone_get(&series->direction)]
            += flow_zone_get(&series->bytes);
    }
}


static void
flow_publish_note_decided(flow_publishing_t *now)
{
    const flow_zone_leaving_t  *leaving;

    leaving = flow_zone_leaving(now->of->writer);

    now->of->events->decided = now->rename_count != 0
                               || leaving->series_count != 0
                               || leaving->host_count != 0;
}


/* The most that a record takes beside new series and new names. */

static size_t
flow_publish_fixed(const flow_publish_t *publish)
{
    uint32_t                   advances;
    flow_batch_t              *batch = publish->batch;
    const flow_zone_filled_t  *filled = flow_zone_filled(publish->writer);

    /*
     * a partition that found no room in the zone has no item either, and one
     * of another topic is none that goes on
     */

    advances = batch->advance_count < filled->partitions && !publish->forget
               ? batch->advance_count
               : filled->partitions;

    return FLOW_REDO_HEAD
           + FLOW_REDO_KIND_END * 2 * sizeof(uint32_t)
           + FLOW_PUBLISH_COUNTERS * sizeof(flow_redo_counter_t)
           + FLOW_ZONE_ERRORS * sizeof(flow_redo_error_t)
           + batch->topic_count * sizeof(flow_redo_topic_t)
           + advances * sizeof(flow_redo_partition_t)
           + (batch->host_count + 1) * sizeof(flow_redo_host_t)
           + (batch->sum_count + FLOW_DIRECTION_COUNT)
             * sizeof(flow_redo_bytes_t)
           + FLOW_DIRECTION_COUNT * sizeof(flow_redo_series_t)
           + sizeof(flow_redo_as_t)
           + sizeof(flow_redo_cluster_t)
           + sizeof(uint64_t)
           + flow_zone_claimed(publish->writer)->bytes;
}
