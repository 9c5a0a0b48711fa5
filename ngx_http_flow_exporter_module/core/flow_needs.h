/*
 * How large a zone has to be for what the state files have: for "nginx -t",
 * for the sentence of an exporter whose zone is too small, and for who loads
 * the files into memory of his own.
 */

#ifndef FLOW_NEEDS_H
#define FLOW_NEEDS_H

#include "flow_store.h"
#include "flow_zone.h"


/*
 * Raises "needs" to what the chain fills, which has been scanned or looked at;
 * its journal bytes stay.  FLOW_OK, or FLOW_ERROR with a sentence.
 */

int flow_needs_read(flow_store_t *store, flow_zone_capacity_t *needs,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * True if a zone of that capacity has room for them.  Else "what", if it is
 * not NULL, is the word for what there is too much of, with both numbers.
 */

typedef struct {
    const char  *name;
    uint64_t     needed;
    uint64_t     room;
} flow_needs_lack_t;

bool flow_needs_fit(const flow_zone_capacity_t *needs,
    const flow_zone_capacity_t *capacity, flow_needs_lack_t *lack);


#endif /* FLOW_NEEDS_H */
