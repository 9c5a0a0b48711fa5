/*
 * What whoever takes the lease makes of the zone and the state files that it
 * finds, so that each record that was counted is counted once:
 *
 *   zone that the lease names    journal finished; then, by its position
 *     on the files' chain          records that follow are applied: kept
 *     beyond the chain's end       kept, not durable until it is imaged
 *   any other zone               emptied, then
 *     files                        image and records are applied: loaded
 *     no files                     counting begins
 *
 * Flow series are withheld where the zone had to be loaded although more has
 * been shown once than files tell of: the lease has the mark, or a file tells
 * of a newer position than the chain reaches.  The lease has the mark from
 * then on, and when files were refused, since they may be moved away.
 */

#ifndef FLOW_RECOVER_H
#define FLOW_RECOVER_H

#include "flow_lease.h"
#include "flow_store.h"
#include "flow_zone.h"


typedef enum {
    FLOW_RECOVERED_FIRST = 0,
    FLOW_RECOVERED_KEPT,
    FLOW_RECOVERED_AHEAD,
    FLOW_RECOVERED_LOADED
} flow_recovered_e;


typedef struct {
    flow_recovered_e    how;
    uint64_t            lineage;
    flow_lease_state_t  state;       /* the epoch is the taker's own */
    bool                withhold;    /* until all that there was is counted */
    bool                damaged;     /* the zone, or its journal, was */
    bool                unsettled;   /* files were read, but not made durable */
    flow_error_t        trouble;     /* why */
} flow_recovered_t;


/*
 * Recovers "zone" from itself or from "store" (NULL: no state files), and has
 * the lease, which the caller holds, name the zone and a new epoch, durably,
 * before anything is shown.  "random" is any number but 0, for what is new.
 *
 * Sets the zone live, unless flow series are to be withheld.  Returns FLOW_OK,
 * or FLOW_ERROR with a sentence: then nothing may be counted.  May block for as
 * long as reading the files takes.
 */

int flow_recover(flow_zone_t *zone, flow_store_t *store,
    const flow_lease_t *lease, uint64_t random, flow_recovered_t *recovered,
    flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_RECOVER_H */
