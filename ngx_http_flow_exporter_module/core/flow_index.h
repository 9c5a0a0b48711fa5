/*
 * A hash index in private memory: hash -> number of an entry in somebody's
 * table.  Open addressing; a slot keeps the hash beside the number, so that
 * entries are compared only when they are most likely equal, and growing
 * needs no second look at them.
 */

#ifndef FLOW_INDEX_H
#define FLOW_INDEX_H

#include "flow_record.h"


#define FLOW_INDEX_NONE  UINT32_MAX


typedef struct {
    uint32_t  hash;
    uint32_t  entry;          /* FLOW_INDEX_NONE: free */
} flow_index_slot_t;


typedef struct {
    flow_index_slot_t  *slots;
    uint32_t            mask;    /* number of slots, a power of two, less 1 */
    uint32_t            used;
} flow_index_t;


/* Tells whether the entry has the key that is looked for. */

typedef bool (*flow_index_match_pt)(const void *table, uint32_t entry,
    const void *key);


/*
 * Makes an index with room for "entries" before it has to grow.  FLOW_OK, or
 * FLOW_ERROR if memory is short.
 */

int flow_index_init(flow_index_t *index, uint32_t entries) FLOW_MUST_CHECK;
void flow_index_done(flow_index_t *index);

/* Returns the entry, or FLOW_INDEX_NONE. */

uint32_t flow_index_find(const flow_index_t *index, uint32_t hash,
    flow_index_match_pt match, const void *table, const void *key);

/*
 * Adds an entry that flow_index_find() does not find.  FLOW_OK, or FLOW_ERROR
 * if the index has to grow and memory is short; it is as before then.
 */

int flow_index_add(flow_index_t *index, uint32_t hash, uint32_t entry)
    FLOW_MUST_CHECK;

/* Removes an entry that was added with this hash; false if none was. */

bool flow_index_remove(flow_index_t *index, uint32_t hash, uint32_t entry);

/* Forgets all entries, and keeps the room. */

void flow_index_clear(flow_index_t *index);

/* A hash of two numbers. */

uint32_t flow_index_hash(uint64_t first, uint64_t second);


#endif /* FLOW_INDEX_H */
