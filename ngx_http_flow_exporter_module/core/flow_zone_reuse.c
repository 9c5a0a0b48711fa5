/*
 * What of the zone's tables and strings is out of use, and when it may be
 * used again; see flow_zone_index.h.
 *
 * A scrape is cut after 120 s.  Whoever read a reference before what it refers
 * to went out of use is done when the rest is over.
 */

#include <string.h>

#include "flow_zone_index.h"


/* ms. */

#define FLOW_ZONE_REST  180000


static void flow_zone_use_string(flow_zone_writer_t *writer,
    uint32_t reference);
static void flow_zone_forget_hosts(flow_zone_writer_t *writer);
static void flow_zone_forget_as_numbers(flow_zone_writer_t *writer);
static void flow_zone_forget_name(flow_zone_writer_t *writer,
    _Atomic uint32_t *name);
static void flow_zone_turn_rest(flow_rest_t *rest);


/* Strings of entries that rest are in use as long as these do. */

int
flow_zone_arena_init(flow_zone_writer_t *writer)
{
    uint32_t      i, units;
    flow_as_t    *numbers;
    flow_host_t  *hosts;
    flow_zone_t  *zone = writer->zone;

    units = (uint32_t) (zone->capacity.string_bytes / FLOW_ZONE_STRING_UNIT);

    if (flow_arena_init(&writer->arena, units) != FLOW_OK) {
        return FLOW_ERROR;
    }

    for (i = 0; i < writer->filled.topics; i++) {
        flow_zone_use_string(writer,
                           flow_zone_get(&flow_zone_topics(zone)[i].name));
    }

    hosts = flow_zone_hosts(zone);

    for (i = 0; i < writer->filled.hosts; i++) {
        flow_zone_use_string(writer, flow_zone_get(&hosts[i].name));
    }

    numbers = flow_zone_as_numbers(zone);

    for (i = 0; i < writer->filled.as_numbers; i++) {
        flow_zone_use_string(writer, flow_zone_get(&numbers[i].name));
    }

    /* reference 0 is the empty string */

    flow_arena_use(&writer->arena, 0, 1);
    flow_arena_rest_gaps(&writer->arena, 1, (uint32_t)
                         (writer->filled.string_bytes
                          / FLOW_ZONE_STRING_UNIT));

    return FLOW_OK;
}


uint32_t
flow_zone_units(size_t len)
{
    return (uint32_t) ((sizeof(uint16_t) + len + FLOW_ZONE_STRING_UNIT - 1)
                       / FLOW_ZONE_STRING_UNIT);
}


static void
flow_zone_use_string(flow_zone_writer_t *writer, uint32_t reference)
{
    flow_str_t  string;

    string = flow_zone_string(writer->zone, reference);

    if (string.len != 0) {
        flow_arena_use(&writer->arena, reference, flow_zone_units(string.len));
    }
}


void
flow_zone_rest_string(flow_zone_writer_t *writer, uint32_t reference)
{
    flow_str_t  string;

    string = flow_zone_string(writer->zone, reference);

    if (string.len != 0) {
        flow_arena_rest(&writer->arena, reference,
                        flow_zone_units(string.len));
    }

    /* for the next writer, who does not know of it */

    flow_zone_set(&writer->zone->strings_rest,
                  writer->turned_at + 3 * FLOW_ZONE_REST);
}


uint32_t
flow_zone_free_entry(const flow_rest_t *rest, uint32_t filled,
    uint32_t capacity)
{
    uint32_t  entry;

    entry = flow_rest_first(rest, FLOW_REST_OVER);

    if (entry != FLOW_REST_NONE) {
        return entry;
    }

    return filled == capacity ? FLOW_ZONE_NONE : filled;
}


void
flow_zone_refer(flow_zone_writer_t *writer, const flow_series_key_t *key)
{
    flow_zone_index_t  *index = &writer->index;

    index->host_references[key->host]++;
    index->as_references[key->source]++;
    index->as_references[key->destination]++;

    flow_rest_remove(&index->rest_hosts, key->host);
    flow_rest_remove(&index->rest_as_numbers, key->source);
    flow_rest_remove(&index->rest_as_numbers, key->destination);
}


/* A hostname may still have flows that found no room in a series. */

