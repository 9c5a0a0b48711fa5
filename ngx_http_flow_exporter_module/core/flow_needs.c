/*
 * How large a zone has to be for the state files; see flow_needs.h.
 */

#include <string.h>

#include "flow_needs.h"


static int flow_needs_record(void *data, const char *record,
    flow_error_t *error);
static void flow_needs_strings(flow_zone_capacity_t *needs,
    const flow_redo_walk_t *walk);
static bool flow_needs_table(flow_zone_capacity_t *needs,
    flow_redo_kind_e kind, uint32_t **filled);


int
flow_needs_read(flow_store_t *store, flow_zone_capacity_t *needs,
    flow_error_t *error)
{
    return flow_store_replay(store, NULL, flow_needs_record, needs, error);
}


bool
flow_needs_fit(const flow_zone_capacity_t *needs,
    const flow_zone_capacity_t *capacity, flow_needs_lack_t *lack)
{
    size_t  i;

    const flow_needs_lack_t  tables[] = {
        { "series", needs->series, capacity->series },
        { "AS numbers", needs->as_numbers, capacity->as_numbers },
        { "hostnames", needs->hosts, capacity->hosts },
        { "partitions", needs->partitions, capacity->partitions },
        { "topics", needs->topics, capacity->topics },
        { "bytes of names", needs->string_bytes, capacity->string_bytes }
    };

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (tables[i].needed > tables[i].room) {

            if (lack != NULL) {
                *lack = tables[i];
            }

            return false;
        }
    }

    return true;
}


/* Each item begins with its index. */

static int
flow_needs_record(void *data, const char *record, flow_error_t *error)
{
    size_t                 at, size;
    uint32_t               index, *filled;
    flow_redo_walk_t       walk;
    flow_zone_capacity_t  *needs = data;

    (void) error;

    flow_redo_walk(&walk, record);

    while (flow_redo_next(&walk) == FLOW_OK) {

        if (walk.kind == FLOW_REDO_STRINGS) {
            flow_needs_strings(needs, &walk);
            continue;
        }

        if (!flow_needs_table(needs, walk.kind, &filled)) {
            continue;
        }

        size = flow_redo_item_size(walk.kind);

        for (at = 0; at < walk.length; at += size) {
            memcpy(&index, walk.items + at, sizeof(index));

            if (index >= *filled && index != FLOW_ZONE_NONE) {
                *filled = index + 1;
            }
        }
    }

    return FLOW_OK;
}


static void
flow_needs_strings(flow_zone_capacity_t *needs, const flow_redo_walk_t *walk)
{
    uint64_t  start, end;

    memcpy(&start, walk->items, sizeof(start));
    end = start + (walk->length - sizeof(start));

    if (end > needs->string_bytes) {
        needs->string_bytes = end;
    }
}


/* False: a table of the same size in each zone, or none. */

static bool
flow_needs_table(flow_zone_capacity_t *needs, flow_redo_kind_e kind,
    uint32_t **filled)
{
    switch (kind) {

    case FLOW_REDO_TOPICS:
        *filled = &needs->topics;
        return true;

    case FLOW_REDO_PARTITIONS:
        *filled = &needs->partitions;
        return true;

    case FLOW_REDO_HOSTS:
        *filled = &needs->hosts;
        return true;

    case FLOW_REDO_AS_NUMBERS:
        *filled = &needs->as_numbers;
        return true;

    case FLOW_REDO_SERIES:
        *filled = &needs->series;
        return true;

    case FLOW_REDO_COUNTERS:
    case FLOW_REDO_STRINGS:
    case FLOW_REDO_BYTES:
    case FLOW_REDO_ERRORS:
    case FLOW_REDO_LEFT:
    case FLOW_REDO_CLUSTER:
    case FLOW_REDO_KIND_END:
    default:
        return false;
    }
}
