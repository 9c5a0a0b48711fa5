/*
 * The string arena's free parts; see flow_arena.h.  For the zone's writer.
 */

#include "flow_arena.h"

#include <stdlib.h>


/* Units that a word of the bits tells of. */

#define FLOW_ARENA_WORD  64


static uint32_t flow_arena_find(const flow_arena_t *arena, uint32_t length,
    uint32_t from, uint32_t end);
static bool flow_arena_is_used(const flow_arena_t *arena, uint32_t unit);


int
flow_arena_init(flow_arena_t *arena, uint32_t units)
{
    arena->cursor = 0;
    arena->too_long = 1;
    arena->unused = 0;
    arena->recent = (flow_extents_t) { NULL, 0, 0 };
    arena->earlier = (flow_extents_t) { NULL, 0, 0 };
    arena->bits = calloc((size_t) units / FLOW_ARENA_WORD + 1,
                         sizeof(uint64_t));

    return arena->bits == NULL ? FLOW_ERROR : FLOW_OK;
}


void
flow_arena_done(flow_arena_t *arena)
{
    free(arena->bits);
    free(arena->recent.items);
    free(arena->earlier.items);
}


void
flow_arena_use(flow_arena_t *arena, uint32_t start, uint32_t length)
{
    uint32_t  unit;

    for (unit = start; unit < start + length; unit++) {
        arena->bits[unit / FLOW_ARENA_WORD]
            |= UINT64_C(1) << unit % FLOW_ARENA_WORD;
    }
}


void
flow_arena_free(flow_arena_t *arena, uint32_t start, uint32_t length)
{
    uint32_t  unit;

    for (unit = start; unit < start + length; unit++) {
        arena->bits[unit / FLOW_ARENA_WORD]
            &= ~(UINT64_C(1) << unit % FLOW_ARENA_WORD);
    }

    arena->unused += length;
    arena->too_long = UINT32_MAX;
}


uint32_t
flow_arena_take(flow_arena_t *arena, uint32_t length, uint32_t end)
{
    uint32_t  start;

    if (length >= arena->too_long || length > arena->unused) {
        return FLOW_ARENA_NONE;
    }

    start = flow_arena_find(arena, length, arena->cursor, end);

    if (start == FLOW_ARENA_NONE) {
        start = flow_arena_find(arena, length, 0, end);
    }

    if (start == FLOW_ARENA_NONE) {

        /* no other search, until something is freed */

        arena->too_long = length;
        return FLOW_ARENA_NONE;
    }

    flow_arena_use(arena, start, length);
    arena->unused -= length;
    arena->cursor = start + length;

    return start;
}


void
flow_arena_rest(flow_arena_t *arena, uint32_t start, uint32_t length)
{
    (void) !flow_extents_add(&arena->recent, start, length);
}


void
flow_arena_rest_gaps(flow_arena_t *arena, uint32_t from, uint32_t end)
{
    uint32_t  unit, start;

    for (unit = from; unit < end; unit++) {
        start = unit;

        while (unit < end && !flow_arena_is_used(arena, unit)) {
            unit++;
        }

        if (unit != start) {
            flow_arena_use(arena, start, unit - start);
            flow_arena_rest(arena, start, unit - start);
        }
    }
}


void
flow_arena_turn(flow_arena_t *arena)
{
    uint32_t        i;
    flow_extents_t  earlier = arena->earlier;

    for (i = 0; i < earlier.count; i++) {
        flow_arena_free(arena, earlier.items[i].start,
                        earlier.items[i].length);
    }

    arena->earlier = arena->recent;
    arena->recent = earlier;
    arena->recent.count = 0;
}


int
flow_extents_reserve(flow_extents_t *extents)
{
    uint32_t  capacity;
    void     *grown;

    if (extents->count < extents->capacity) {
        return FLOW_OK;
    }

    capacity = extents->capacity == 0 ? 16 : extents->capacity * 2;

    grown = realloc(extents->items,
                    (size_t) capacity * sizeof(flow_extent_t));
    if (grown == NULL) {
        return FLOW_ERROR;
    }

    extents->items = grown;
    extents->capacity = capacity;

    return FLOW_OK;
}


int
flow_extents_add(flow_extents_t *extents, uint32_t start, uint32_t length)
{
    if (flow_extents_reserve(extents) != FLOW_OK) {
        return FLOW_ERROR;
    }

    extents->items[extents->count].start = start;
    extents->items[extents->count++].length = length;

    return FLOW_OK;
}


static uint32_t
flow_arena_find(const flow_arena_t *arena, uint32_t length, uint32_t from,
    uint32_t end)
{
    uint32_t  unit, run = 0;

    for (unit = from; unit < end; unit++) {

        if (unit % FLOW_ARENA_WORD == 0
            && arena->bits[unit / FLOW_ARENA_WORD] == UINT64_MAX)
        {
            unit += FLOW_ARENA_WORD - 1;
            run = 0;

        } else if (flow_arena_is_used(arena, unit)) {
            run = 0;

        } else if (++run == length) {
            return unit + 1 - length;
        }
    }

    return FLOW_ARENA_NONE;
}


static bool
flow_arena_is_used(const flow_arena_t *arena, uint32_t unit)
{
    return arena->bits[unit / FLOW_ARENA_WORD] >> unit % FLOW_ARENA_WORD & 1;
}
