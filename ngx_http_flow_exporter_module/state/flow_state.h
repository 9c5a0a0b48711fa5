/*
 * Inside of nginx-flow-exporter-state, which shows, checks and changes an
 * exporter's state files.
 */

#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include <limits.h>

#include "flow_recover.h"
#include "flow_store_look.h"


/* Exit codes. */

#define FLOW_STATE_DONE    0
#define FLOW_STATE_FAILED  1
#define FLOW_STATE_USAGE   2


typedef struct {
    const char         *directory;
    const char         *name;            /* of the exporter */
    char                lease_path[PATH_MAX];

    flow_store_t       *store;
    flow_lease_view_t   lease;           /* before it was taken */

    /* the counters, in private memory; NULL: not loaded */
    flow_zone_t        *zone;
    size_t              zone_size;

    /* of who changes something */
    flow_lease_t        held;
    flow_recovered_t    recovered;
} flow_state_t;


typedef struct {
    bool  json;
    bool  by_bytes;                      /* series: not by AS numbers */
} flow_state_show_t;


/* flow_state_load.c */

/* Opens the directory.  FLOW_OK, or FLOW_ERROR with a sentence. */

int flow_state_open(flow_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;
void flow_state_close(flow_state_t *state);

/*
 * Loads the counters, and changes nothing.  FLOW_OK, or FLOW_ERROR with a
 * sentence.
 */

int flow_state_look(flow_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Takes the lease, which ends with the process.  FLOW_OK, or FLOW_ERROR with a
 * sentence.
 */

int flow_state_take(flow_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Loads the counters as a process that counts would, under the lease.
 * FLOW_OK, or FLOW_ERROR with a sentence.
 */

int flow_state_load(flow_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Makes an image of the changed counters, of an epoch of its own.  FLOW_OK, or
 * FLOW_ERROR with a sentence: then what was there still counts.
 */

int flow_state_save(flow_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;


/* The commands: an exit code, and a sentence where that is not 0. */

/* flow_state_show.c */

int flow_state_show(flow_state_t *state, const flow_state_show_t *show,
    flow_error_t *error);

/* flow_state_json.c */

void flow_state_show_json(const flow_state_t *state, const uint32_t *series,
    uint32_t count);

/* flow_state_verify.c */

int flow_state_verify(flow_state_t *state, flow_error_t *error);

/* flow_state_change.c; the arguments are those of the command line */

int flow_state_set_offset(flow_state_t *state, char **arguments,
    flow_error_t *error);
int flow_state_forget_topic(flow_state_t *state, char **arguments,
    flow_error_t *error);
int flow_state_forget_partition(flow_state_t *state, char **arguments,
    flow_error_t *error);
int flow_state_forget_hostname(flow_state_t *state, char **arguments,
    flow_error_t *error);
int flow_state_reset(flow_state_t *state, char **arguments,
    flow_error_t *error);

/* Reads a number below a limit.  FLOW_OK, or FLOW_ERROR with a sentence. */

int flow_state_number(const char *text, const char *what, uint64_t limit,
    uint64_t *number, flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_STATE_H */
