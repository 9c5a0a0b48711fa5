/*
 * Claiming entries of the zone's tables; see flow_zone_writer.h.
 *
 * Order of each claim: add the entry to the private index, fill it in, raise
 * the writer's own count of the table.  The zone's count is raised when the
 * redo record that names the entry is applied: a writer that dies before that
 * leaves nothing behind.  An entry that was out of use is noted among what was
 * claimed instead; nothing of it is shown before the record.
 */

#include <string.h>

#include "flow_redo.h"
#include "flow_text.h"
#include "flow_zone_index.h"


static uint32_t flow_zone_claim_as(flow_zone_writer_t *writer,
    uint32_t number, flow_str_t name);
static uint32_t flow_zone_add_series(flow_zone_writer_t *writer,
    const flow_series_key_t *key);
static void flow_zone_occupy(flow_rest_t *rest, uint32_t entry,
    uint32_t *filled, flow_extents_t *claimed);


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
        flow_rest_remove(&writer->index.rest_hosts, entry);
        return entry;
    }

    zone = writer->zone;
    entry = flow_zone_free_entry(&writer->index.rest_hosts,
                                 writer->filled.hosts, zone->capacity.hosts);

    if (entry == FLOW_ZONE_NONE) {
        return FLOW_ZONE_NONE;
    }

    string = flow_zone_add_string(writer, escaped);

    if (string == FLOW_ZONE_NONE
        || flow_extents_reserve(&writer->claimed.hosts) != FLOW_OK
        || flow_zone_index_add_host(&writer->index, escaped, entry)
           != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    flow_zone_occupy(&writer->index.rest_hosts, entry, &writer->filled.hosts,
                     &writer->claimed.hosts);

    slot = &flow_zone_hosts(zone)[entry];

    flow_zone_set(&slot->name, string);
    flow_zone_set(&slot->timestamp, -1);
    writer->claimed.bytes += sizeof(flow_redo_host_t);

    return entry;
}


uint32_t
flow_zone_find_host(const flow_zone_writer_t *writer, flow_str_t name)
{
    char        room[FLOW_ESCAPED_MAX];
    uint32_t    entry;
    flow_str_t  escaped;

    if (name.len > FLOW_LABEL_MAX) {
        return FLOW_ZONE_NONE;
    }

    escaped.len = flow_text_escape(room, name);
    escaped.data = room;

    entry = flow_zone_index_host(&writer->index, escaped);

    return entry == FLOW_ZONE_NONE
           || flow_rest_has(&writer->index.rest_hosts, entry)
           ? FLOW_ZONE_NONE
           : entry;
}


uint32_t
flow_zone_find_series(const flow_zone_writer_t *writer,
    flow_direction_e direction, uint32_t source_as, uint32_t destination_as,
    uint32_t host)
{
    uint32_t           entry;
    flow_series_key_t  key;

    key.direction = direction;
    key.source = flow_zone_index_as(&writer->index, source_as);
    key.destination = flow_zone_index_as(&writer->index, destination_as);
    key.host = host;

    entry = flow_zone_index_series(&writer->index, &key);

    return entry == FLOW_ZONE_NONE
           || flow_rest_has(&writer->index.rest_series, entry)
           ? FLOW_ZONE_NONE
           : entry;
}


/*
 * AS numbers are not worth an entry where the table is full, but for a series
 * that rests.
 */

