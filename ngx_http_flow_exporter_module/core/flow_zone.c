/*
 * Step 5: the zone's layout, and reading it without a lock; see flow_zone.h.
 */

#include <assert.h>
#include <string.h>

#include "flow_text.h"
#include "flow_zone.h"


#define FLOW_ZONE_MAGIC  UINT64_C(0x454e4f5a574f4c46)    /* "FLOWZONE" */

/* Tables begin at multiples of a cache line. */

#define FLOW_ZONE_ALIGN  64

/* How the zone is divided: one partition and one host per so many bytes. */

#define FLOW_ZONE_BYTES_PER_PARTITION  16384
#define FLOW_ZONE_PARTITIONS_MIN         256
#define FLOW_ZONE_PARTITIONS_MAX        8192

#define FLOW_ZONE_BYTES_PER_HOST        2048
#define FLOW_ZONE_HOSTS_MIN              256
#define FLOW_ZONE_HOSTS_MAX            65536

/*
 * The rest is for series; one AS number for every two of them, which is what
 * a single router needs that receives from and transmits to each, and the
 * bytes of its name.
 */

#define FLOW_ZONE_SERIES_PER_AS          2
#define FLOW_ZONE_STRING_BYTES          20

#define FLOW_ZONE_SERIES_MAX    (UINT32_MAX / 2)

#define FLOW_ZONE_BYTES_PER_JOURNAL_BYTE   8
#define FLOW_ZONE_JOURNAL_MIN            (64 * 1024)
#define FLOW_ZONE_JOURNAL_MAX            (2 * 1024 * 1024)

#define FLOW_ZONE_ARENA_MAX  (UINT64_C(0xffffffff) * FLOW_ZONE_STRING_UNIT)

/* A slot changes within nanoseconds, unless its writer has died. */

#define FLOW_ZONE_READ_TRIES            64


static_assert(sizeof(flow_topic_t) == 72, "layout of flow_topic_t");
static_assert(sizeof(flow_partition_t) == 48, "layout of flow_partition_t");
static_assert(sizeof(flow_host_t) == 16, "layout of flow_host_t");
static_assert(sizeof(flow_as_t) == 8, "layout of flow_as_t");
static_assert(sizeof(flow_series_t) == 32, "layout of flow_series_t");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics shared by processes");


static void flow_zone_divide(size_t size, flow_zone_capacity_t *capacity);
static uint64_t flow_zone_place(const flow_zone_capacity_t *capacity,
    flow_zone_tables_t *tables);
static uint64_t flow_zone_clamp(uint64_t value, uint64_t low, uint64_t high);
static bool flow_zone_are_series_sound(const flow_zone_t *zone);
static void flow_zone_view(const flow_zone_t *zone, uint32_t source,
    uint32_t destination, uint32_t host, flow_series_view_t *view);


int
flow_zone_capacity(size_t size, flow_zone_capacity_t *capacity)
{
    if (size < FLOW_ZONE_SIZE_MIN) {
        return FLOW_DECLINED;
    }

    flow_zone_divide(size, capacity);

    return FLOW_OK;
}


flow_zone_t *
flow_zone_format(void *memory, size_t size)
{
    flow_zone_t           *zone;
    flow_zone_capacity_t   capacity;

    if (flow_zone_capacity(size, &capacity) != FLOW_OK) {
        return NULL;
    }

    zone = memory;

    zone->version = FLOW_ZONE_VERSION;
    zone->size = size;
    zone->capacity = capacity;
    (void) flow_zone_place(&capacity, &zone->tables);

    atomic_init(&zone->decoding, FLOW_ZONE_NONE);
    atomic_init(&zone->image_timestamp, -1);
    atomic_init(&zone->fresh, 1);

    zone->magic = FLOW_ZONE_MAGIC;

    return zone;
}


