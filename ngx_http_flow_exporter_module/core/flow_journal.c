/*
 * Step 4: a redo record -> the zone; see flow_journal.h.
 *
 * The zone's writer is the only one who stores, so that plain loads and
 * stores are enough; readers see each word old or new.
 */

#include <string.h>

#include "flow_journal.h"
#include "flow_step.h"
#include "flow_text.h"
#include "flow_zone_word.h"


/* How far tables are filled after the items that were looked at so far. */

typedef struct {
    const flow_zone_t  *zone;
    uint32_t            topics;
    uint32_t            partitions;
    uint32_t            hosts;
    uint32_t            as_numbers;
    uint32_t            series;
    uint32_t            errors;
    uint64_t            string_bytes;
} flow_journal_check_t;


static bool flow_journal_check_section(flow_journal_check_t *check,
    const flow_redo_walk_t *walk);
static bool flow_journal_check_item(flow_journal_check_t *check,
    flow_redo_kind_e kind, const char *item);
static bool flow_journal_check_strings(flow_journal_check_t *check,
    const flow_redo_walk_t *walk);
static bool flow_journal_follows(uint32_t index, uint32_t *filled,
    uint32_t capacity);
static bool flow_journal_is_string(const flow_journal_check_t *check,
    uint32_t reference);
static flow_redo_head_t flow_journal_head(const char *record);
static void flow_journal_store(flow_zone_t *zone, const char *record);
static void flow_journal_store_item(flow_zone_t *zone, flow_redo_kind_e kind,
    const char *item);
static void flow_journal_store_strings(flow_zone_t *zone,
    const flow_redo_walk_t *walk);
static void flow_journal_store_topic(flow_zone_t *zone,
    const flow_redo_topic_t *item);
static void flow_journal_store_partition(flow_zone_t *zone,
    const flow_redo_partition_t *item);
static void flow_journal_store_series(flow_zone_t *zone,
    const flow_redo_series_t *item);
static void flow_journal_store_left(flow_zone_t *zone,
    const flow_redo_left_t *item);
static void flow_journal_store_error(flow_zone_t *zone,
    const flow_redo_error_t *item);
static void flow_journal_raise(_Atomic uint32_t *filled, uint32_t index);


flow_position_t
flow_journal_position(const flow_zone_t *zone)
{
    flow_position_t  position;

    position.lineage = flow_zone_get(&zone->lineage);
    position.epoch = flow_zone_get(&zone->epoch);
    position.number = flow_zone_get(&zone->number);

    return position;
}


