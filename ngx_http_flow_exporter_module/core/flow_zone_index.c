/*
 * The writer's indexes over the zone's tables; see flow_zone_index.h.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_text.h"
#include "flow_zone_index.h"


typedef struct {
    uint32_t  topic;
    int32_t   partition;
} flow_partition_key_t;


static int flow_zone_index_rests(flow_zone_index_t *index);
static void flow_zone_index_unused(flow_zone_index_t *index,
    flow_rest_t *rest, uint32_t entry, _Atomic uint32_t *name);
static void flow_zone_index_hole(flow_zone_index_t *index, uint32_t entry);
static int flow_zone_index_hosts(flow_zone_index_t *index);
static int flow_zone_index_as_numbers(flow_zone_index_t *index);
static int flow_zone_index_partitions(flow_zone_index_t *index);
static int flow_zone_index_all_series(flow_zone_index_t *index);
static uint32_t flow_zone_hash_series(const flow_series_key_t *key);
static bool flow_zone_match_host(const void *table, uint32_t entry,
    const void *key);
static bool flow_zone_match_as(const void *table, uint32_t entry,
    const void *key);
static bool flow_zone_match_series(const void *table, uint32_t entry,
    const void *key);
static bool flow_zone_match_partition(const void *table, uint32_t entry,
    const void *key);


int
flow_zone_index_init(flow_zone_index_t *index, const flow_zone_t *zone)
{
    memset(index, 0, sizeof(*index));
    index->zone = zone;

    if (flow_index_init(&index->hosts, flow_zone_get(&zone->hosts)) != FLOW_OK
        || flow_index_init(&index->as_numbers,
                           flow_zone_get(&zone->as_numbers)) != FLOW_OK
        || flow_index_init(&index->series, flow_zone_get(&zone->series))
           != FLOW_OK
        || flow_index_init(&index->partitions,
                           flow_zone_get(&zone->partitions)) != FLOW_OK
        || flow_zone_index_rests(index) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    /* series first: they tell what else is in use */

    if (flow_zone_index_all_series(index) != FLOW_OK
        || flow_zone_index_hosts(index) != FLOW_OK
        || flow_zone_index_as_numbers(index) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    return flow_zone_index_partitions(index);
}


void
flow_zone_index_done(flow_zone_index_t *index)
{
    flow_index_done(&index->hosts);
    flow_index_done(&index->as_numbers);
    flow_index_done(&index->series);
    flow_index_done(&index->partitions);
    flow_rest_done(&index->rest_hosts);
    flow_rest_done(&index->rest_as_numbers);
    flow_rest_done(&index->rest_series);
    free(index->host_references);
    free(index->as_references);
}


uint32_t
flow_zone_index_host(const flow_zone_index_t *index, flow_str_t name)
{
    return flow_index_find(&index->hosts, (uint32_t) flow_text_hash(name),
                           flow_zone_match_host, index->zone, &name);
}


uint32_t
flow_zone_index_as(const flow_zone_index_t *index, uint32_t number)
{
    return flow_index_find(&index->as_numbers, flow_index_hash(number, 0),
                           flow_zone_match_as, index->zone, &number);
}


uint32_t
flow_zone_index_series(const flow_zone_index_t *index,
    const flow_series_key_t *key)
{
    return flow_index_find(&index->series, flow_zone_hash_series(key),
                           flow_zone_match_series, index->zone, key);
}


uint32_t
flow_zone_index_partition(const flow_zone_index_t *index, uint32_t topic,
    int32_t partition)
{
    flow_partition_key_t  key = { topic, partition };

    return flow_index_find(&index->partitions,
                           flow_index_hash(topic, (uint32_t) partition),
                           flow_zone_match_partition, index->zone, &key);
}


int
flow_zone_index_add_host(flow_zone_index_t *index, flow_str_t name,
    uint32_t entry)
{
    return flow_index_add(&index->hosts, (uint32_t) flow_text_hash(name),
                          entry);
}


int
flow_zone_index_add_as(flow_zone_index_t *index, uint32_t number,
    uint32_t entry)
{
    return flow_index_add(&index->as_numbers, flow_index_hash(number, 0),
                          entry);
}


int
flow_zone_index_add_series(flow_zone_index_t *index,
    const flow_series_key_t *key, uint32_t entry)
{
    return flow_index_add(&index->series, flow_zone_hash_series(key), entry);
}


