/*
 * Claiming entries of the zone's tables; see flow_zone_writer.h.
 *
 * Order of each claim: add the entry to the private index, fill it in, raise
 * the writer's own count of the table.  The zone's count is raised when the
 * redo record that names the entry is applied: a writer that dies before that
 * leaves nothing behind.
 */

#include <string.h>

#include "flow_text.h"
#include "flow_zone_index.h"


static uint32_t flow_zone_claim_as(flow_zone_writer_t *writer,
    uint32_t number, flow_str_t name);
static uint32_t flow_zone_add_series(flow_zone_writer_t *writer,
    const flow_series_key_t *key);
static uint32_t flow_zone_add_string(flow_zone_writer_t *writer,
    flow_str_t escaped);
static void flow_zone_fill_series(flow_series_t *series,
    const flow_series_key_t *key);
static bool flow_zone_is_equal(flow_str_t one, flow_str_t other);


uint32_t
flow_zone_claim_topic(flow_zone_writer_t *writer, flow_str_t name)
{
    uint32_t       i, count, string;
    flow_zone_t   *zone;
    flow_topic_t  *topics;

    zone = writer->zone;
    topics = flow_zone_topics(zone);
    count = writer->filled.topics;

    for (i = 0; i < count; i++) {
        if (flow_zone_is_equal(name,
                               flow_zone_string(zone,
                                             flow_zone_get(&topics[i].name))))
        {
            return i;
        }
    }

    if (count == zone->capacity.topics) {
        return FLOW_ZONE_NONE;
    }

    string = flow_zone_add_string(writer, name);
    if (string == FLOW_ZONE_NONE) {
        return FLOW_ZONE_NONE;
    }

    /* zeros may have become others, before the zone was loaded anew */

    memset(&topics[count], 0, sizeof(flow_topic_t));
    flow_zone_set(&topics[count].name, string);
    writer->filled.topics = count + 1;

    return count;
}


uint32_t
flow_zone_find_partition(const flow_zone_writer_t *writer, uint32_t topic,
    int32_t partition)
{
    return flow_zone_index_partition(&writer->index, topic, partition);
}