flow_zone_t *
flow_zone_attach(void *memory, size_t size)
{
    flow_zone_t           *zone;
    flow_zone_tables_t     tables;
    flow_zone_capacity_t   capacity;

    zone = memory;

    if (flow_zone_capacity(size, &capacity) != FLOW_OK
        || zone->magic != FLOW_ZONE_MAGIC
        || zone->version != FLOW_ZONE_VERSION
        || zone->size != size)
    {
        return NULL;
    }

    (void) flow_zone_place(&capacity, &tables);

    if (memcmp(&capacity, &zone->capacity, sizeof(capacity)) != 0
        || memcmp(&tables, &zone->tables, sizeof(tables)) != 0)
    {
        return NULL;
    }

    return zone;
}


bool
flow_zone_is_sound(const flow_zone_t *zone)
{
    size_t  i;

    const struct {
        const _Atomic uint32_t  *filled;
        uint32_t                 capacity;
    } tables[] = {
        { &zone->topics, zone->capacity.topics },
        { &zone->partitions, zone->capacity.partitions },
        { &zone->hosts, zone->capacity.hosts },
        { &zone->as_numbers, zone->capacity.as_numbers },
        { &zone->series, zone->capacity.series },
        { &zone->errors, FLOW_ZONE_ERRORS }
    };

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (atomic_load_explicit(tables[i].filled, memory_order_relaxed)
            > tables[i].capacity)
        {
            return false;
        }
    }

    return atomic_load_explicit(&zone->string_bytes, memory_order_relaxed)
           <= zone->capacity.string_bytes
           && flow_zone_are_series_sound(zone);
}


static bool
flow_zone_are_series_sound(const flow_zone_t *zone)
{
    uint32_t              i, count, hosts, numbers;
    const flow_series_t  *series;

    series = flow_zone_series(zone);
    count = atomic_load_explicit(&zone->series, memory_order_relaxed);
    hosts = atomic_load_explicit(&zone->hosts, memory_order_relaxed);
    numbers = atomic_load_explicit(&zone->as_numbers, memory_order_relaxed);

    for (i = 0; i < count; i++) {
        if (atomic_load_explicit(&series[i].used, memory_order_relaxed) != 0
            && (atomic_load_explicit(&series[i].host, memory_order_relaxed)
                >= hosts
                || atomic_load_explicit(&series[i].source,
                                        memory_order_relaxed) >= numbers
                || atomic_load_explicit(&series[i].destination,
                                        memory_order_relaxed) >= numbers))
        {
            return false;
        }
    }

    return true;
}


flow_topic_t *
flow_zone_topics(const flow_zone_t *zone)
{
    return (flow_topic_t *) ((char *) zone + zone->tables.topics);
}


flow_partition_t *
flow_zone_partitions(const flow_zone_t *zone)
{
    return (flow_partition_t *) ((char *) zone + zone->tables.partitions);
}


flow_host_t *
flow_zone_hosts(const flow_zone_t *zone)
{
    return (flow_host_t *) ((char *) zone + zone->tables.hosts);
}


flow_as_t *
flow_zone_as_numbers(const flow_zone_t *zone)
{
    return (flow_as_t *) ((char *) zone + zone->tables.as_numbers);
}


flow_series_t *
flow_zone_series(const flow_zone_t *zone)
{
    return (flow_series_t *) ((char *) zone + zone->tables.series);
}


char *
flow_zone_arena(const flow_zone_t *zone)
{
    return (char *) zone + zone->tables.arena;
}


char *
flow_zone_journal(const flow_zone_t *zone)
{
    return (char *) zone + zone->tables.journal;
}


