/*
 * Rows that both forms of "show" have.
 */

#ifndef FLOW_STATE_ROWS_H
#define FLOW_STATE_ROWS_H

#include "flow_zone.h"


/* A counter of the table of metrics; not of a flow series. */

typedef struct {
    const char  *name;
    const char  *scope;      /* what "of" is: "topic", "error", or "" */
    flow_str_t   of;
    const char  *key;        /* of "label", or "" */
    const char  *label;
    uint64_t     value;
} flow_state_counter_t;


void flow_state_counters(const flow_zone_t *zone,
    void (*handler)(void *data, const flow_state_counter_t *counter),
    void *data);

/* A topic's name, by its index. */

flow_str_t flow_state_topic(const flow_zone_t *zone, uint32_t topic);


#endif /* FLOW_STATE_ROWS_H */