uint32_t
flow_zone_claim_partition(flow_zone_writer_t *writer, uint32_t topic,
    int32_t partition, int64_t next_offset)
{
    uint32_t           entry;
    flow_zone_t       *zone;
    flow_partition_t  *slot;

    entry = flow_zone_index_partition(&writer->index, topic, partition);
    if (entry != FLOW_ZONE_NONE) {
        return entry;
    }

    zone = writer->zone;
    entry = writer->filled.partitions;

    if (entry == zone->capacity.partitions
        || flow_zone_index_add_partition(&writer->index, topic, partition,
                                         entry) != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    slot = &flow_zone_partitions(zone)[entry];

    flow_zone_set(&slot->topic, topic);
    flow_zone_set(&slot->partition, partition);
    flow_zone_set(&slot->next_offset, next_offset);
    flow_zone_set(&slot->end_offset, -1);
    flow_zone_set(&slot->consumed, 0);
    flow_zone_set(&slot->checksum, 0);
    flow_zone_set(&slot->last, -1);
    flow_zone_set(&slot->timestamp, -1);
    writer->filled.partitions = entry + 1;

    return entry;
}


uint32_t
flow_zone_claim_host(flow_zone_writer_t *writer, flow_str_t name)
{
    char          room[FLOW_ESCAPED_MAX];
    uint32_t      entry, string;
    flow_str_t    escaped;
    flow_zone_t  *zone;
    flow_host_t  *slot;

    if (name.len > FLOW_LABEL_MAX) {
        return FLOW_ZONE_NONE;
    }

    escaped.len = flow_text_escape(room, name);
    escaped.data = room;

    entry = flow_zone_index_host(&writer->index, escaped);
    if (entry != FLOW_ZONE_NONE) {
        return entry;
    }

    zone = writer->zone;
    entry = writer->filled.hosts;

    if (entry == zone->capacity.hosts) {
        return FLOW_ZONE_NONE;
    }

    string = flow_zone_add_string(writer, escaped);

    if (string == FLOW_ZONE_NONE
        || flow_zone_index_add_host(&writer->index, escaped, entry)
           != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    slot = &flow_zone_hosts(zone)[entry];

    flow_zone_set(&slot->name, string);
    flow_zone_set(&slot->timestamp, -1);
    writer->filled.hosts = entry + 1;

    return entry;
}


uint32_t
flow_zone_find_host(const flow_zone_writer_t *writer, flow_str_t name)
{
    char        room[FLOW_ESCAPED_MAX];
    flow_str_t  escaped;

    if (name.len > FLOW_LABEL_MAX) {
        return FLOW_ZONE_NONE;
    }

    escaped.len = flow_text_escape(room, name);
    escaped.data = room;

    return flow_zone_index_host(&writer->index, escaped);
}


uint32_t
flow_zone_find_series(const flow_zone_writer_t *writer,
    flow_direction_e direction, uint32_t source_as, uint32_t destination_as,
    uint32_t host)
{
    flow_series_key_t  key;

    key.direction = direction;
    key.source = flow_zone_index_as(&writer->index, source_as);
    key.destination = flow_zone_index_as(&writer->index, destination_as);
    key.host = host;

    return flow_zone_index_series(&writer->index, &key);
}


uint32_t
flow_zone_claim_series(flow_zone_writer_t *writer, flow_direction_e direction,
    uint32_t source_as, uint32_t destination_as, uint32_t host,
    const flow_names_t *names)
{
    uint32_t           entry;
    flow_series_key_t  key;

    entry = flow_zone_find_series(writer, direction, source_as,
                                  destination_as, host);
    if (entry != FLOW_ZONE_NONE) {
        return entry;
    }

    if (writer->filled.series == writer->zone->capacity.series) {
        return FLOW_ZONE_NONE;
    }

    key.direction = direction;
    key.host = host;
    key.source = flow_zone_claim_as(writer, source_as,
                                    flow_names_find(names, source_as));
    if (key.source == FLOW_ZONE_NONE) {
        return FLOW_ZONE_NONE;
    }

    key.destination = flow_zone_claim_as(writer, destination_as,
                                     flow_names_find(names, destination_as));
    if (key.destination == FLOW_ZONE_NONE) {
        return FLOW_ZONE_NONE;
    }

    return flow_zone_add_series(writer, &key);
}


void
flow_zone_adopt_names(flow_zone_writer_t *writer, const flow_names_t *names)
{
    flow_zone_t  *zone;

    zone = writer->zone;

    writer->names = names;
    writer->next_name = FLOW_ZONE_OTHER + 1;
    writer->end_name = writer->filled.as_numbers;

    flow_zone_set(&zone->as_names_loaded, names != NULL);
    flow_zone_set(&zone->as_names, flow_names_count(names));
    flow_zone_set(&zone->as_names_timestamp, flow_names_timestamp(names));
}


int
flow_zone_rename(flow_zone_writer_t *writer, uint32_t *entry, uint32_t *name)
{
    char          room[FLOW_ESCAPED_MAX];
    flow_as_t    *slot;
    flow_str_t    wanted;
    flow_zone_t  *zone;

    zone = writer->zone;

    while (writer->next_name < writer->end_name) {

        *entry = writer->next_name++;
        slot = &flow_zone_as_numbers(zone)[*entry];

        wanted.len = flow_text_escape(room,
                         flow_names_find(writer->names,
                                         flow_zone_get(&slot->number)));
        wanted.data = room;

        if (!flow_zone_is_equal(wanted,
                flow_zone_string(zone, flow_zone_get(&slot->name))))
        {
            *name = flow_zone_add_string(writer, wanted);
            return *name == FLOW_ZONE_NONE ? FLOW_AGAIN : FLOW_OK;
        }
    }

    return FLOW_DECLINED;
}


bool
flow_zone_has_renames(const flow_zone_writer_t *writer)
{
    return writer->next_name < writer->end_name;
}


/* The entries "other" and the overflow series of a fresh zone. */

int
flow_zone_claim_other(flow_zone_writer_t *writer)
{
    uint32_t           string, direction;
    flow_str_t         name = flow_string("other");
    flow_zone_t       *zone;
    flow_series_key_t  key;

    zone = writer->zone;

    if (writer->filled.series >= FLOW_DIRECTION_COUNT) {
        return FLOW_OK;
    }

    string = flow_zone_add_string(writer, name);
    if (string == FLOW_ZONE_NONE) {
        return FLOW_ERROR;
    }

    flow_zone_set(&flow_zone_hosts(zone)[FLOW_ZONE_OTHER].name, string);
    flow_zone_set(&flow_zone_hosts(zone)[FLOW_ZONE_OTHER].timestamp, -1);
    writer->filled.hosts = FLOW_ZONE_OTHER + 1;
    writer->filled.as_numbers = FLOW_ZONE_OTHER + 1;

    key.source = FLOW_ZONE_OTHER;
    key.destination = FLOW_ZONE_OTHER;
    key.host = FLOW_ZONE_OTHER;

    for (direction = 0; direction < FLOW_DIRECTION_COUNT; direction++) {
        key.direction = direction;
        flow_zone_fill_series(&flow_zone_series(zone)[direction], &key);
    }

    writer->filled.series = FLOW_DIRECTION_COUNT;

    return FLOW_OK;
}


static uint32_t
flow_zone_claim_as(flow_zone_writer_t *writer, uint32_t number,
    flow_str_t name)
{
    char          room[FLOW_ESCAPED_MAX];
    uint32_t      entry, string;
    flow_as_t    *slot;
    flow_str_t    escaped;
    flow_zone_t  *zone;

    entry = flow_zone_index_as(&writer->index, number);
    if (entry != FLOW_ZONE_NONE) {
        return entry;
    }

    zone = writer->zone;
    entry = writer->filled.as_numbers;

    if (entry == zone->capacity.as_numbers) {
        return FLOW_ZONE_NONE;
    }

    escaped.len = flow_text_escape(room, name);
    escaped.data = room;

    string = flow_zone_add_string(writer, escaped);

    if (string == FLOW_ZONE_NONE
        || flow_zone_index_add_as(&writer->index, number, entry) != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    slot = &flow_zone_as_numbers(zone)[entry];

    flow_zone_set(&slot->number, number);
    flow_zone_set(&slot->name, string);
    writer->filled.as_numbers = entry + 1;

    return entry;
}


static uint32_t
flow_zone_add_series(flow_zone_writer_t *writer, const flow_series_key_t *key)
{
    uint32_t        entry;
    flow_series_t  *series;

    entry = writer->filled.series;

    if (flow_zone_index_add_series(&writer->index, key, entry) != FLOW_OK) {
        return FLOW_ZONE_NONE;
    }

    series = &flow_zone_series(writer->zone)[entry];

    flow_zone_fill_series(series, key);
    flow_zone_set(&series->used, 1);
    writer->filled.series = entry + 1;

    return entry;
}


/* Gives a slot its identity, which changes only while its sequence is odd. */

static void
flow_zone_fill_series(flow_series_t *series, const flow_series_key_t *key)
{
    uint32_t  odd;

    odd = flow_zone_get(&series->sequence) | 1;

    flow_zone_set(&series->sequence, odd);
    atomic_thread_fence(memory_order_release);

    flow_zone_set(&series->direction, key->direction);
    flow_zone_set(&series->source, key->source);
    flow_zone_set(&series->destination, key->destination);
    flow_zone_set(&series->host, key->host);
    flow_zone_set(&series->used, 0);
    flow_zone_set(&series->bytes, 0);

    flow_zone_show(&series->sequence, odd + 1);
}


/* Returns a reference, or FLOW_ZONE_NONE if the arena is full. */

static uint32_t
flow_zone_add_string(flow_zone_writer_t *writer, flow_str_t escaped)
{
    char         *at;
    uint16_t      len;
    uint64_t      start, end;
    flow_zone_t  *zone;

    if (escaped.len == 0) {
        return 0;
    }

    /* reference 0 is the empty string */

    zone = writer->zone;
    start = writer->filled.string_bytes;

    if (start == 0) {
        start = FLOW_ZONE_STRING_UNIT;
    }

    len = (uint16_t) escaped.len;
    end = start + sizeof(len) + len;
    end = (end + FLOW_ZONE_STRING_UNIT - 1) / FLOW_ZONE_STRING_UNIT
          * FLOW_ZONE_STRING_UNIT;

    if (end > zone->capacity.string_bytes) {
        return FLOW_ZONE_NONE;
    }

    at = flow_zone_arena(zone) + start;
    memcpy(at, &len, sizeof(len));
    memcpy(at + sizeof(len), escaped.data, len);

    writer->filled.string_bytes = end;

    return (uint32_t) (start / FLOW_ZONE_STRING_UNIT);
}


static bool
flow_zone_is_equal(flow_str_t one, flow_str_t other)
{
    return one.len == other.len
           && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}
