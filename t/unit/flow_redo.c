/*
 * flow_redo: what was composed is what is walked through, from memory of any
 * size; a record that is cut or changed anywhere is not whole; and a record
 * that is whole may still have sections that are wrong.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_redo.h"
#include "flow_text.h"
#include "random.h"
#include "tap.h"


#define ITEMS  400
#define ROUNDS 200


/* An item that was added, and in a plain list. */

typedef struct {
    flow_redo_kind_e  kind;
    size_t            size;
    uint64_t          start;       /* of strings */
    char              bytes[128];
} item_t;


static const flow_position_t  position = { 7, 8, 10 };
static const flow_position_t  previous = { 7, 8, 9 };

static item_t  items[ITEMS];


static void
make_item(item_t *item)
{
    size_t  i;

    do {
        item->kind = (flow_redo_kind_e) random_below(FLOW_REDO_KIND_END);
        item->size = flow_redo_item_size(item->kind);
    } while (item->size == 0);

    item->start = random_below(UINT64_MAX);

    if (item->kind == FLOW_REDO_STRINGS) {
        item->size = random_below(sizeof(item->bytes)) + 1;
    }

    for (i = 0; i < item->size; i++) {
        item->bytes[i] = (char) random_below(256);
    }
}


static size_t
compose(char *memory, size_t size, unsigned count)
{
    unsigned     i;
    flow_redo_t  redo;

    flow_redo_begin(&redo, memory, size);

    for (i = 0; i < count; i++) {

        if (items[i].kind == FLOW_REDO_STRINGS) {
            flow_redo_add_strings(&redo, items[i].start, items[i].bytes,
                                  items[i].size);
        } else {
            flow_redo_add(&redo, items[i].kind, items[i].bytes,
                          items[i].size);
        }
    }

    return flow_redo_end(&redo, FLOW_REDO_RECORD, &position, &previous);
}


/* True if a walk meets exactly the items, in their order. */

static bool
meets_items(const char *record, unsigned count)
{
    int               rc;
    size_t            at, size, skip;
    unsigned          i = 0;
    flow_redo_walk_t  walk;

    flow_redo_walk(&walk, record);

    while ((rc = flow_redo_next(&walk)) == FLOW_OK) {

        skip = walk.kind == FLOW_REDO_STRINGS ? sizeof(uint64_t) : 0;

        for (at = 0; at < walk.length; at += skip + size, i++) {

            if (i == count || items[i].kind != walk.kind) {
                return false;
            }

            size = items[i].size;

            if (skip + size > walk.length - at
                || memcmp(&items[i].start, walk.items + at, skip) != 0
                || memcmp(items[i].bytes, walk.items + at + skip, size) != 0)
            {
                return false;
            }
        }
    }

    return rc == FLOW_DECLINED && i == count;
}


/* In memory that is exactly as large as it says, for the sanitizer. */

static void
test_compose(void)
{
    char      *memory, *tight;
    size_t     length, size;
    unsigned   round, i, count, wrong = 0, small = 0;

    for (round = 0; round < ROUNDS; round++) {

        count = (unsigned) random_below(ITEMS + 1);

        for (i = 0; i < count; i++) {
            make_item(&items[i]);
        }

        memory = malloc(ITEMS * (sizeof(item_t) + 16) + FLOW_REDO_HEAD);
        length = compose(memory, ITEMS * (sizeof(item_t) + 16)
                                 + FLOW_REDO_HEAD, count);

        wrong += length < FLOW_REDO_HEAD
                 || !flow_redo_is_whole(memory, length)
                 || !meets_items(memory, count);

        size = random_below(length);
        tight = malloc(size + (size == 0));
        small += compose(tight, size, count) != 0;
        free(tight);

        tight = malloc(length);
        wrong += compose(tight, length, count) != length
                 || memcmp(tight, memory, length) != 0;
        free(tight);
        free(memory);
    }

    ok(wrong == 0, "records have what was added, in %u rounds", ROUNDS);
    ok(small == 0, "less memory than a record needs: no record");
}


static void
test_head(void)
{
    char              record[FLOW_REDO_HEAD];
    size_t            length;
    flow_redo_t       redo;
    flow_redo_head_t  head;

    length = compose(record, sizeof(record), 0);

    ok(length == FLOW_REDO_HEAD && memcmp(record, "FLOWREDO", 8) == 0,
       "a record without items is its head");
    ok(flow_redo_head(record, length - 1, &head) == FLOW_AGAIN,
       "a part of a head is not enough");
    ok(flow_redo_head(record, length, &head) == FLOW_OK
       && head.type == FLOW_REDO_RECORD && head.length == FLOW_REDO_HEAD
       && flow_position_compare(&head.position, &position) == 0
       && flow_position_compare(&head.previous, &previous) == 0,
       "it has length, position and what it follows");
    ok(flow_redo_version(record, length) == FLOW_REDO_VERSION, "a version");

    record[8]++;
    ok(flow_redo_head(record, length, &head) == FLOW_DECLINED
       && flow_redo_version(record, length) == FLOW_REDO_VERSION + 1,
       "a later version is no record, but told");

    record[0]++;
    ok(flow_redo_version(record, length) == 0, "other bytes have no version");

    flow_redo_begin(&redo, record, sizeof(record));
    length = flow_redo_end(&redo, FLOW_REDO_IMAGE, &position, &position);

    ok(memcmp(record, "FLOWIMAG", 8) == 0
       && flow_redo_head(record, length, &head) == FLOW_OK
       && head.type == FLOW_REDO_IMAGE && flow_redo_is_whole(record, length),
       "an image is told from a record");
}


