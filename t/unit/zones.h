/*
 * A zone in private memory, for the tests of what is written into one.
 */

#ifndef ZONES_H
#define ZONES_H

#include <stdlib.h>
#include <string.h>

#include "flow_pipeline.h"


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


/*
 * Shows what was claimed and counted without a redo record, for tests that
 * store values themselves.
 */

static inline void
zone_show(flow_zone_writer_t *writer)
{
    uint32_t                   i;
    flow_zone_t               *of = flow_zone_of(writer);
    flow_zone_pending_t       *pending = flow_zone_pending(writer);
    const flow_zone_filled_t  *filled = flow_zone_filled(writer);

    of->topics = filled->topics;
    of->partitions = filled->partitions;
    of->hosts = filled->hosts;
    of->as_numbers = filled->as_numbers;
    of->series = filled->series;
    of->errors = filled->errors;
    of->string_bytes = filled->string_bytes;
    of->starts += pending->starts;

    for (i = 0; i < FLOW_ZONE_ERRORS; i++) {
        of->kafka_errors[i].count += pending->errors[i];
    }

    memset(pending, 0, sizeof(*pending));
}


/* Composes a record and applies it, if there is anything to record. */

static inline void
zone_commit(flow_pipeline_t *pipeline, flow_publish_events_t *events)
{
    flow_str_t  record;

    memset(events, 0, sizeof(*events));

    if (!flow_pipeline_is_empty(pipeline)
        && flow_pipeline_compose(pipeline, &record, events) == FLOW_OK)
    {
        flow_pipeline_apply(pipeline);
    }
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
