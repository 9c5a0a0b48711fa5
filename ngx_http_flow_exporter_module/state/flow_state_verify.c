/*
 * The command "verify": each file by itself, then the chain that they make.
 */

#include <inttypes.h>
#include <stdio.h>

#include "flow_state.h"
#include "flow_text.h"


static void flow_state_verify_lease(const flow_state_t *state,
    unsigned *damaged);
static void flow_state_verify_file(void *data, const flow_store_view_t *view);
static void flow_state_verify_chain(flow_state_t *state, unsigned *damaged);


int
flow_state_verify(flow_state_t *state, flow_error_t *error)
{
    unsigned  damaged = 0;

    flow_state_verify_lease(state, &damaged);

    if (flow_store_verify(state->store, flow_state_verify_file, &damaged,
                          error)
        != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    flow_state_verify_chain(state, &damaged);

    if (damaged != 0) {
        flow_error_set(error, "the state files of \"%s\" in \"%s\" are not "
                       "sound", state->name, state->directory);
        return FLOW_STATE_FAILED;
    }

    return FLOW_STATE_DONE;
}


static void
flow_state_verify_lease(const flow_state_t *state, unsigned *damaged)
{
    int                rc;
    flow_error_t       error;
    flow_lease_view_t  view;

    rc = flow_lease_look(state->lease_path, &view, &error);

    if (rc == FLOW_ERROR) {
        ++*damaged;
        printf("%s.lease: %s\n", state->name, error.text);

    } else if (rc == FLOW_OK && view.held) {
        printf("%s.lease: sound; held by process %d, which may be writing\n",
               state->name, (int) view.holder);

    } else if (rc == FLOW_OK) {
        printf("%s.lease: sound; not held\n", state->name);
    }

    if (rc == FLOW_OK && view.state.marked) {
        printf("%s.lease: more was shown once than the state files have\n",
               state->name);
    }
}


static void
flow_state_verify_file(void *data, const flow_store_view_t *view)
{
    unsigned  *damaged = data;

    printf("%s: ", view->name);

    switch (view->verdict) {

    case FLOW_STORE_TORN:
        printf("sound, %" PRIu64 " records; from byte %" PRIu64 " on torn, "
               "will be cut off\n", view->records, view->offset);
        return;

    case FLOW_STORE_BAD:
        ++*damaged;

        if (view->reason == NULL) {
            printf("%s\n", view->trouble->text);

        } else {
            printf("damaged at byte %" PRIu64 ": %s\n", view->offset,
                   view->reason);
        }

        return;

    case FLOW_STORE_GOOD:
    case FLOW_STORE_SEEN:
    default:
        break;
    }

    if (view->image) {
        printf("sound, %" PRIu64 " bytes\n", view->bytes);

    } else {
        printf("sound, %" PRIu64 " records\n", view->records);
    }
}


static void
flow_state_verify_chain(flow_state_t *state, unsigned *damaged)
{
    flow_error_t            error;
    const flow_position_t  *end, *newest;

    if (flow_state_look(state, &error) != FLOW_OK) {
        ++*damaged;
        printf("chain: %s\n", error.text);
        return;
    }

    end = flow_store_end(state->store);
    newest = flow_store_newest(state->store);

    if (flow_position_compare(newest, end) > 0 && !state->lease.held) {
        ++*damaged;
        printf("chain: ends at epoch %" PRIu64 ", number %" PRIu64 ", but "
               "there was epoch %" PRIu64 ", number %" PRIu64 "\n",
               end->epoch, end->number, newest->epoch, newest->number);
        return;
    }

    printf("chain: sound, up to epoch %" PRIu64 ", number %" PRIu64 "\n",
           end->epoch, end->number);
}
