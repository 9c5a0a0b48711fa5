/*
 * The zone's single writer: claim, intern, store.  For the steps that
 * publish, and for the process that holds the lease; never for a worker.
 */

#ifndef FLOW_ZONE_WRITER_H
#define FLOW_ZONE_WRITER_H

#include "flow_names.h"
#include "flow_zone.h"


/*
 * Private memory of the writer: hash indexes over the zone's tables, rebuilt
 * from the tables at each start, so that nothing in them can be left half
 * written.
 */

typedef struct flow_zone_writer_s  flow_zone_writer_t;


/*
 * Takes the zone over from a writer that ended in whatever way: repairs what
 * was left in the middle of a change, then builds the indexes.  The caller
 * holds the lease.  Returns NULL with a sentence if memory is short or the
 * zone contradicts itself.
 */

flow_zone_writer_t *flow_zone_writer_create(flow_zone_t *zone,
    flow_error_t *error);
void flow_zone_writer_destroy(flow_zone_writer_t *writer);

/*
 * Find an entry, or make one; return its index, or FLOW_ZONE_NONE where the
 * table or the string arena is full or memory is short.  Names are given as
 * they are, not escaped.
 */

uint32_t flow_zone_claim_topic(flow_zone_writer_t *writer, flow_str_t name);
uint32_t flow_zone_claim_partition(flow_zone_writer_t *writer, uint32_t topic,
    int32_t partition, int64_t next_offset);
uint32_t flow_zone_claim_host(flow_zone_writer_t *writer, flow_str_t name);

/*
 * The same for a series, and for its AS numbers, which get their names from
 * "names" (NULL: none) when they are new.  "host" is a host's index.
 */

uint32_t flow_zone_claim_series(flow_zone_writer_t *writer,
    flow_direction_e direction, uint32_t source_as, uint32_t destination_as,
    uint32_t host, const flow_names_t *names);

/*
 * Find only: index, or FLOW_ZONE_NONE.  "topic" is an index of the zone's.
 */

uint32_t flow_zone_find_partition(const flow_zone_writer_t *writer,
    uint32_t topic, int32_t partition);

/*
 * Gives each AS number of the zone its name in "names" (NULL: none), where it
 * has another; returns how many changed.  A name that finds no room stays as
 * it was, and *missed counts it.
 */

uint32_t flow_zone_adopt_names(flow_zone_writer_t *writer,
    const flow_names_t *names, uint32_t *missed);

/* Counts a Kafka error by its name; beyond the table's room, as "other". */

void flow_zone_count_error(flow_zone_writer_t *writer, flow_str_t name);

/* What the exporter's gauges show. */

void flow_zone_set_phase(flow_zone_writer_t *writer, flow_phase_e phase);
void flow_zone_set_connected(flow_zone_writer_t *writer, bool connected);

flow_zone_t *flow_zone_of(const flow_zone_writer_t *writer);


/* How the writer before this one ended. */

typedef struct {
    uint32_t    deaths;       /* in a row, at the same offsets; 0: none */
    flow_str_t  topic;        /* of the message being decoded; len 0: none */
    int32_t     partition;
    int64_t     offset;
} flow_zone_death_t;


/*
 * Counts this start, and tells how the last writer ended.  Called once,
 * before anything is consumed, while the phase is still the last writer's.
 */

void flow_zone_count_start(flow_zone_writer_t *writer,
    flow_zone_death_t *death);

/* The writer has lived long enough not to be part of a crash loop. */

void flow_zone_forget_deaths(flow_zone_writer_t *writer);


#endif /* FLOW_ZONE_WRITER_H */
