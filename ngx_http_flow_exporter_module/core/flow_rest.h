/*
 * Entries of a table that are out of use.  Before an entry is used for
 * another purpose it rests for so long that no reader is at it any more:
 *
 *   flow_rest_add() --> recent -- turn --> earlier -- turn --> over
 *                          |                  |                 |
 *                          +------- flow_rest_remove() ---------+--> in use
 *
 * Two turns are at least the time of a rest apart, so that an entry rests
 * for one to two of these times.  Private memory, one thread.
 */

#ifndef FLOW_REST_H
#define FLOW_REST_H

#include "flow_record.h"


#define FLOW_REST_NONE  UINT32_MAX


typedef enum {
    FLOW_REST_RECENT = 1,
    FLOW_REST_EARLIER,
    FLOW_REST_OVER,
    FLOW_REST_END
} flow_rest_e;


typedef struct {
    uint32_t  next;              /* zero: in no list */
    uint32_t  previous;
} flow_rest_link_t;


typedef struct {
    flow_rest_link_t  *links;    /* heads of the lists, then the entries */
    uint32_t           count;    /* entries out of use */
} flow_rest_t;


/*
 * For a table of "capacity" entries.  FLOW_OK, or FLOW_ERROR if memory is
 * short.
 */

int flow_rest_init(flow_rest_t *rest, uint32_t capacity) FLOW_MUST_CHECK;
void flow_rest_done(flow_rest_t *rest);

/* The entry, which is in use, is so no longer. */

void flow_rest_add(flow_rest_t *rest, uint32_t entry);

/* It is in use again, or was so all the time. */

void flow_rest_remove(flow_rest_t *rest, uint32_t entry);

bool flow_rest_has(const flow_rest_t *rest, uint32_t entry);

/* The first entry of a list, or FLOW_REST_NONE. */

uint32_t flow_rest_first(const flow_rest_t *rest, flow_rest_e list);

/* Moves an entry to the end of a list. */

void flow_rest_move(flow_rest_t *rest, uint32_t entry, flow_rest_e list);


#endif /* FLOW_REST_H */
