/*
 * Step 2: record + own AS numbers -> direction; see flow_classify.h.
 */

#include "flow_classify.h"


static bool flow_classify_is_own(const flow_own_t *own, uint32_t number);


flow_direction_e
flow_classify_record(const flow_own_t *own, const flow_record_t *record)
{
    if (flow_classify_is_own(own, record->source_as)) {
        return FLOW_TRANSMIT;
    }

    if (flow_classify_is_own(own, record->destination_as)) {
        return FLOW_RECEIVE;
    }

    return FLOW_TRANSIT;
}


/* Operators have a handful of AS numbers; a list is as fast as it gets. */

static bool
flow_classify_is_own(const flow_own_t *own, uint32_t number)
{
    size_t  i;

    for (i = 0; i < own->count; i++) {
        if (own->numbers[i] == number) {
            return true;
        }
    }

    return false;
}
