/*
 * Looking at state files without a lease: nothing is changed.  Somebody else
 * may count meanwhile; then a file may be gone between two calls, which is an
 * error to try again after, and the last record may look torn.
 */

#ifndef FLOW_STORE_LOOK_H
#define FLOW_STORE_LOOK_H

#include "flow_store.h"


typedef enum {
    FLOW_STORE_SEEN = 0,           /* by flow_store_each(): not read */
    FLOW_STORE_GOOD,
    FLOW_STORE_TORN,               /* at the end, as by a death: cut off */
    FLOW_STORE_BAD
} flow_store_verdict_e;


/* Strings are valid until the handler returns. */

typedef struct {
    const char            *name;
    bool                   image;
    uint64_t               bytes;
    int64_t                time;     /* written, milliseconds since 1970 */
    uint64_t               records;  /* of a log, whole ones */
    flow_store_verdict_e   verdict;
    uint64_t               offset;   /* of what is torn, or bad; ... */
    const char            *reason;   /* ... NULL where "trouble" says more */
    const flow_error_t    *trouble;
} flow_store_view_t;

typedef void (*flow_store_view_pt)(void *data, const flow_store_view_t *view);


/*
 * Finds the chain as flow_store_scan() does, for flow_store_replay().
 * FLOW_OK; FLOW_DECLINED: there are no files; FLOW_ERROR with a sentence.
 */

int flow_store_look(flow_store_t *store, flow_error_t *error)
    FLOW_MUST_CHECK;

/* Hands on the files that were found, images first, oldest first. */

void flow_store_each(flow_store_t *store, flow_store_view_pt handler,
    void *data);

/*
 * Reads each file of the directory and hands on what it is like.  FLOW_OK, or
 * FLOW_ERROR with a sentence if the directory cannot be read.
 */

int flow_store_verify(flow_store_t *store, flow_store_view_pt handler,
    void *data, flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_STORE_LOOK_H */
