/*
 * The zone's single writer: claim and intern.  For the steps that publish,
 * and for the process that holds the lease; never for a worker.
 *
 * A claimed entry is filled in, but lies beyond what the zone's header says
 * is filled, or was out of use: it is free memory until a redo record that
 * names it is applied (flow_journal.h).  So does every counter wait for a
 * record.
 */

#ifndef FLOW_ZONE_WRITER_H
#define FLOW_ZONE_WRITER_H

#include "flow_arena.h"
#include "flow_names.h"
#include "flow_zone.h"


/*
 * Private memory of the writer: hash indexes over the zone's tables, rebuilt
 * from the tables at each start, so that nothing in them can be left half
 * written.
 */

typedef struct flow_zone_writer_s  flow_zone_writer_t;


/*
 * How far the tables are filled with what was claimed; the header of the zone
 * has the same of what was applied.
 */

typedef struct {
    uint32_t  topics;
    uint32_t  partitions;
    uint32_t  hosts;
    uint32_t  as_numbers;
    uint32_t  series;
    uint32_t  errors;
    uint64_t  string_bytes;
} flow_zone_filled_t;


/*
 * What was claimed since the last record, and was out of use before: the next
 * one names it, beside what lies beyond the tables' ends.
 */

typedef struct {
    flow_extents_t  hosts;         /* entries, one each */
    flow_extents_t  as_numbers;
    flow_extents_t  strings;       /* in units of the arena */
    size_t          bytes;         /* that all that is new has in a record */
} flow_zone_claimed_t;


/* What leaves with the next record, at most so many of each. */

#define FLOW_ZONE_LEAVING  1024

typedef struct {
    uint32_t  series[FLOW_ZONE_LEAVING];
    uint32_t  series_count;
    uint32_t  hosts[FLOW_ZONE_LEAVING];
    uint32_t  host_count;
} flow_zone_leaving_t;


/* What the next redo record adds to counters, beside what a batch does. */

typedef struct {
    uint64_t  starts;
    uint64_t  commit_failures;
    uint64_t  commit_nanoseconds;
    uint64_t  log_bytes;
    uint64_t  errors[FLOW_ZONE_ERRORS];
    bool      any;             /* worth a record of its own */
} flow_zone_pending_t;


/*
 * Builds the indexes of a zone that has been recovered, and counts this start
 * as one.  The caller holds the lease.  Returns NULL with a sentence if memory
 * is short or the zone contradicts itself.
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
 * Find only what is in use: index, or FLOW_ZONE_NONE.  "topic" and "host" are
 * indexes of the zone's.
 */

uint32_t flow_zone_find_host(const flow_zone_writer_t *writer,
    flow_str_t name);
uint32_t flow_zone_find_series(const flow_zone_writer_t *writer,
    flow_direction_e direction, uint32_t source_as, uint32_t destination_as,
    uint32_t host);

uint32_t flow_zone_find_partition(const flow_zone_writer_t *writer,
    uint32_t topic, int32_t partition);

/*
 * From now on each AS number of the zone is to have its name in "names" (NULL:
 * none), which must outlive the writer.  Those that have another one are
 * handed out by flow_zone_rename(), a few a record.
 */

void flow_zone_adopt_names(flow_zone_writer_t *writer,
    const flow_names_t *names);

/*
 * While it holds them, no AS number gets another name: state files do not take
 * what is composed, and would show the old name again.
 */

void flow_zone_hold_names(flow_zone_writer_t *writer, bool hold);

/*
 * The next AS number that gets another name: FLOW_OK with its entry and the
 * new string; FLOW_DECLINED if none is left; FLOW_AGAIN if the arena has no
 * room for this one, which keeps its name.
 */

int flow_zone_rename(flow_zone_writer_t *writer, uint32_t *entry,
    uint32_t *name) FLOW_MUST_CHECK;

/* True while flow_zone_rename() has AS numbers to look at. */

bool flow_zone_has_renames(const flow_zone_writer_t *writer);

/* A flow is counted in these. */

void flow_zone_touch_series(flow_zone_writer_t *writer, uint32_t entry);
void flow_zone_touch_host(flow_zone_writer_t *writer, uint32_t entry);

/*
 * So many seconds went by in which all flows were seen that there were: all
 * else grows older by them.
 */

void flow_zone_age(flow_zone_writer_t *writer, uint32_t seconds);

/*
 * Looks for series, a part of them at a time, that have had no flow for more
 * than "limit" seconds; true if any are to leave with the next record.  When
 * that is composed, flow_zone_leave() has them go out of use, but for those
 * that a flow was counted in meanwhile; flow_zone_stay() has all of them stay.
 */

bool flow_zone_expire(flow_zone_writer_t *writer, uint32_t limit);
void flow_zone_leave(flow_zone_writer_t *writer);
void flow_zone_stay(flow_zone_writer_t *writer);
const flow_zone_leaving_t *flow_zone_leaving(
    const flow_zone_writer_t *writer);

/* Whether any are to leave, and whether there may be more of them. */

bool flow_zone_is_expiring(const flow_zone_writer_t *writer);
bool flow_zone_has_more_idle(const flow_zone_writer_t *writer);

/*
 * Time goes on, to "now" (ms, monotonic): what has rested for long enough may
 * be used again.  While no record is composed but not applied.
 */

void flow_zone_turn(flow_zone_writer_t *writer, uint64_t now);

/* Shows how much of the tables is out of use. */

void flow_zone_show_unused(flow_zone_writer_t *writer);

/* Counts a Kafka error by its name; beyond the table's room, as "other". */

void flow_zone_count_error(flow_zone_writer_t *writer, flow_str_t name);

flow_zone_t *flow_zone_of(const flow_zone_writer_t *writer);
const flow_zone_filled_t *flow_zone_filled(const flow_zone_writer_t *writer);
const flow_zone_claimed_t *flow_zone_claimed(
    const flow_zone_writer_t *writer);

/* All that was claimed, leaves or waited stands in a record. */

void flow_zone_recorded(flow_zone_writer_t *writer);

/* What waits for a record; who composes one takes it, and it begins anew. */

flow_zone_pending_t *flow_zone_pending(flow_zone_writer_t *writer);


/* What the exporter's gauges show; for who holds the lease. */

void flow_zone_set_phase(flow_zone_t *zone, flow_phase_e phase);
void flow_zone_set_connected(flow_zone_t *zone, bool connected);


/* How the writer before this one ended. */

typedef struct {
    uint32_t    deaths;       /* in a row, at the same offsets; 0: none */
    flow_str_t  topic;        /* of the message being decoded; len 0: none */
    int32_t     partition;
    int64_t     offset;
} flow_zone_death_t;


/*
 * Tells how the last writer ended.  Called once, by who has taken the lease,
 * before anything else changes in the zone.
 */

void flow_zone_look_back(flow_zone_t *zone, flow_zone_death_t *death);

/* The writer has lived long enough not to be part of a crash loop. */

void flow_zone_forget_deaths(flow_zone_t *zone);


#endif /* FLOW_ZONE_WRITER_H */