int
flow_zone_index_add_partition(flow_zone_index_t *index, uint32_t topic,
    int32_t partition, uint32_t entry)
{
    return flow_index_add(&index->partitions,
                          flow_index_hash(topic, (uint32_t) partition),
                          entry);
}


void
flow_zone_index_remove_host(flow_zone_index_t *index, uint32_t entry)
{
    flow_str_t  name;

    name = flow_zone_string(index->zone,
               flow_zone_get(&flow_zone_hosts(index->zone)[entry].name));

    (void) flow_index_remove(&index->hosts, (uint32_t) flow_text_hash(name),
                             entry);
}


void
flow_zone_index_remove_as(flow_zone_index_t *index, uint32_t entry)
{
    uint32_t  number;

    number = flow_zone_get(&flow_zone_as_numbers(index->zone)[entry].number);

    (void) flow_index_remove(&index->as_numbers, flow_index_hash(number, 0),
                             entry);
}


void
flow_zone_index_remove_series(flow_zone_index_t *index, uint32_t entry)
{
    flow_series_key_t  key;

    key = flow_zone_key(index->zone, entry);

    (void) flow_index_remove(&index->series, flow_zone_hash_series(&key),
                             entry);
}


flow_series_key_t
flow_zone_key(const flow_zone_t *zone, uint32_t entry)
{
    flow_series_t      *series;
    flow_series_key_t   key;

    series = &flow_zone_series(zone)[entry];

    key.direction = flow_zone_get(&series->direction);
    key.source = flow_zone_get(&series->source);
    key.destination = flow_zone_get(&series->destination);
    key.host = flow_zone_get(&series->host);

    return key;
}


void
flow_zone_fill_series(flow_series_t *series, const flow_series_key_t *key)
{
    flow_zone_open_series(series);

    flow_zone_set(&series->direction, key->direction);
    flow_zone_set(&series->source, key->source);
    flow_zone_set(&series->destination, key->destination);
    flow_zone_set(&series->host, key->host);
    flow_zone_set(&series->used, 0);
    flow_zone_set(&series->bytes, 0);

    flow_zone_close_series(series);
}


void
flow_zone_forget_series(const flow_zone_t *zone, uint32_t entry)
{
    flow_series_key_t  key = { 0, 0, 0, FLOW_ZONE_NONE };

    flow_zone_fill_series(&flow_zone_series(zone)[entry], &key);
}


