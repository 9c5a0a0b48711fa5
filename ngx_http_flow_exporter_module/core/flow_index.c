/*
 * Hash index in private memory; see flow_index.h.  Used by the batch (step 3)
 * and by the zone's writer.
 */

#include <stdlib.h>

#include "flow_index.h"


/* Slots for one entry at the least, so that a search ends soon. */

#define FLOW_INDEX_SLOTS_PER_ENTRY  2
#define FLOW_INDEX_SLOTS_MIN        16


static int flow_index_allocate(flow_index_t *index, uint64_t slots);
static void flow_index_put(flow_index_t *index, uint32_t hash,
    uint32_t entry);


int
flow_index_init(flow_index_t *index, uint32_t entries)
{
    uint64_t  slots, wanted;

    wanted = (uint64_t) entries * FLOW_INDEX_SLOTS_PER_ENTRY;

    for (slots = FLOW_INDEX_SLOTS_MIN; slots < wanted; slots *= 2) {
        /* void */
    }

    return flow_index_allocate(index, slots);
}


void
flow_index_done(flow_index_t *index)
{
    free(index->slots);
    index->slots = NULL;
}


uint32_t
flow_index_find(const flow_index_t *index, uint32_t hash,
    flow_index_match_pt match, const void *table, const void *key)
{
    uint32_t                  i;
    const flow_index_slot_t  *slot;

    for (i = hash & index->mask; /* void */ ; i = (i + 1) & index->mask) {
        slot = &index->slots[i];

        if (slot->entry == FLOW_INDEX_NONE) {
            return FLOW_INDEX_NONE;
        }

        if (slot->hash == hash && match(table, slot->entry, key)) {
            return slot->entry;
        }
    }
}


int
flow_index_add(flow_index_t *index, uint32_t hash, uint32_t entry)
{
    uint32_t      i;
    flow_index_t  grown;

    if ((uint64_t) (index->used + 1) * FLOW_INDEX_SLOTS_PER_ENTRY
        > (uint64_t) index->mask + 1)
    {
        if (flow_index_allocate(&grown, ((uint64_t) index->mask + 1) * 2)
            != FLOW_OK)
        {
            return FLOW_ERROR;
        }

        for (i = 0; i <= index->mask; i++) {
            if (index->slots[i].entry != FLOW_INDEX_NONE) {
                flow_index_put(&grown, index->slots[i].hash,
                               index->slots[i].entry);
            }
        }

        flow_index_done(index);
        *index = grown;
    }

    flow_index_put(index, hash, entry);

    return FLOW_OK;
}


/* What stands behind closes up, so that no search ends at the gap. */

bool
flow_index_remove(flow_index_t *index, uint32_t hash, uint32_t entry)
{
    uint32_t            gap, i;
    flow_index_slot_t  *slots = index->slots;

    gap = hash & index->mask;

    while (slots[gap].entry != entry) {

        if (slots[gap].entry == FLOW_INDEX_NONE) {
            return false;
        }

        gap = (gap + 1) & index->mask;
    }

    for (i = (gap + 1) & index->mask;
         slots[i].entry != FLOW_INDEX_NONE;
         i = (i + 1) & index->mask)
    {
        /* one whose own place lies behind the gap stays */

        if (((i - slots[i].hash) & index->mask) >= ((i - gap) & index->mask)) {
            slots[gap] = slots[i];
            gap = i;
        }
    }

    slots[gap].entry = FLOW_INDEX_NONE;
    index->used--;

    return true;
}


void
flow_index_clear(flow_index_t *index)
{
    uint32_t  i;

    for (i = 0; i <= index->mask; i++) {
        index->slots[i].entry = FLOW_INDEX_NONE;
    }

    index->used = 0;
}


uint32_t
flow_index_hash(uint64_t first, uint64_t second)
{
    uint64_t  hash;

    hash = (first ^ (second * UINT64_C(0x9e3779b97f4a7c15)))
           * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 32;
    hash *= UINT64_C(0x94d049bb133111eb);

    return (uint32_t) (hash >> 32);
}


static int
flow_index_allocate(flow_index_t *index, uint64_t slots)
{
    if (slots > (uint64_t) UINT32_MAX + 1) {
        return FLOW_ERROR;
    }

    index->slots = malloc(slots * sizeof(flow_index_slot_t));
    if (index->slots == NULL) {
        return FLOW_ERROR;
    }

    index->mask = (uint32_t) (slots - 1);
    flow_index_clear(index);

    return FLOW_OK;
}


static void
flow_index_put(flow_index_t *index, uint32_t hash, uint32_t entry)
{
    uint32_t  i;

    i = hash & index->mask;

    while (index->slots[i].entry != FLOW_INDEX_NONE) {
        i = (i + 1) & index->mask;
    }

    index->slots[i].hash = hash;
    index->slots[i].entry = entry;
    index->used++;
}