void
flow_zone_release(flow_zone_writer_t *writer, const flow_series_key_t *key)
{
    flow_zone_index_t  *index = &writer->index;

    index->host_references[key->host]--;
    index->as_references[key->source]--;
    index->as_references[key->destination]--;

    flow_zone_rest_as(writer, key->source);
    flow_zone_rest_as(writer, key->destination);
}


void
flow_zone_rest_as(flow_zone_writer_t *writer, uint32_t entry)
{
    if (entry != FLOW_ZONE_NONE
        && writer->index.as_references[entry] == 0
        && !flow_rest_has(&writer->index.rest_as_numbers, entry))
    {
        flow_rest_add(&writer->index.rest_as_numbers, entry);
    }
}


/*
 * Series go first: what they refer to went out of use no later than they did,
 * and each of them is found by it.
 */

void
flow_zone_turn(flow_zone_writer_t *writer, uint64_t now)
{
    uint32_t      entry;
    flow_rest_t  *series = &writer->index.rest_series;

    if (writer->turned && now - writer->turned_at < FLOW_ZONE_REST) {
        return;
    }

    if (!writer->turned
        && now >= flow_zone_get(&writer->zone->strings_rest))
    {
        /* what no entry names was forgotten by an earlier writer */

        flow_arena_turn(&writer->arena);
    }

    writer->turned = true;
    writer->turned_at = now;

    while ((entry = flow_rest_first(series, FLOW_REST_EARLIER))
           != FLOW_REST_NONE)
    {
        flow_zone_index_remove_series(&writer->index, entry);
        flow_zone_forget_series(writer->zone, entry);
        flow_rest_move(series, entry, FLOW_REST_OVER);
    }

    flow_zone_forget_hosts(writer);
    flow_zone_forget_as_numbers(writer);
    flow_arena_turn(&writer->arena);

    flow_zone_turn_rest(series);
    flow_zone_turn_rest(&writer->index.rest_hosts);
    flow_zone_turn_rest(&writer->index.rest_as_numbers);

    flow_zone_show_unused(writer);
}


static void
flow_zone_forget_hosts(flow_zone_writer_t *writer)
{
    uint32_t      entry;
    flow_rest_t  *rest = &writer->index.rest_hosts;

    while ((entry = flow_rest_first(rest, FLOW_REST_EARLIER))
           != FLOW_REST_NONE)
    {
        flow_zone_index_remove_host(&writer->index, entry);
        flow_zone_forget_name(writer,
                              &flow_zone_hosts(writer->zone)[entry].name);
        flow_rest_move(rest, entry, FLOW_REST_OVER);
    }
}


static void
flow_zone_forget_as_numbers(flow_zone_writer_t *writer)
{
    uint32_t      entry;
    flow_rest_t  *rest = &writer->index.rest_as_numbers;

    while ((entry = flow_rest_first(rest, FLOW_REST_EARLIER))
           != FLOW_REST_NONE)
    {
        flow_zone_index_remove_as(&writer->index, entry);
        flow_zone_forget_name(writer,
                          &flow_zone_as_numbers(writer->zone)[entry].name);
        flow_rest_move(rest, entry, FLOW_REST_OVER);
    }
}


/* The string has rested as long as what named it. */

static void
flow_zone_forget_name(flow_zone_writer_t *writer, _Atomic uint32_t *name)
{
    uint32_t    reference;
    flow_str_t  string;

    reference = flow_zone_get(name);
    string = flow_zone_string(writer->zone, reference);

    if (string.len != 0) {
        flow_arena_free(&writer->arena, reference,
                        flow_zone_units(string.len));
    }

    flow_zone_set(name, FLOW_ZONE_NONE);
}


static void
flow_zone_turn_rest(flow_rest_t *rest)
{
    uint32_t  entry;

    while ((entry = flow_rest_first(rest, FLOW_REST_RECENT))
           != FLOW_REST_NONE)
    {
        flow_rest_move(rest, entry, FLOW_REST_EARLIER);
    }
}


void
flow_zone_show_unused(flow_zone_writer_t *writer)
{
    flow_zone_t        *zone = writer->zone;
    flow_zone_index_t  *index = &writer->index;

    flow_zone_set(&zone->unused_hosts, index->rest_hosts.count);
    flow_zone_set(&zone->unused_as_numbers, index->rest_as_numbers.count);
    flow_zone_set(&zone->unused_series, index->rest_series.count);
    flow_zone_set(&zone->unused_string_bytes,
                  writer->arena.unused * FLOW_ZONE_STRING_UNIT);
}