static int
flow_zone_index_rests(flow_zone_index_t *index)
{
    const flow_zone_capacity_t  *capacity = &index->zone->capacity;

    index->host_references = calloc(capacity->hosts, sizeof(uint32_t));
    index->as_references = calloc(capacity->as_numbers, sizeof(uint32_t));

    if (index->host_references == NULL
        || index->as_references == NULL
        || flow_rest_init(&index->rest_hosts, capacity->hosts) != FLOW_OK
        || flow_rest_init(&index->rest_as_numbers, capacity->as_numbers)
           != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    return flow_rest_init(&index->rest_series, capacity->series);
}


/*
 * An entry that is out of use: with a name that no record has told of, it was
 * forgotten before that.
 */

static void
flow_zone_index_unused(flow_zone_index_t *index, flow_rest_t *rest,
    uint32_t entry, _Atomic uint32_t *name)
{
    const flow_zone_t  *zone = index->zone;

    if (flow_zone_get(&zone->fresh)
        || (uint64_t) flow_zone_get(name) * FLOW_ZONE_STRING_UNIT
           >= flow_zone_get(&zone->string_bytes))
    {
        flow_zone_set(name, FLOW_ZONE_NONE);
        flow_rest_move(rest, entry, FLOW_REST_OVER);

    } else {
        flow_rest_add(rest, entry);
    }
}


static void
flow_zone_index_hole(flow_zone_index_t *index, uint32_t entry)
{
    const flow_zone_t  *zone = index->zone;

    if (flow_zone_get(&zone->fresh)
        || flow_zone_key(zone, entry).host == FLOW_ZONE_NONE)
    {
        flow_zone_forget_series(zone, entry);
        flow_rest_move(&index->rest_series, entry, FLOW_REST_OVER);

    } else {
        flow_rest_add(&index->rest_series, entry);
    }
}


/* The entries "other" are never looked for by their content. */

static int
flow_zone_index_hosts(flow_zone_index_t *index)
{
    uint32_t      i;
    flow_host_t  *hosts;

    hosts = flow_zone_hosts(index->zone);

    for (i = FLOW_ZONE_OTHER + 1; i < flow_zone_get(&index->zone->hosts); i++)
    {
        if (index->host_references[i] == 0
            && flow_zone_get(&hosts[i].timestamp) == -1)
        {
            flow_zone_index_unused(index, &index->rest_hosts, i,
                                   &hosts[i].name);
            continue;
        }

        if (flow_zone_index_add_host(index,
                flow_zone_string(index->zone, flow_zone_get(&hosts[i].name)),
                i) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


static int
flow_zone_index_as_numbers(flow_zone_index_t *index)
{
    uint32_t    i;
    flow_as_t  *numbers;

    numbers = flow_zone_as_numbers(index->zone);

    for (i = FLOW_ZONE_OTHER + 1;
         i < flow_zone_get(&index->zone->as_numbers); i++)
    {
        if (index->as_references[i] == 0) {
            flow_zone_index_unused(index, &index->rest_as_numbers, i,
                                   &numbers[i].name);
            continue;
        }

        if (flow_zone_index_add_as(index, flow_zone_get(&numbers[i].number),
                                   i) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


static int
flow_zone_index_partitions(flow_zone_index_t *index)
{
    uint32_t           i;
    flow_partition_t  *partitions;

    partitions = flow_zone_partitions(index->zone);

    for (i = 0; i < flow_zone_get(&index->zone->partitions); i++) {
        if (flow_zone_index_add_partition(index,
                flow_zone_get(&partitions[i].topic),
                flow_zone_get(&partitions[i].partition), i) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


static int
flow_zone_index_all_series(flow_zone_index_t *index)
{
    uint32_t           i;
    flow_series_t     *series;
    flow_series_key_t  key;

    series = flow_zone_series(index->zone);

    for (i = FLOW_DIRECTION_COUNT; i < flow_zone_get(&index->zone->series);
         i++)
    {
        if (!flow_zone_get(&series[i].used)) {
            flow_zone_index_hole(index, i);
            continue;
        }

        key = flow_zone_key(index->zone, i);

        index->host_references[key.host]++;
        index->as_references[key.source]++;
        index->as_references[key.destination]++;

        if (flow_zone_index_add_series(index, &key, i) != FLOW_OK) {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


static uint32_t
flow_zone_hash_series(const flow_series_key_t *key)
{
    return flow_index_hash((uint64_t) key->source << 32 | key->destination,
                           (uint64_t) key->host << 2 | key->direction);
}


static bool
flow_zone_match_host(const void *table, uint32_t entry, const void *key)
{
    flow_str_t          name;
    const flow_str_t   *wanted = key;
    const flow_zone_t  *zone = table;

    name = flow_zone_string(zone,
                            flow_zone_get(&flow_zone_hosts(zone)[entry].name));

    return name.len == wanted->len
           && memcmp(name.data, wanted->data, name.len) == 0;
}


static bool
flow_zone_match_as(const void *table, uint32_t entry, const void *key)
{
    const uint32_t     *number = key;
    const flow_zone_t  *zone = table;

    return flow_zone_get(&flow_zone_as_numbers(zone)[entry].number)
           == *number;
}


static bool
flow_zone_match_series(const void *table, uint32_t entry, const void *key)
{
    const flow_zone_t        *zone = table;
    const flow_series_t      *series;
    const flow_series_key_t  *wanted = key;

    series = &flow_zone_series(zone)[entry];

    return flow_zone_get(&series->source) == wanted->source
           && flow_zone_get(&series->destination) == wanted->destination
           && flow_zone_get(&series->host) == wanted->host
           && flow_zone_get(&series->direction) == wanted->direction;
}


static bool
flow_zone_match_partition(const void *table, uint32_t entry, const void *key)
{
    const flow_zone_t           *zone = table;
    const flow_partition_t      *slot;
    const flow_partition_key_t  *wanted = key;

    slot = &flow_zone_partitions(zone)[entry];

    return flow_zone_get(&slot->topic) == wanted->topic
           && flow_zone_get(&slot->partition) == wanted->partition;
}
