/*
 * A zone in private memory, for the tests of what is written into one.
 */

#ifndef ZONES_H
#define ZONES_H

#include <stdlib.h>
#include <string.h>

#include "flow_zone_writer.h"


static void  *zone_memory;


/* A fresh zone; the one before is freed. */

static inline flow_zone_t *
zone_create(size_t size)
{
    free(zone_memory);

    zone_memory = aligned_alloc(4096, size);
    if (zone_memory == NULL) {
        abort();
    }

    memset(zone_memory, 0, size);

    return flow_zone_format(zone_memory, size);
}


static inline flow_str_t
text(const char *data)
{
    flow_str_t  string = { strlen(data), data };

    return string;
}


/* The series with these values, by looking at all of them; 0: none. */

static inline uint64_t
zone_bytes(const flow_zone_t *zone, uint32_t direction, uint32_t source,
    uint32_t destination, const char *hostname)
{
    uint32_t            i;
    flow_series_view_t  view;

    for (i = FLOW_DIRECTION_COUNT; i < zone->series; i++) {
        if (flow_zone_read_series(zone, i, &view)
            && view.direction == direction
            && view.source_as == source
            && view.destination_as == destination
            && view.hostname.len == strlen(hostname)
            && memcmp(view.hostname.data, hostname, view.hostname.len) == 0)
        {
            return view.bytes;
        }
    }

    return 0;
}


/* Bytes of all series, of overflow too. */

static inline uint64_t
zone_total(const flow_zone_t *zone)
{
    uint32_t            i;
    uint64_t            total = 0;
    flow_series_view_t  view;

    for (i = 0; i < zone->series; i++) {
        if (flow_zone_read_series(zone, i, &view)) {
            total += view.bytes;
        }
    }

    return total;
}


#endif /* ZONES_H */
