/*
 * The writer's indexes over the zone's tables; see flow_zone_index.h.
 */

#include <string.h>

#include "flow_text.h"
#include "flow_zone_index.h"


typedef struct {
    uint32_t  topic;
    int32_t   partition;
} flow_partition_key_t;


static int flow_zone_index_tables(flow_zone_index_t *index);
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
                           flow_zone_get(&zone->partitions)) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (flow_zone_index_tables(index) != FLOW_OK) {
        return FLOW_ERROR;
    }

    return flow_zone_index_all_series(index);
}


void
flow_zone_index_done(flow_zone_index_t *index)
{
    flow_index_done(&index->hosts);
    flow_index_done(&index->as_numbers);
    flow_index_done(&index->series);
    flow_index_done(&index->partitions);
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


/* The entries "other" are never looked for by their content. */

static int
flow_zone_index_tables(flow_zone_index_t *index)
{
    uint32_t           i;
    flow_as_t         *numbers;
    flow_host_t       *hosts;
    flow_partition_t  *partitions;

    hosts = flow_zone_hosts(index->zone);

    for (i = FLOW_ZONE_OTHER + 1; i < flow_zone_get(&index->zone->hosts); i++)
    {
        if (flow_zone_index_add_host(index,
                flow_zone_string(index->zone, flow_zone_get(&hosts[i].name)),
                i) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    numbers = flow_zone_as_numbers(index->zone);

    for (i = FLOW_ZONE_OTHER + 1;
         i < flow_zone_get(&index->zone->as_numbers); i++)
    {
        if (flow_zone_index_add_as(index, flow_zone_get(&numbers[i].number),
                                   i) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

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
            continue;
        }

        key.direction = flow_zone_get(&series[i].direction);
        key.source = flow_zone_get(&series[i].source);
        key.destination = flow_zone_get(&series[i].destination);
        key.host = flow_zone_get(&series[i].host);

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
