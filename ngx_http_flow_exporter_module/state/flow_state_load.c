/*
 * From state files to counters in memory of this process, and back.
 *
 * What is changed becomes an image of a new epoch, and the lease names the
 * private zone: whatever shared memory there is, it is behind, is not shown,
 * and is loaded anew by the next process that counts.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_needs.h"
#include "flow_state.h"
#include "flow_text.h"
#include "flow_zone_word.h"


/* Somebody who counts may remove a file that is about to be read. */

#define FLOW_STATE_TRIES       20
#define FLOW_STATE_PAUSE       50000000    /* nanoseconds */

/* Who only looks at a lease has it for a moment. */

#define FLOW_STATE_LOOKERS     4

/* Has room for as many partitions as there may be. */

#define FLOW_STATE_ZONE_MIN    (256 * 1024 * 1024)


static int flow_state_look_once(flow_state_t *state, flow_error_t *error);
static int flow_state_prepare(flow_state_t *state, flow_error_t *error);
static int flow_state_make_zone(flow_state_t *state, flow_error_t *error);
static void flow_state_drop_zone(flow_state_t *state);
static int flow_state_apply(void *data, const char *record,
    flow_error_t *error);
static int flow_state_none(const flow_state_t *state, flow_error_t *error);
static int64_t flow_state_now(void);


int
flow_state_open(flow_state_t *state, flow_error_t *error)
{
    int  length;

    length = snprintf(state->lease_path, sizeof(state->lease_path),
                      "%s/%s.lease", state->directory, state->name);

    if (length < 0 || (size_t) length >= sizeof(state->lease_path)) {
        flow_error_set(error, "\"%s\" is too long", state->directory);
        return FLOW_ERROR;
    }

    flow_lease_init(&state->held, state->lease_path);

    state->store = flow_store_open(state->directory, state->name, error);

    return state->store == NULL ? FLOW_ERROR : FLOW_OK;
}


void
flow_state_close(flow_state_t *state)
{
    flow_state_drop_zone(state);

    if (state->store != NULL) {
        flow_store_close(state->store);
    }

    flow_lease_close(&state->held);
}


int
flow_state_look(flow_state_t *state, flow_error_t *error)
{
    int              rc;
    unsigned         tries;
    flow_error_t     ignored;
    struct timespec  pause = { 0, FLOW_STATE_PAUSE };

    for (tries = 0; tries < FLOW_STATE_TRIES; tries++) {

        /* a lease that is damaged says nothing about the counters */

        (void) !flow_lease_look(state->lease_path, &state->lease, &ignored);

        rc = flow_state_look_once(state, error);

        if (rc == FLOW_OK || !state->lease.held) {
            return rc;
        }

        (void) nanosleep(&pause, NULL);
    }

    return FLOW_ERROR;
}


static int
flow_state_look_once(flow_state_t *state, flow_error_t *error)
{
    if (flow_state_prepare(state, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    return flow_store_replay(state->store, NULL, flow_state_apply, state,
                             error);
}


/* The chain of files, and a zone for it. */

static int
flow_state_prepare(flow_state_t *state, flow_error_t *error)
{
    switch (flow_store_look(state->store, error)) {

    case FLOW_OK:
        return flow_state_make_zone(state, error);

    case FLOW_DECLINED:
        return flow_state_none(state, error);

    default:
        return FLOW_ERROR;
    }
}


int
flow_state_take(flow_state_t *state, flow_error_t *error)
{
    int              rc;
    pid_t            holder;
    unsigned         tries;
    flow_error_t     ignored;
    struct timespec  pause = { 0, FLOW_STATE_PAUSE };

    /* a lease of a name that was mistyped is not made */

    if (flow_lease_look(state->lease_path, &state->lease, &ignored)
        == FLOW_DECLINED
        && flow_store_look(state->store, error) == FLOW_DECLINED)
    {
        return flow_state_none(state, error);
    }

    for (tries = 0; tries < FLOW_STATE_LOOKERS; tries++) {
        rc = flow_lease_take(&state->held, flow_state_now(), &holder, error);

        if (rc != FLOW_AGAIN) {
            return rc;
        }

        (void) nanosleep(&pause, NULL);
    }

    flow_error_set(error, "\"%s\" is held by process %d: stop nginx first",
                   state->lease_path, (int) holder);

    return FLOW_ERROR;
}


int
flow_state_load(flow_state_t *state, flow_error_t *error)
{
    uint64_t  random;

    /* only flow_recover() may cut off what is torn, and remember it */

    if (flow_state_prepare(state, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        flow_error_set(error, "getrandom() failed (%d: %s)", errno,
                       strerror(errno));
        return FLOW_ERROR;
    }

    if (flow_recover(state->zone, state->store, &state->held, random | 1,
                     &state->recovered, error)
        != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (state->recovered.unsettled) {
        *error = state->recovered.trouble;
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


int
flow_state_save(flow_state_t *state, flow_error_t *error)
{
    int           rc;
    char         *image;
    flow_zone_t  *zone = state->zone;

    flow_zone_set(&zone->epoch, state->recovered.state.epoch);
    flow_zone_set(&zone->number, flow_zone_get(&zone->number) + 1);

    image = flow_image_create(zone);

    if (image == NULL) {
        flow_error_set(error, "no memory for an image");
        return FLOW_ERROR;
    }

    rc = flow_store_write_image(state->store, image, error);

    free(image);

    return rc;
}


/* As large as what the files have; pages that stay empty take no memory. */

static int
flow_state_make_zone(flow_state_t *state, flow_error_t *error)
{
    void                  *memory;
    size_t                 size;
    flow_zone_capacity_t   needs, capacity;

    flow_state_drop_zone(state);

    memset(&needs, 0, sizeof(needs));

    if (flow_needs_read(state->store, &needs, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    for (size = FLOW_STATE_ZONE_MIN; size < PTRDIFF_MAX / 2; size *= 2) {

        if (flow_zone_capacity(size, &capacity) == FLOW_OK
            && flow_needs_fit(&needs, &capacity, NULL))
        {
            break;
        }
    }

    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        flow_error_set(error, "mmap() of %zu bytes failed (%d: %s)", size,
                       errno, strerror(errno));
        return FLOW_ERROR;
    }

    state->zone = flow_zone_format(memory, size);
    state->zone_size = size;

    return FLOW_OK;
}


static void
flow_state_drop_zone(flow_state_t *state)
{
    if (state->zone != NULL) {
        (void) munmap(state->zone, state->zone_size);
        state->zone = NULL;
    }
}


static int
flow_state_apply(void *data, const char *record, flow_error_t *error)
{
    flow_state_t  *state = data;

    if (flow_journal_check(state->zone, record, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    flow_journal_replay(state->zone, record);

    return FLOW_OK;
}


static int
flow_state_none(const flow_state_t *state, flow_error_t *error)
{
    flow_error_set(error, "there are no state files of \"%s\" in \"%s\"",
                   state->name, state->directory);

    return FLOW_ERROR;
}


static int64_t
flow_state_now(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
