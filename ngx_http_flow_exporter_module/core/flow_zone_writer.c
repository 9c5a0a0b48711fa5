/*
 * The zone's single writer: how it takes a zone over, and what the zone tells
 * of it; see flow_zone_writer.h.  Claiming entries is in flow_zone_claim.c.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_text.h"
#include "flow_zone_index.h"
#include "flow_zone_writer.h"


static uint64_t flow_zone_hash_offsets(const flow_zone_t *zone);


flow_zone_writer_t *
flow_zone_writer_create(flow_zone_t *zone, flow_error_t *error)
{
    flow_zone_writer_t  *writer;

    if (!flow_zone_is_sound(zone)) {
        flow_error_set(error, "the tables of the zone contradict each other");
        return NULL;
    }

    writer = calloc(1, sizeof(flow_zone_writer_t));
    if (writer == NULL) {
        flow_error_set(error, "no memory for the zone's indexes");
        return NULL;
    }

    writer->zone = zone;
    writer->pending.starts = 1;
    writer->pending.any = true;

    writer->filled = (flow_zone_filled_t) {
        .topics = flow_zone_get(&zone->topics),
        .partitions = flow_zone_get(&zone->partitions),
        .hosts = flow_zone_get(&zone->hosts),
        .as_numbers = flow_zone_get(&zone->as_numbers),
        .series = flow_zone_get(&zone->series),
        .errors = flow_zone_get(&zone->errors),
        .string_bytes = flow_zone_get(&zone->string_bytes)
    };

    if (flow_zone_index_init(&writer->index, zone) != FLOW_OK
        || flow_zone_arena_init(writer) != FLOW_OK
        || flow_zone_claim_other(writer) != FLOW_OK)
    {
        flow_error_set(error, "no memory for the zone's indexes");
        flow_zone_writer_destroy(writer);
        return NULL;
    }

    flow_zone_set(&zone->fresh, 0);
    flow_zone_show_unused(writer);

    return writer;
}


void
flow_zone_writer_destroy(flow_zone_writer_t *writer)
{
    if (writer != NULL) {
        flow_zone_index_done(&writer->index);
        flow_arena_done(&writer->arena);
        free(writer->claimed.hosts.items);
        free(writer->claimed.as_numbers.items);
        free(writer->claimed.strings.items);
        free(writer);
    }
}


flow_zone_t *
flow_zone_of(const flow_zone_writer_t *writer)
{
    return writer->zone;
}


const flow_zone_filled_t *
flow_zone_filled(const flow_zone_writer_t *writer)
{
    return &writer->filled;
}


const flow_zone_claimed_t *
flow_zone_claimed(const flow_zone_writer_t *writer)
{
    return &writer->claimed;
}


void
flow_zone_recorded(flow_zone_writer_t *writer)
{
    writer->claimed.hosts.count = 0;
    writer->claimed.as_numbers.count = 0;
    writer->claimed.strings.count = 0;
    writer->claimed.bytes = 0;
    writer->leaving.series_count = 0;
    writer->leaving.host_count = 0;

    memset(&writer->pending, 0, sizeof(writer->pending));
}


flow_zone_pending_t *
flow_zone_pending(flow_zone_writer_t *writer)
{
    return &writer->pending;
}


void
flow_zone_count_error(flow_zone_writer_t *writer, flow_str_t name)
{
    uint32_t             i, count;
    flow_str_t           other = flow_string("other");
    flow_kafka_error_t  *errors;

    errors = writer->zone->kafka_errors;
    count = writer->filled.errors;

    if (name.len >= FLOW_ZONE_ERROR_NAME) {
        name.len = FLOW_ZONE_ERROR_NAME - 1;
    }

    for (i = 0; i < count; i++) {
        if (strlen(errors[i].name) == name.len
            && memcmp(errors[i].name, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (i == FLOW_ZONE_ERRORS) {

        /* no room for another name: the last one is for all of them */

        i--;

    } else if (i == count) {

        if (i == FLOW_ZONE_ERRORS - 1) {
            name = other;
        }

        memcpy(errors[i].name, name.data, name.len);
        errors[i].name[name.len] = '\0';
        flow_zone_set(&errors[i].count, 0);
        writer->filled.errors = count + 1;
    }

    writer->pending.errors[i]++;
    writer->pending.any = true;
}


void
flow_zone_set_phase(flow_zone_t *zone, flow_phase_e phase)
{
    flow_zone_set(&zone->lease_held, phase != FLOW_PHASE_CLOSING);
    flow_zone_show(&zone->phase, phase);
}


void
flow_zone_set_connected(flow_zone_t *zone, bool connected)
{
    flow_zone_set(&zone->kafka_connected, connected);
}


void
flow_zone_look_back(flow_zone_t *zone, flow_zone_death_t *death)
{
    uint32_t           decoding, phase;
    uint64_t           position;
    flow_partition_t  *partition;

    memset(death, 0, sizeof(*death));

    phase = flow_zone_get(&zone->phase);
    position = flow_zone_hash_offsets(zone);

    if ((phase == FLOW_PHASE_LOADING || phase == FLOW_PHASE_LIVE)
        && position == flow_zone_get(&zone->position))
    {
        death->deaths = flow_zone_get(&zone->deaths) + 1;
    }

    flow_zone_set(&zone->deaths, death->deaths);
    flow_zone_set(&zone->position, position);

    decoding = flow_zone_get(&zone->decoding);
    flow_zone_set(&zone->decoding, FLOW_ZONE_NONE);

    if (flow_zone_is_sound(zone)
        && decoding < flow_zone_get(&zone->partitions))
    {
        partition = &flow_zone_partitions(zone)[decoding];

        death->topic = flow_zone_string(zone, flow_zone_get(
            &flow_zone_topics(zone)[flow_zone_get(&partition->topic)
                                    % zone->capacity.topics].name));
        death->partition = flow_zone_get(&partition->partition);
        death->offset = flow_zone_get(&zone->decoding_offset);
    }
}


void
flow_zone_forget_deaths(flow_zone_t *zone)
{
    flow_zone_set(&zone->deaths, 0);
}


/* Changes when any partition goes on. */

static uint64_t
flow_zone_hash_offsets(const flow_zone_t *zone)
{
    uint32_t                 i;
    uint64_t                 hash;
    const flow_partition_t  *partitions;

    hash = 0;
    partitions = flow_zone_partitions(zone);

    if (!flow_zone_is_sound(zone)) {
        return 0;
    }

    for (i = 0; i < flow_zone_get(&zone->partitions); i++) {
        hash = (uint64_t) flow_index_hash(hash, i) << 32
               | flow_index_hash(hash, (uint64_t)
                                 flow_zone_get(&partitions[i].next_offset));
    }

    return hash;
}
