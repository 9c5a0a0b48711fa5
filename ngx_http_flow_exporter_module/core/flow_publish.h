/*
 * Step 4: a batch -> a redo record in the zone's journal, which
 * flow_journal_apply() then adds to the zone.
 */

#ifndef FLOW_PUBLISH_H
#define FLOW_PUBLISH_H

#include "flow_aggregate.h"
#include "flow_names.h"
#include "flow_redo.h"
#include "flow_zone_writer.h"


/* What a record met, for the log. */

typedef struct {
    bool      zone_full;      /* a new series found no room */
    bool      wrapped;        /* a counter passed 2^64 */
    bool      decided;        /* names, series that leave: no replay would */
    uint32_t  names_missed;   /* changed AS names without room */
} flow_publish_events_t;


/* A configured topic: its entry in the zone, and what is to be noted. */

typedef struct {
    uint32_t  entry;
    int32_t   partitions;
    uint32_t  seen_absent;
    bool      changed;        /* since the last record */
} flow_publish_topic_t;


typedef struct {
    flow_zone_writer_t     *writer;
    flow_batch_t           *batch;
    flow_publish_topic_t   *topics;      /* as the batch numbers them */
    const flow_names_t     *names;       /* NULL: none */
    const char             *cluster;     /* new id, NULL: as it was */
    bool                    forget;      /* offsets of other topics */
    flow_position_t         position;    /* of the record */
    flow_publish_events_t  *events;      /* added to */
} flow_publish_t;


/* How large a batch may become whose record fits the zone's journal. */

void flow_publish_limits(const flow_zone_t *zone, flow_batch_limits_t *limits);

/*
 * Composes the record of a batch, of topics that changed, and of what waits
 * in the writer; all of these then count as handed over.  New series that
 * find no room, in the zone or in the record, are added to the overflow series
 * of their direction.
 *
 * Returns the record's length, or 0 if even without new series it does not
 * fit the journal; nothing is handed over then.
 */

size_t flow_publish_compose(flow_publish_t *publish);

/* True if a record would have nothing but its head. */

bool flow_publish_is_empty(const flow_publish_t *publish);


#endif /* FLOW_PUBLISH_H */