_Atomic uint64_t *
flow_zone_counter(const flow_zone_t *zone, uint32_t id)
{
    size_t  i;

    static const struct {
        uint32_t  first;
        uint32_t  count;
        size_t    offset;
    } counters[] = {
        { FLOW_COUNTER_RECORDS, FLOW_RESULT_COUNT,
          offsetof(flow_zone_t, records) },
        { FLOW_COUNTER_SKIPPED, FLOW_SKIP_COUNT,
          offsetof(flow_zone_t, skipped) },
        { FLOW_COUNTER_INVALID, FLOW_REASON_COUNT,
          offsetof(flow_zone_t, invalid) },
        { FLOW_COUNTER_CUT_LABELS, 1, offsetof(flow_zone_t, cut_labels) },
        { FLOW_COUNTER_REPAIRED_LABELS, 1,
          offsetof(flow_zone_t, repaired_labels) },
        { FLOW_COUNTER_OVERFLOW_RECORDS, 1,
          offsetof(flow_zone_t, overflow_records) },
        { FLOW_COUNTER_COMMITS, 1, offsetof(flow_zone_t, commits) },
        { FLOW_COUNTER_COMMIT_FAILURES, 1,
          offsetof(flow_zone_t, commit_failures) },
        { FLOW_COUNTER_COMMIT_NANOSECONDS, 1,
          offsetof(flow_zone_t, commit_nanoseconds) },
        { FLOW_COUNTER_LOG_BYTES, 1, offsetof(flow_zone_t, log_bytes) },
        { FLOW_COUNTER_STARTS, 1, offsetof(flow_zone_t, starts) },
        { FLOW_COUNTER_LEFT_SERIES, 1, offsetof(flow_zone_t, left_series) },
        { FLOW_COUNTER_LEFT_BYTES, FLOW_DIRECTION_COUNT,
          offsetof(flow_zone_t, left_bytes) }
    };

    for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        if (id - counters[i].first < counters[i].count) {
            return (_Atomic uint64_t *) ((char *) zone + counters[i].offset)
                   + (id - counters[i].first);
        }
    }

    return NULL;
}


/*
 * In the arena a string is its length (2 bytes), then its bytes, then room
 * up to the next unit.
 */

flow_str_t
flow_zone_string(const flow_zone_t *zone, uint32_t reference)
{
    uint16_t     len;
    uint64_t     at;
    const char  *arena;
    flow_str_t   string = { 0, "" };

    at = (uint64_t) reference * FLOW_ZONE_STRING_UNIT;

    if (at == 0 || at + sizeof(len) > zone->capacity.string_bytes) {
        return string;
    }

    arena = flow_zone_arena(zone);
    memcpy(&len, arena + at, sizeof(len));

    if (len > FLOW_ESCAPED_MAX
        || at + sizeof(len) + len > zone->capacity.string_bytes)
    {
        return string;
    }

    string.len = len;
    string.data = arena + at + sizeof(len);

    return string;
}


bool
flow_zone_read_series(const flow_zone_t *zone, uint32_t index,
    flow_series_view_t *view)
{
    uint32_t              tries, before, after, source, destination, host;
    uint32_t              used;
    const flow_series_t  *series;

    series = &flow_zone_series(zone)[index];

    for (tries = 0; tries < FLOW_ZONE_READ_TRIES; tries++) {

        before = atomic_load_explicit(&series->sequence,
                                      memory_order_acquire);
        if (before & 1) {
            continue;
        }

        used = atomic_load_explicit(&series->used, memory_order_acquire);
        source = atomic_load_explicit(&series->source, memory_order_relaxed);
        destination = atomic_load_explicit(&series->destination,
                                           memory_order_relaxed);
        host = atomic_load_explicit(&series->host, memory_order_relaxed);
        view->direction = atomic_load_explicit(&series->direction,
                                               memory_order_relaxed);
        view->bytes = atomic_load_explicit(&series->bytes,
                                           memory_order_relaxed);

        /* what these refer to stays as long as they do */

        view->overflow = index < FLOW_DIRECTION_COUNT;
        flow_zone_view(zone, source, destination, host, view);

        atomic_thread_fence(memory_order_acquire);

        after = atomic_load_explicit(&series->sequence, memory_order_relaxed);
        if (before != after) {
            continue;
        }

        return used != 0;
    }

    return false;
}


/* Follows the references of a series; an index out of bounds shows "". */