int
flow_journal_check(const flow_zone_t *zone, const char *record,
    flow_error_t *error)
{
    int                   rc;
    flow_redo_walk_t      walk;
    flow_journal_check_t  check = {
        .zone = zone,
        .topics = flow_zone_get(&zone->topics),
        .partitions = flow_zone_get(&zone->partitions),
        .hosts = flow_zone_get(&zone->hosts),
        .as_numbers = flow_zone_get(&zone->as_numbers),
        .series = flow_zone_get(&zone->series),
        .errors = flow_zone_get(&zone->errors),
        .string_bytes = flow_zone_get(&zone->string_bytes)
    };

    flow_redo_walk(&walk, record);

    while ((rc = flow_redo_next(&walk)) == FLOW_OK) {
        if (!flow_journal_check_section(&check, &walk)) {
            flow_error_set(error, "section %d of a redo record does not fit "
                           "the zone", (int) walk.kind);
            return FLOW_ERROR;
        }
    }

    if (rc != FLOW_DECLINED) {
        flow_error_set(error, "a section of a redo record is not known");
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


/* The fences keep all stores of a record between the two marks. */

void
flow_journal_apply(flow_zone_t *zone)
{
    FLOW_STEP("apply.begin");
    flow_zone_set(&zone->journal, FLOW_JOURNAL_FULL);
    atomic_thread_fence(memory_order_seq_cst);
    FLOW_STEP("apply.full");

    flow_journal_store(zone, flow_zone_journal(zone));

    FLOW_STEP("apply.stored");
    atomic_thread_fence(memory_order_seq_cst);
    flow_zone_set(&zone->journal, FLOW_JOURNAL_EMPTY);
    atomic_thread_fence(memory_order_seq_cst);
    FLOW_STEP("apply.end");
}


void
flow_journal_replay(flow_zone_t *zone, const char *record)
{
    flow_redo_head_t  head;

    head = flow_journal_head(record);

    if (head.type == FLOW_REDO_IMAGE
        || head.length > zone->capacity.journal_bytes)
    {
        /* a zone that is half-way through has no position: load it anew */

        flow_zone_set(&zone->lineage, 0);
        atomic_thread_fence(memory_order_seq_cst);
        flow_journal_store(zone, record);
        return;
    }

    memcpy(flow_zone_journal(zone), record, head.length);
    flow_journal_apply(zone);
}


int
flow_journal_recover(flow_zone_t *zone, flow_error_t *error)
{
    const char  *record;

    if (flow_zone_get(&zone->journal) != FLOW_JOURNAL_FULL) {
        return FLOW_OK;
    }

    record = flow_zone_journal(zone);

    if (!flow_redo_is_whole(record, zone->capacity.journal_bytes)) {
        flow_error_set(error, "the zone's journal is damaged");
        return FLOW_ERROR;
    }

    if (flow_journal_check(zone, record, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    flow_journal_apply(zone);

    return FLOW_OK;
}


void
flow_journal_clear(flow_zone_t *zone)
{
    uint32_t  id;

    FLOW_STEP("clear.begin");
    flow_zone_set(&zone->live, 0);
    flow_zone_show(&zone->load, flow_zone_get(&zone->load) + 1);
    flow_zone_set(&zone->lineage, 0);
    flow_zone_set(&zone->journal, FLOW_JOURNAL_EMPTY);
    atomic_thread_fence(memory_order_seq_cst);
    FLOW_STEP("clear.invalid");

    flow_zone_set(&zone->series, 0);
    flow_zone_set(&zone->partitions, 0);
    flow_zone_set(&zone->topics, 0);
    flow_zone_set(&zone->hosts, 0);
    flow_zone_set(&zone->as_numbers, 0);
    flow_zone_set(&zone->errors, 0);
    flow_zone_set(&zone->string_bytes, 0);
    flow_zone_set(&zone->unused_hosts, 0);
    flow_zone_set(&zone->unused_as_numbers, 0);
    flow_zone_set(&zone->unused_series, 0);
    flow_zone_set(&zone->unused_string_bytes, 0);
    flow_zone_set(&zone->fresh, 1);
    flow_zone_set(&zone->strings_rest, 0);
    flow_zone_set(&zone->epoch, 0);
    flow_zone_set(&zone->number, 0);
    memset(zone->cluster, 0, sizeof(zone->cluster));

    for (id = FLOW_COUNTER_RECORDS; id < FLOW_COUNTER_END; id++) {
        if (flow_zone_counter(zone, id) != NULL) {
            flow_zone_set(flow_zone_counter(zone, id), 0);
        }
    }
}


static bool
flow_journal_check_section(flow_journal_check_t *check,
    const flow_redo_walk_t *walk)
{
    size_t  at, size;

    if (walk->kind == FLOW_REDO_STRINGS) {
        return flow_journal_check_strings(check, walk);
    }

    size = flow_redo_item_size(walk->kind);

    if (size == 0 || walk->length % size != 0) {
        return false;
    }

    for (at = 0; at < walk->length; at += size) {
        if (!flow_journal_check_item(check, walk->kind, walk->items + at)) {
            return false;
        }
    }

    return true;
}


static bool
flow_journal_check_item(flow_journal_check_t *check, flow_redo_kind_e kind,
    const char *item)
{
    const flow_zone_capacity_t  *capacity = &check->zone->capacity;

    union {
        const char                   *bytes;
        const flow_redo_counter_t    *counter;
        const flow_redo_topic_t      *topic;
        const flow_redo_partition_t  *partition;
        const flow_redo_host_t       *host;
        const flow_redo_as_t         *as;
        const flow_redo_series_t     *series;
        const flow_redo_bytes_t      *value;
        const flow_redo_error_t      *error;
        const flow_redo_cluster_t    *cluster;
        const flow_redo_left_t       *left;
    } is;

    is.bytes = item;

    switch (kind) {

    case FLOW_REDO_COUNTERS:
        return flow_zone_counter(check->zone, is.counter->id) != NULL;

    case FLOW_REDO_TOPICS:
        return flow_journal_follows(is.topic->index, &check->topics,
                                    capacity->topics)
               && flow_journal_is_string(check, is.topic->name);

    case FLOW_REDO_PARTITIONS:
        return flow_journal_follows(is.partition->index, &check->partitions,
                                    capacity->partitions)
               && is.partition->topic < check->topics
               && is.partition->partition >= 0
               && is.partition->partition < FLOW_PARTITION_MAX
               && is.partition->to >= -1;

    case FLOW_REDO_HOSTS:
        return flow_journal_follows(is.host->index, &check->hosts,
                                    capacity->hosts)
               && flow_journal_is_string(check, is.host->name);

    case FLOW_REDO_AS_NUMBERS:
        return flow_journal_follows(is.as->index, &check->as_numbers,
                                    capacity->as_numbers)
               && flow_journal_is_string(check, is.as->name);

    case FLOW_REDO_SERIES:
        return flow_journal_follows(is.series->index, &check->series,
                                    capacity->series)
               && is.series->direction < FLOW_DIRECTION_COUNT
               && is.series->source < check->as_numbers
               && is.series->source < capacity->as_numbers
               && is.series->destination < check->as_numbers
               && is.series->destination < capacity->as_numbers
               && is.series->host < check->hosts
               && is.series->host < capacity->hosts;

    case FLOW_REDO_BYTES:
        return is.value->index < check->series
               && is.value->index < capacity->series;

    case FLOW_REDO_ERRORS:
        return flow_journal_follows(is.error->index, &check->errors,
                                    FLOW_ZONE_ERRORS)
               && memchr(is.error->name, '\0', sizeof(is.error->name))
                  != NULL;

    case FLOW_REDO_CLUSTER:
        return is.cluster->id[sizeof(is.cluster->id) - 1] == '\0';

    case FLOW_REDO_LEFT:
        return is.left->index >= FLOW_DIRECTION_COUNT
               && is.left->index < check->series
               && is.left->index < capacity->series;

    case FLOW_REDO_STRINGS:
    case FLOW_REDO_KIND_END:
    default:
        return false;
    }
}


static bool
flow_journal_check_strings(flow_journal_check_t *check,
    const flow_redo_walk_t *walk)
{
    uint64_t  start, end;

    if (walk->length < sizeof(start)) {
        return false;
    }

    memcpy(&start, walk->items, sizeof(start));
    end = start + (walk->length - sizeof(start));

    if (start > check->string_bytes
        || end < start
        || end > check->zone->capacity.string_bytes)
    {
        return false;
    }

    if (end > check->string_bytes) {
        check->string_bytes = end;
    }

    return true;
}


/* An entry that is there, or the next one. */

static bool
flow_journal_follows(uint32_t index, uint32_t *filled, uint32_t capacity)
{
    if (index > *filled || index >= capacity) {
        return false;
    }

    if (index == *filled) {
        (*filled)++;
    }

    return true;
}


static bool
flow_journal_is_string(const flow_journal_check_t *check, uint32_t reference)
{
    return reference == 0
           || (uint64_t) reference * FLOW_ZONE_STRING_UNIT
              < check->string_bytes;
}


/* Of a record that is whole. */

static flow_redo_head_t
flow_journal_head(const char *record)
{
    flow_redo_head_t  head;

    if (flow_redo_head(record, FLOW_REDO_HEAD, &head) != FLOW_OK) {
        memset(&head, 0, sizeof(head));
    }

    return head;
}


static void
flow_journal_store(flow_zone_t *zone, const char *record)
{
    size_t            at, size;
    flow_redo_head_t  head;
    flow_redo_walk_t  walk;

    head = flow_journal_head(record);
    flow_redo_walk(&walk, record);

    while (flow_redo_next(&walk) == FLOW_OK) {

        if (walk.kind == FLOW_REDO_STRINGS) {
            flow_journal_store_strings(zone, &walk);
            continue;
        }

        size = flow_redo_item_size(walk.kind);

        for (at = 0; at < walk.length; at += size) {
            FLOW_STEP("store.item");
            flow_journal_store_item(zone, walk.kind, walk.items + at);
        }
    }

    FLOW_STEP("store.position");
    flow_zone_set(&zone->epoch, head.position.epoch);
    flow_zone_set(&zone->number, head.position.number);
    FLOW_STEP("store.lineage");
    flow_zone_show(&zone->lineage, head.position.lineage);
}


static void
flow_journal_store_item(flow_zone_t *zone, flow_redo_kind_e kind,
    const char *item)
{
    const void     *is = item;
    flow_as_t      *number;
    flow_host_t    *host;
    flow_series_t  *series;

    switch (kind) {

    case FLOW_REDO_COUNTERS: {
        const flow_redo_counter_t  *counter = is;

        flow_zone_set(flow_zone_counter(zone, counter->id),
                      counter->value);
        break;
    }

    case FLOW_REDO_TOPICS:
        flow_journal_store_topic(zone, is);
        break;

    case FLOW_REDO_PARTITIONS:
        flow_journal_store_partition(zone, is);
        break;

    case FLOW_REDO_HOSTS: {
        const flow_redo_host_t  *named = is;

        host = &flow_zone_hosts(zone)[named->index];
        flow_zone_set(&host->name, named->name);
        flow_zone_set(&host->touched, flow_zone_moment(zone));
        flow_zone_show(&host->timestamp, named->timestamp);
        flow_journal_raise(&zone->hosts, named->index);
        break;
    }

    case FLOW_REDO_AS_NUMBERS: {
        const flow_redo_as_t  *named = is;

        number = &flow_zone_as_numbers(zone)[named->index];
        flow_zone_set(&number->number, named->number);
        flow_zone_show(&number->name, named->name);
        flow_journal_raise(&zone->as_numbers, named->index);
        break;
    }

    case FLOW_REDO_SERIES:
        flow_journal_store_series(zone, is);
        break;

    case FLOW_REDO_BYTES: {
        const flow_redo_bytes_t  *value = is;

        series = &flow_zone_series(zone)[value->index];
        flow_zone_set(&series->bytes, value->bytes);
        flow_zone_show(&series->used, flow_zone_moment(zone));
        break;
    }

    case FLOW_REDO_LEFT:
        flow_journal_store_left(zone, is);
        break;

    case FLOW_REDO_ERRORS:
        flow_journal_store_error(zone, is);
        break;

    case FLOW_REDO_CLUSTER: {
        const flow_redo_cluster_t  *cluster = is;

        memcpy(zone->cluster, cluster->id, sizeof(zone->cluster));
        break;
    }

    case FLOW_REDO_STRINGS:
    case FLOW_REDO_KIND_END:
    default:
        break;
    }
}


static void
flow_journal_store_strings(flow_zone_t *zone, const flow_redo_walk_t *walk)
{
    char      *arena;
    size_t     length;
    uint64_t   start;

    memcpy(&start, walk->items, sizeof(start));
    length = walk->length - sizeof(start);
    arena = flow_zone_arena(zone) + start;

    /* they are there already, unless this is another zone */

    if (memcmp(arena, walk->items + sizeof(start), length) != 0) {
        memcpy(arena, walk->items + sizeof(start), length);
    }

    if (flow_zone_get(&zone->string_bytes) < start + length) {
        flow_zone_show(&zone->string_bytes, start + length);
    }
}


static void
flow_journal_store_topic(flow_zone_t *zone, const flow_redo_topic_t *item)
{
    uint32_t       i;
    flow_topic_t  *topic;

    topic = &flow_zone_topics(zone)[item->index];

    flow_zone_set(&topic->name, item->name);
    flow_zone_set(&topic->partitions, item->partitions);
    flow_zone_set(&topic->seen_absent, item->seen_absent);

    for (i = 0; i < FLOW_MESSAGE_RESULT_COUNT; i++) {
        flow_zone_set(&topic->messages[i], item->messages[i]);
    }

    flow_zone_set(&topic->message_bytes, item->message_bytes);
    flow_zone_set(&topic->gap_offsets, item->gap_offsets);
    flow_zone_set(&topic->skipped_offsets, item->skipped_offsets);
    flow_zone_set(&topic->duplicate_messages, item->duplicate_messages);

    flow_journal_raise(&zone->topics, item->index);
}


static void
flow_journal_store_partition(flow_zone_t *zone,
    const flow_redo_partition_t *item)
{
    flow_partition_t  *partition;

    partition = &flow_zone_partitions(zone)[item->index];

    if (item->index >= flow_zone_get(&zone->partitions)) {
        flow_zone_set(&partition->topic, item->topic);
        flow_zone_set(&partition->partition, item->partition);
    }

    flow_zone_set(&partition->checksum, item->checksum);
    flow_zone_set(&partition->last, item->last);
    flow_zone_set(&partition->timestamp, item->timestamp);
    flow_zone_show(&partition->next_offset, item->to);

    if (item->to == -1) {
        flow_zone_set(&partition->consumed, 0);
    }

    flow_journal_raise(&zone->partitions, item->index);
}


static void
flow_journal_store_series(flow_zone_t *zone, const flow_redo_series_t *item)
{
    flow_series_t  *series;

    series = &flow_zone_series(zone)[item->index];

    flow_zone_open_series(series);

    flow_zone_set(&series->direction, item->direction);
    flow_zone_set(&series->source, item->source);
    flow_zone_set(&series->destination, item->destination);
    flow_zone_set(&series->host, item->host);
    flow_zone_set(&series->used, 0);
    flow_zone_set(&series->bytes, 0);

    flow_zone_close_series(series);

    flow_journal_raise(&zone->series, item->index);
}


/* A hole keeps its identity, by which it is found if it comes back soon. */

static void
flow_journal_store_left(flow_zone_t *zone, const flow_redo_left_t *item)
{
    flow_series_t  *series;

    series = &flow_zone_series(zone)[item->index];

    flow_zone_open_series(series);

    flow_zone_set(&series->used, 0);
    flow_zone_set(&series->bytes, 0);

    flow_zone_close_series(series);
}


static void
flow_journal_store_error(flow_zone_t *zone, const flow_redo_error_t *item)
{
    flow_kafka_error_t  *error;

    error = &zone->kafka_errors[item->index];

    if (memcmp(error->name, item->name, sizeof(error->name)) != 0) {
        memcpy(error->name, item->name, sizeof(error->name));
    }

    flow_zone_set(&error->count, item->count);
    flow_journal_raise(&zone->errors, item->index);
}


static void
flow_journal_raise(_Atomic uint32_t *filled, uint32_t index)
{
    if (flow_zone_get(filled) <= index) {
        flow_zone_show(filled, index + 1);
    }
}
