/*
 * Which parts of the zone's string arena are in use: a bit for each unit, in
 * the writer's private memory.
 *
 *   units   0 1 2 3 4 5 6 7 8 9 ...
 *   bits    1 1 1 0 0 0 1 1 0 0 ...
 *                 ^ room for a string of up to three units
 *
 * What is given back rests before it is taken again, as in flow_rest.h; free
 * parts that touch are one.
 */

#ifndef FLOW_ARENA_H
#define FLOW_ARENA_H

#include "flow_record.h"


#define FLOW_ARENA_NONE  UINT32_MAX


typedef struct {
    uint32_t  start;
    uint32_t  length;
} flow_extent_t;


typedef struct {
    flow_extent_t  *items;
    uint32_t        count;
    uint32_t        capacity;
} flow_extents_t;


typedef struct {
    uint64_t        *bits;
    uint32_t         cursor;     /* where the next search begins */
    uint32_t         too_long;   /* from this length on there is no room */
    uint64_t         unused;     /* units that a search may find */
    flow_extents_t   recent;
    flow_extents_t   earlier;
} flow_arena_t;


/* All units are free.  FLOW_OK, or FLOW_ERROR if memory is short. */

int flow_arena_init(flow_arena_t *arena, uint32_t units) FLOW_MUST_CHECK;
void flow_arena_done(flow_arena_t *arena);

/* From now on the units are in use, those that are new at the end, too. */

void flow_arena_use(flow_arena_t *arena, uint32_t start, uint32_t length);

/* From now on they are free. */

void flow_arena_free(flow_arena_t *arena, uint32_t start, uint32_t length);

/*
 * Takes "length" units below "end", which lies at the end of all that was ever
 * in use; returns the first one, or FLOW_ARENA_NONE.
 */

uint32_t flow_arena_take(flow_arena_t *arena, uint32_t length, uint32_t end);

/*
 * Has units that were in use rest.  Where memory is short they stay in use,
 * until the next writer begins.
 */

void flow_arena_rest(flow_arena_t *arena, uint32_t start, uint32_t length);

/*
 * Has what was free between "from" and "end", when a writer begins, rest like
 * what was given back.
 */

void flow_arena_rest_gaps(flow_arena_t *arena, uint32_t from, uint32_t end);

/* Frees what was given back before the last turn. */

void flow_arena_turn(flow_arena_t *arena);

/*
 * Sees to it that a list has room for one more, and adds one to it.  FLOW_OK,
 * or FLOW_ERROR if memory is short.
 */

int flow_extents_reserve(flow_extents_t *extents) FLOW_MUST_CHECK;
int flow_extents_add(flow_extents_t *extents, uint32_t start,
    uint32_t length) FLOW_MUST_CHECK;


#endif /* FLOW_ARENA_H */
