/*
 * Step 2: flow record + own AS numbers -> direction.
 */

#ifndef FLOW_CLASSIFY_H
#define FLOW_CLASSIFY_H

#include "flow_record.h"


/* The own AS numbers, owned by the configuration. */

typedef struct {
    const uint32_t  *numbers;
    size_t           count;
} flow_own_t;


/*
 * As the Go exporter: source AS own -> transmit (own to own too); else
 * destination AS own -> receive; else transit.  Any thread.
 */

flow_direction_e flow_classify_record(const flow_own_t *own,
    const flow_record_t *record);


#endif /* FLOW_CLASSIFY_H */