static void
test_damage(void)
{
    char      *record;
    size_t     length, bit, cut;
    unsigned   i, seen = 0;

    for (i = 0; i < 8; i++) {
        make_item(&items[i]);
    }

    record = malloc(8 * sizeof(item_t) + FLOW_REDO_HEAD);
    length = compose(record, 8 * sizeof(item_t) + FLOW_REDO_HEAD, 8);

    for (bit = 0; bit < length * 8; bit++) {
        record[bit / 8] = (char) (record[bit / 8] ^ 1 << bit % 8);
        seen += flow_redo_is_whole(record, length);
        record[bit / 8] = (char) (record[bit / 8] ^ 1 << bit % 8);
    }

    ok(seen == 0, "each of %zu bits counts", length * 8);

    for (cut = 0; cut < length; cut++) {
        seen += flow_redo_is_whole(record, cut);
    }

    ok(seen == 0, "so does each byte at the end");
    ok(flow_redo_is_whole(record, length), "all of them are a record");

    free(record);
}


/* A record whose checksum is right, with one section as it is given. */

static int
walk_section(uint32_t kind, uint32_t claimed, uint32_t length)
{
    int               rc;
    char              record[FLOW_REDO_HEAD + 256];
    size_t            end;
    flow_redo_t       redo;
    flow_redo_walk_t  walk;

    memset(record, 0, sizeof(record));
    flow_redo_begin(&redo, record, sizeof(record));

    memcpy(record + FLOW_REDO_HEAD, &kind, sizeof(kind));
    memcpy(record + FLOW_REDO_HEAD + sizeof(kind), &claimed, sizeof(claimed));
    redo.used += length;

    end = flow_redo_end(&redo, FLOW_REDO_RECORD, &position, &previous);

    if (!flow_redo_is_whole(record, end)) {
        return FLOW_OK;
    }

    flow_redo_walk(&walk, record);

    rc = flow_redo_next(&walk);

    return rc == FLOW_OK ? flow_redo_next(&walk) : rc;
}


static void
test_sections(void)
{
    uint32_t  kind, wrong = 0, size;

    for (kind = 1; kind < FLOW_REDO_KIND_END; kind++) {

        size = (uint32_t) flow_redo_item_size((flow_redo_kind_e) kind);
        size = kind == FLOW_REDO_STRINGS ? 9 : size;

        if (size == 0) {
            wrong += walk_section(kind, 0, 8) != FLOW_ERROR;
            continue;
        }

        wrong += walk_section(kind, size, 8 + size) != FLOW_DECLINED;
        wrong += walk_section(kind, size + 1, 8 + size) != FLOW_ERROR;
        wrong += walk_section(kind, UINT32_MAX, 8 + size) != FLOW_ERROR;
        wrong += size > 9
                 && walk_section(kind, size - 1, 8 + size - 1) != FLOW_ERROR;
    }

    ok(wrong == 0, "a section's length is that of items that are there");
    ok(walk_section(FLOW_REDO_STRINGS, 7, 15) == FLOW_ERROR,
       "strings have a start");
    ok(walk_section(FLOW_REDO_BYTES, 0, 7) == FLOW_ERROR,
       "a part of a section's head is an error");
    ok(walk_section(0, 0, 8) == FLOW_ERROR
       && walk_section(FLOW_REDO_KIND_END, 0, 8) == FLOW_ERROR
       && walk_section(UINT32_MAX, 0, 8) == FLOW_ERROR,
       "so is a kind that is not known");
}


static void
test_compare(void)
{
    size_t    i, k;
    unsigned  wrong = 0;

    static const flow_position_t  sorted[] = {
        { 0, 0, 0 }, { 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 }, { 1, 0, 9 },
        { 1, 2, 0 }, { UINT64_MAX, 0, 0 }, { UINT64_MAX, 0, UINT64_MAX }
    };

    for (i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        for (k = 0; k < sizeof(sorted) / sizeof(sorted[0]); k++) {
            int  result = flow_position_compare(&sorted[i], &sorted[k]);

            wrong += (result < 0) != (i < k) || (result > 0) != (i > k);
        }
    }

    ok(wrong == 0, "lineage goes before epoch, epoch before number");
    ok(flow_text_checksum("123456789", 9) == 0xcbf43926,
       "the checksum is the usual CRC-32");
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_compose();
    test_head();
    test_damage();
    test_sections();
    test_compare();

    return done();
}
