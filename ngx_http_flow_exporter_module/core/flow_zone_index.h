/*
 * The writer's private memory: hash indexes over the zone's tables, and what
 * is out of use in them.  For the files of the writer alone.
 *
 * An AS number is in use while a series refers to it; a hostname, too, and
 * while it has flows that found no room in a series.  What is out of use
 * rests; so long it is found and comes into use again as what it was.  When
 * its rest is over it is forgotten, and its room may become something else:
 * then its name, or a series' host, is FLOW_ZONE_NONE, by which the next
 * writer knows.  What that one finds out of use, but not forgotten, rests
 * anew; it is not found, since no record may have told of it.
 */

#ifndef FLOW_ZONE_INDEX_H
#define FLOW_ZONE_INDEX_H

#include "flow_arena.h"
#include "flow_index.h"
#include "flow_rest.h"
#include "flow_zone_word.h"
#include "flow_zone_writer.h"


typedef struct {
    const flow_zone_t  *zone;
    flow_index_t        hosts;
    flow_index_t        as_numbers;
    flow_index_t        series;
    flow_index_t        partitions;

    /* series that refer to each entry */
    uint32_t           *host_references;
    uint32_t           *as_references;

    /* entries that nothing is shown of, out of use */
    flow_rest_t         rest_hosts;
    flow_rest_t         rest_as_numbers;
    flow_rest_t         rest_series;
} flow_zone_index_t;


struct flow_zone_writer_s {
    flow_zone_t            *zone;
    flow_zone_index_t       index;
    flow_arena_t            arena;
    flow_zone_filled_t      filled;
    flow_zone_claimed_t     claimed;
    flow_zone_leaving_t     leaving;
    flow_zone_pending_t     pending;

    /* of what is out of use */
    bool                    turned;          /* there was a turn */
    uint64_t                turned_at;       /* ms */

    /* idle series that are to leave */
    uint32_t                idle_limit;      /* s */
    uint32_t                next_series;     /* entry to look at */
    uint32_t                next_host;
    bool                    more_idle;       /* than one record has room for */

    /* AS names that are to be adopted */
    const flow_names_t     *names;
    uint32_t                next_name;       /* entry to look at */
    uint32_t                end_name;
    bool                    hold_names;
};


/* What tells one series from another: references of the zone. */

typedef struct {
    uint32_t  direction;
    uint32_t  source;
    uint32_t  destination;
    uint32_t  host;
} flow_series_key_t;


/*
 * Makes the entries "other" and the overflow series of a fresh zone.  FLOW_OK,
 * or FLOW_ERROR if the zone has no room.
 */

int flow_zone_claim_other(flow_zone_writer_t *writer) FLOW_MUST_CHECK;

/*
 * Builds the indexes from the tables, which have been repaired; what is out of
 * use begins its rest.  FLOW_OK, or FLOW_ERROR if memory is short;
 * flow_zone_index_done() frees in both cases.
 */

int flow_zone_index_init(flow_zone_index_t *index, const flow_zone_t *zone)
    FLOW_MUST_CHECK;
void flow_zone_index_done(flow_zone_index_t *index);

/* Find an entry: its index, or FLOW_ZONE_NONE.  Names are escaped. */

uint32_t flow_zone_index_host(const flow_zone_index_t *index,
    flow_str_t name);
uint32_t flow_zone_index_as(const flow_zone_index_t *index, uint32_t number);
uint32_t flow_zone_index_series(const flow_zone_index_t *index,
    const flow_series_key_t *key);
uint32_t flow_zone_index_partition(const flow_zone_index_t *index,
    uint32_t topic, int32_t partition);

/* Add an entry.  FLOW_OK, or FLOW_ERROR if memory is short. */

int flow_zone_index_add_host(flow_zone_index_t *index, flow_str_t name,
    uint32_t entry) FLOW_MUST_CHECK;
int flow_zone_index_add_as(flow_zone_index_t *index, uint32_t number,
    uint32_t entry) FLOW_MUST_CHECK;
int flow_zone_index_add_series(flow_zone_index_t *index,
    const flow_series_key_t *key, uint32_t entry) FLOW_MUST_CHECK;
int flow_zone_index_add_partition(flow_zone_index_t *index, uint32_t topic,
    int32_t partition, uint32_t entry) FLOW_MUST_CHECK;

/* Remove an entry, by what is in the table, if it is indexed. */

void flow_zone_index_remove_host(flow_zone_index_t *index, uint32_t entry);
void flow_zone_index_remove_as(flow_zone_index_t *index, uint32_t entry);
void flow_zone_index_remove_series(flow_zone_index_t *index, uint32_t entry);

flow_series_key_t flow_zone_key(const flow_zone_t *zone, uint32_t entry);

/* Gives a slot its identity, which changes only while its sequence is odd. */

void flow_zone_fill_series(flow_series_t *series,
    const flow_series_key_t *key);

/* Forgets a series that is out of use. */

void flow_zone_forget_series(const flow_zone_t *zone, uint32_t entry);


/* Claims use of strings and entries that are out of use; flow_zone_reuse.c. */

/* The arena's bits from the tables.  FLOW_OK, or FLOW_ERROR. */

int flow_zone_arena_init(flow_zone_writer_t *writer) FLOW_MUST_CHECK;

/* Returns a reference, or FLOW_ZONE_NONE if the arena is full. */

uint32_t flow_zone_add_string(flow_zone_writer_t *writer,
    flow_str_t escaped);
bool flow_zone_is_equal(flow_str_t one, flow_str_t other);

/* Units of a string in the arena. */

uint32_t flow_zone_units(size_t len);

/* The units of a string that nothing refers to any more. */

void flow_zone_rest_string(flow_zone_writer_t *writer, uint32_t reference);

/*
 * An entry for something new: one whose rest is over, or the next at the end
 * of its table, which "filled" tells; FLOW_ZONE_NONE: the table is full.
 */

uint32_t flow_zone_free_entry(const flow_rest_t *rest, uint32_t filled,
    uint32_t capacity);

/* A series refers to these, or does so no longer. */

void flow_zone_refer(flow_zone_writer_t *writer,
    const flow_series_key_t *key);
void flow_zone_release(flow_zone_writer_t *writer,
    const flow_series_key_t *key);

/* Has an AS number rest that no series refers to. */

void flow_zone_rest_as(flow_zone_writer_t *writer, uint32_t entry);

#endif /* FLOW_ZONE_INDEX_H */
