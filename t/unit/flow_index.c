/*
 * flow_index: whatever is added is found again until it is removed, and
 * nothing else, however often the index has grown and however many hashes are
 * equal.
 */

#include <stdlib.h>

#include "flow_index.h"
#include "tap.h"


#define ENTRIES  20000


static uint32_t  numbers[ENTRIES];      /* the table that is indexed */


static bool
is_number(const void *table, uint32_t entry, const void *key)
{
    return ((const uint32_t *) table)[entry] == *(const uint32_t *) key;
}


/* Every third goes, in an order of its own. */

static void
remove_some(flow_index_t *index, uint32_t mask, uint32_t bits)
{
    uint32_t  i, k, wrong = 0;

    for (i = 0; i < ENTRIES; i++) {
        k = i * 7919 % ENTRIES;
        wrong += k % 3 == 0
                 && !flow_index_remove(index,
                        flow_index_hash(numbers[k], 0) & mask, k);
    }

    for (i = 0; i < ENTRIES; i++) {
        wrong += flow_index_find(index, flow_index_hash(numbers[i], 0) & mask,
                                 is_number, numbers, &numbers[i])
                 != (i % 3 == 0 ? FLOW_INDEX_NONE : i);
    }

    ok(wrong == 0, "hashes of %u bits: what is removed is gone, the others "
       "are found", bits);
    ok(!flow_index_remove(index, flow_index_hash(numbers[0], 0) & mask, 0)
       && index->used == ENTRIES - (ENTRIES + 2) / 3,
       "hashes of %u bits: what is gone is not removed again", bits);
}


/* Adds distinct numbers, whose hashes are cut to "bits" bits. */

static void
test_all_found(uint32_t bits)
{
    uint32_t      i, mask, missing = 0, strange = 0, absent;
    flow_index_t  index;

    mask = bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1;

    if (flow_index_init(&index, 0) != FLOW_OK) {
        ok(false, "memory");
        return;
    }

    for (i = 0; i < ENTRIES; i++) {
        numbers[i] = i * 7 + 1;

        if (flow_index_add(&index, flow_index_hash(numbers[i], 0) & mask, i)
            != FLOW_OK)
        {
            missing++;
        }
    }

    for (i = 0; i < ENTRIES; i++) {
        missing += flow_index_find(&index,
                                   flow_index_hash(numbers[i], 0) & mask,
                                   is_number, numbers, &numbers[i]) != i;

        absent = i * 7 + 2;
        strange += flow_index_find(&index, flow_index_hash(absent, 0) & mask,
                                   is_number, numbers, &absent)
                   != FLOW_INDEX_NONE;
    }

    ok(missing == 0, "hashes of %u bits: all of %d are found", bits, ENTRIES);
    ok(strange == 0, "hashes of %u bits: what was not added is not", bits);

    remove_some(&index, mask, bits);
    flow_index_clear(&index);

    for (i = 0; i < ENTRIES; i++) {
        strange += flow_index_find(&index,
                                   flow_index_hash(numbers[i], 0) & mask,
                                   is_number, numbers, &numbers[i])
                   != FLOW_INDEX_NONE;
    }

    ok(strange == 0, "hashes of %u bits: none after clearing", bits);
    flow_index_done(&index);
}


/* Neighbours in one number or in both spread over the low bits. */

static void
test_spread(void)
{
    uint32_t  i, slot, worst = 0, hits[1024] = { 0 };

    for (i = 0; i < 1024 * 64; i++) {
        slot = flow_index_hash(64500 + i / 256, i % 256) % 1024;

        if (++hits[slot] > worst) {
            worst = hits[slot];
        }
    }

    ok(worst < 64 * 2, "65536 neighbours: at most %u in one of 1024 slots",
       worst);
}


int
main(void)
{
    test_all_found(32);
    test_all_found(10);
    test_spread();

    return done();
}
