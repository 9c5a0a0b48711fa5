/*
 * How the zone's only writer reads and stores its words; for the files that
 * compose, apply and copy, never for a reader.
 */

#ifndef FLOW_ZONE_WORD_H
#define FLOW_ZONE_WORD_H

#include <stdatomic.h>


/* One writer: what it reads is its own last store. */

#define flow_zone_get(word)                                                   \
    atomic_load_explicit(word, memory_order_relaxed)
#define flow_zone_set(word, value)                                            \
    atomic_store_explicit(word, value, memory_order_relaxed)

/* The store that makes what was stored before it visible to readers. */

#define flow_zone_show(word, value)                                           \
    atomic_store_explicit(word, value, memory_order_release)


/* What an entry that a flow is counted in at present has as its "used". */

#define flow_zone_moment(zone)  (flow_zone_get(&(zone)->idle_clock) + 1)


/*
 * What tells a series from others changes between these two only, while its
 * sequence is odd.  One that a dead writer has left open is opened as well.
 */

#define flow_zone_open_series(series)                                         \
    (flow_zone_set(&(series)->sequence,                                       \
                   flow_zone_get(&(series)->sequence) | 1),                   \
     atomic_thread_fence(memory_order_release))

#define flow_zone_close_series(series)                                        \
    flow_zone_show(&(series)->sequence, flow_zone_get(&(series)->sequence) + 1)


#endif /* FLOW_ZONE_WORD_H */
