/*
 * A thread that does one job at a time for the dedicated process, which never
 * waits for a disk: an append, a new log, an image, a word in the lease file.
 *
 * The thread has all signals blocked.  That a job is done is told by a
 * descriptor that becomes readable, so that an event loop can wait for it.
 */

#ifndef FLOW_SAVER_H
#define FLOW_SAVER_H

#include "flow_record.h"


/* The caller's, untouched until flow_saver_done() gives it back. */

typedef struct {
    int         (*run)(void *data, flow_error_t *error);
    void         *data;
    int           result;       /* what "run" returned */
    flow_error_t  error;
} flow_save_t;


typedef struct flow_saver_s  flow_saver_t;


/* Starts the thread.  Returns NULL with a sentence. */

flow_saver_t *flow_saver_create(flow_error_t *error);

/* Waits until the thread has done what it is at, and ends it. */

void flow_saver_destroy(flow_saver_t *saver);

/* Non-blocking; readable when a job is done, until flow_saver_done(). */

int flow_saver_descriptor(const flow_saver_t *saver);

/* Begins a job.  Only while there is none. */

void flow_saver_start(flow_saver_t *saver, flow_save_t *save);

/* Returns the job if it is done; NULL if it is not, or there is none. */

flow_save_t *flow_saver_done(flow_saver_t *saver);

/* The same, but waits: for an orderly end.  NULL: there is none. */

flow_save_t *flow_saver_wait(flow_saver_t *saver);

/* True from flow_saver_start() until the job was given back. */

bool flow_saver_is_busy(const flow_saver_t *saver);


#endif /* FLOW_SAVER_H */
