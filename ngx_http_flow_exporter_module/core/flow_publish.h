/*
 * Step 4: a batch -> the zone.
 */

#ifndef FLOW_PUBLISH_H
#define FLOW_PUBLISH_H

#include "flow_aggregate.h"
#include "flow_names.h"
#include "flow_zone_writer.h"


/* What a batch met for the first time in this writer's life; for the log. */

typedef struct {
    bool      zone_full;      /* a new series found no room */
    bool      wrapped;        /* a counter passed 2^64 */
} flow_publish_events_t;


/*
 * Adds the batch to the zone: series first, then the exporter's counters,
 * then the offsets.  "topics" maps the configured topics to the zone's.  The
 * batch is left as it was; events are added to *events.
 */

void flow_publish_batch(flow_zone_writer_t *writer, const flow_batch_t *batch,
    const uint32_t *topics, const flow_names_t *names,
    flow_publish_events_t *events);


#endif /* FLOW_PUBLISH_H */