static bool
flow_zone_may_add_series(const flow_zone_writer_t *writer,
    flow_series_key_t *key, uint32_t source_as, uint32_t destination_as)
{
    if (flow_zone_free_entry(&writer->index.rest_series,
                             writer->filled.series,
                             writer->zone->capacity.series)
        != FLOW_ZONE_NONE)
    {
        return true;
    }

    key->source = flow_zone_index_as(&writer->index, source_as);
    key->destination = flow_zone_index_as(&writer->index, destination_as);

    return flow_zone_index_series(&writer->index, key) != FLOW_ZONE_NONE;
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

    key.direction = direction;
    key.host = host;

    if (!flow_zone_may_add_series(writer, &key, source_as, destination_as)) {
        return FLOW_ZONE_NONE;
    }

    key.destination = FLOW_ZONE_NONE;
    key.source = flow_zone_claim_as(writer, source_as,
                                    flow_names_find(names, source_as));

    if (key.source != FLOW_ZONE_NONE) {
        key.destination = flow_zone_claim_as(writer, destination_as,
                                     flow_names_find(names, destination_as));
    }

    if (key.destination != FLOW_ZONE_NONE) {
        entry = flow_zone_add_series(writer, &key);
    }

    if (entry == FLOW_ZONE_NONE) {
        flow_zone_rest_as(writer, key.source);
        flow_zone_rest_as(writer, key.destination);
        return FLOW_ZONE_NONE;
    }

    flow_zone_refer(writer, &key);
    writer->claimed.bytes += sizeof(flow_redo_series_t);

    return entry;
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
    entry = flow_zone_free_entry(&writer->index.rest_as_numbers,
                                 writer->filled.as_numbers,
                                 zone->capacity.as_numbers);

    if (entry == FLOW_ZONE_NONE) {
        return FLOW_ZONE_NONE;
    }

    escaped.len = flow_text_escape(room, name);
    escaped.data = room;

    string = flow_zone_add_string(writer, escaped);

    if (string == FLOW_ZONE_NONE
        || flow_extents_reserve(&writer->claimed.as_numbers) != FLOW_OK
        || flow_zone_index_add_as(&writer->index, number, entry) != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    flow_zone_occupy(&writer->index.rest_as_numbers, entry,
                     &writer->filled.as_numbers, &writer->claimed.as_numbers);

    slot = &flow_zone_as_numbers(zone)[entry];

    flow_zone_set(&slot->number, number);
    flow_zone_set(&slot->name, string);
    writer->claimed.bytes += sizeof(flow_redo_as_t);

    return entry;
}


/* One that left not long ago comes back to where it was. */

static uint32_t
flow_zone_add_series(flow_zone_writer_t *writer, const flow_series_key_t *key)
{
    uint32_t        entry;
    flow_rest_t    *rest = &writer->index.rest_series;
    flow_series_t  *series;

    entry = flow_zone_index_series(&writer->index, key);

    if (entry != FLOW_ZONE_NONE) {
        flow_rest_remove(rest, entry);
        return entry;
    }

    entry = flow_zone_free_entry(rest, writer->filled.series,
                                 writer->zone->capacity.series);

    if (entry == FLOW_ZONE_NONE
        || flow_zone_index_add_series(&writer->index, key, entry) != FLOW_OK)
    {
        return FLOW_ZONE_NONE;
    }

    series = &flow_zone_series(writer->zone)[entry];
    flow_zone_fill_series(series, key);

    if (entry == writer->filled.series) {
        flow_zone_set(&series->used, flow_zone_moment(writer->zone));
        writer->filled.series = entry + 1;

    } else {
        flow_rest_remove(rest, entry);
    }

    return entry;
}


/* Units that were free before, else what follows all others. */

uint32_t
flow_zone_add_string(flow_zone_writer_t *writer, flow_str_t escaped)
{
    char         *at;
    uint16_t      len;
    uint32_t      start, end, units;
    flow_zone_t  *zone;

    if (escaped.len == 0) {
        return 0;
    }

    zone = writer->zone;
    units = flow_zone_units(escaped.len);
    end = (uint32_t) (writer->filled.string_bytes / FLOW_ZONE_STRING_UNIT);
    start = flow_arena_take(&writer->arena, units, end);

    if (start != FLOW_ARENA_NONE) {

        if (flow_extents_add(&writer->claimed.strings, start, units)
            != FLOW_OK)
        {
            flow_arena_free(&writer->arena, start, units);
            return FLOW_ZONE_NONE;
        }

        writer->claimed.bytes += FLOW_REDO_STRING_HEAD;

    } else {

        /* reference 0 is the empty string */

        start = end == 0 ? 1 : end;

        if ((uint64_t) start + units
            > zone->capacity.string_bytes / FLOW_ZONE_STRING_UNIT)
        {
            return FLOW_ZONE_NONE;
        }

        flow_arena_use(&writer->arena, start, units);
        writer->filled.string_bytes = (uint64_t) (start + units)
                                      * FLOW_ZONE_STRING_UNIT;
    }

    at = flow_zone_arena(zone) + (size_t) start * FLOW_ZONE_STRING_UNIT;
    len = (uint16_t) escaped.len;
    memcpy(at, &len, sizeof(len));
    memcpy(at + sizeof(len), escaped.data, len);

    writer->claimed.bytes += (size_t) units * FLOW_ZONE_STRING_UNIT;

    return start;
}


bool
flow_zone_is_equal(flow_str_t one, flow_str_t other)
{
    return one.len == other.len
           && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}


/* The entry, which was free, becomes something; room is reserved. */

static void
flow_zone_occupy(flow_rest_t *rest, uint32_t entry, uint32_t *filled,
    flow_extents_t *claimed)
{
    if (entry == *filled) {
        (*filled)++;

    } else {
        flow_rest_remove(rest, entry);
        (void) !flow_extents_add(claimed, entry, 1);
    }
}
