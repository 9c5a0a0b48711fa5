/*
 * The writer's private memory: hash indexes over the zone's tables.  For the
 * files of the writer alone.
 */

#ifndef FLOW_ZONE_INDEX_H
#define FLOW_ZONE_INDEX_H

#include "flow_index.h"
#include "flow_zone_word.h"
#include "flow_zone_writer.h"


typedef struct {
    const flow_zone_t  *zone;
    flow_index_t        hosts;
    flow_index_t        as_numbers;
    flow_index_t        series;
    flow_index_t        partitions;
} flow_zone_index_t;


struct flow_zone_writer_s {
    flow_zone_t            *zone;
    flow_zone_index_t       index;
    flow_zone_filled_t      filled;
    flow_zone_pending_t     pending;

    /* AS names that are to be adopted */
    const flow_names_t     *names;
    uint32_t                next_name;       /* entry to look at */
    uint32_t                end_name;
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
 * Builds the indexes from the tables, which have been repaired.  FLOW_OK, or
 * FLOW_ERROR if memory is short; flow_zone_index_done() frees in both cases.
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


#endif /* FLOW_ZONE_INDEX_H */