static void
flow_zone_view(const flow_zone_t *zone, uint32_t source,
    uint32_t destination, uint32_t host, flow_series_view_t *view)
{
    const flow_as_t    *numbers;
    const flow_host_t  *hosts;

    if (source >= zone->capacity.as_numbers
        || destination >= zone->capacity.as_numbers
        || host >= zone->capacity.hosts)
    {
        source = destination = host = FLOW_ZONE_OTHER;
    }

    hosts = flow_zone_hosts(zone);
    numbers = flow_zone_as_numbers(zone);

    view->source_as = atomic_load_explicit(&numbers[source].number,
                                           memory_order_relaxed);
    view->destination_as = atomic_load_explicit(&numbers[destination].number,
                                                memory_order_relaxed);

    view->source_name = flow_zone_string(zone,
                            atomic_load_explicit(&numbers[source].name,
                                                 memory_order_acquire));
    view->destination_name = flow_zone_string(zone,
                            atomic_load_explicit(&numbers[destination].name,
                                                 memory_order_acquire));
    view->hostname = flow_zone_string(zone,
                            atomic_load_explicit(&hosts[host].name,
                                                 memory_order_acquire));
}


static void
flow_zone_divide(size_t size, flow_zone_capacity_t *capacity)
{
    uint64_t            rest, series, fixed;
    flow_zone_tables_t  tables;

    memset(capacity, 0, sizeof(*capacity));

    capacity->topics = FLOW_ZONE_TOPICS;
    capacity->partitions = (uint32_t)
                           flow_zone_clamp(size / FLOW_ZONE_BYTES_PER_PARTITION,
                                           FLOW_ZONE_PARTITIONS_MIN,
                                           FLOW_ZONE_PARTITIONS_MAX);
    capacity->hosts = (uint32_t)
                      flow_zone_clamp(size / FLOW_ZONE_BYTES_PER_HOST,
                                      FLOW_ZONE_HOSTS_MIN,
                                      FLOW_ZONE_HOSTS_MAX);
    capacity->journal_bytes = flow_zone_clamp(
                                  size / FLOW_ZONE_BYTES_PER_JOURNAL_BYTE,
                                  FLOW_ZONE_JOURNAL_MIN,
                                  FLOW_ZONE_JOURNAL_MAX)
                              / FLOW_ZONE_ALIGN * FLOW_ZONE_ALIGN;

    /* room for rounding each of the tables that are still empty */
    fixed = flow_zone_place(capacity, &tables) + 3 * FLOW_ZONE_ALIGN;
    rest = size - fixed;

    series = rest * FLOW_ZONE_SERIES_PER_AS
             / (FLOW_ZONE_SERIES_PER_AS
                * (sizeof(flow_series_t) + FLOW_ZONE_STRING_BYTES)
                + sizeof(flow_as_t));
    series = flow_zone_clamp(series, 0, FLOW_ZONE_SERIES_MAX);

    capacity->series = (uint32_t) series;
    capacity->as_numbers = (uint32_t) (series / FLOW_ZONE_SERIES_PER_AS);

    rest -= series * sizeof(flow_series_t)
            + series / FLOW_ZONE_SERIES_PER_AS * sizeof(flow_as_t);
    capacity->string_bytes = flow_zone_clamp(rest, 0, FLOW_ZONE_ARENA_MAX);
}


/* Places the tables one after another; returns where the last one ends. */

static uint64_t
flow_zone_place(const flow_zone_capacity_t *capacity,
    flow_zone_tables_t *tables)
{
    size_t    i;
    uint64_t  at;

    const struct {
        uint64_t  *table;
        uint64_t   bytes;
    } parts[] = {
        { &tables->topics,
          capacity->topics * sizeof(flow_topic_t) },
        { &tables->partitions,
          capacity->partitions * sizeof(flow_partition_t) },
        { &tables->hosts,
          capacity->hosts * sizeof(flow_host_t) },
        { &tables->as_numbers,
          capacity->as_numbers * sizeof(flow_as_t) },
        { &tables->series,
          capacity->series * sizeof(flow_series_t) },
        { &tables->journal,
          capacity->journal_bytes },
        { &tables->arena,
          capacity->string_bytes }
    };

    at = sizeof(flow_zone_t);

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = (at + FLOW_ZONE_ALIGN - 1) / FLOW_ZONE_ALIGN * FLOW_ZONE_ALIGN;
        *parts[i].table = at;
        at += parts[i].bytes;
    }

    return at;
}


static uint64_t
flow_zone_clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}
