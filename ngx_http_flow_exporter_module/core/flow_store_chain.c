/*
 * Follows the chain of records through the logs, to find its end and, later,
 * to hand it on.
 *
 *   1. Logs are read in the order of their names.  A record that follows the
 *      chain's end becomes its end, wherever it lies; one at or before the end
 *      is in it already, or of a branch that was left.
 *   2. What lies between the end and a record that follows it is not needed:
 *      neither what is damaged nor what does not follow.
 */

#include <string.h>

#include "flow_store_chain.h"
#include "flow_text.h"


typedef struct {
    const flow_position_t  *after;
    int                   (*apply)(void *data, const char *bytes,
                                   flow_error_t *error);
    void                   *data;
} flow_store_replay_t;


static int flow_store_chain_log(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error);
static int flow_store_chain_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error);
static void flow_store_chain_trouble(flow_store_chain_t *chain,
    flow_store_trouble_e what, uint32_t log);
static int flow_store_replay_image(flow_store_chain_t *chain,
    flow_error_t *error);
static int flow_store_replay_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error);


void
flow_store_chain_init(flow_store_chain_t *chain, flow_store_t *store)
{
    memset(chain, 0, sizeof(*chain));
    chain->store = store;

    flow_store_reader_init(&chain->reader, store);
}


void
flow_store_chain_done(flow_store_chain_t *chain)
{
    flow_store_reader_done(&chain->reader);
}


int
flow_store_chain_follow(flow_store_chain_t *chain, flow_error_t *error)
{
    int                       rc;
    uint32_t                  log;
    const flow_store_list_t  *logs;

    chain->end = chain->store->image;
    chain->newest = chain->store->image;
    chain->reader.lineage = chain->store->image.lineage;

    logs = &chain->store->lists[FLOW_STORE_LOG];

    for (log = 0; log < logs->count; log++) {

        if (flow_store_is_covered(logs, log, &chain->store->image)) {
            continue;
        }

        rc = flow_store_chain_log(chain, log, error);

        if (rc != FLOW_OK) {
            return rc;
        }
    }

    return FLOW_OK;
}


int
flow_store_replay(flow_store_t *store, const flow_position_t *after,
    int (*apply)(void *data, const char *bytes, flow_error_t *error),
    void *data, flow_error_t *error)
{
    int                  rc;
    flow_store_chain_t   chain;
    flow_store_replay_t  replay = { after, apply, data };

    if (store->run_count == 0
        || (after != NULL && !flow_store_has(store, after)))
    {
        flow_error_set(error, "\"%s\" has nothing that follows the position",
                       store->path);
        return FLOW_ERROR;
    }

    flow_store_chain_init(&chain, store);
    chain.record = flow_store_replay_record;
    chain.data = &replay;

    rc = FLOW_OK;

    if (after == NULL) {
        rc = flow_store_replay_image(&chain, error);
    }

    if (rc == FLOW_OK) {
        rc = flow_store_chain_follow(&chain, error);
    }

    if (rc == FLOW_OK && flow_position_compare(&chain.end, &store->end) < 0) {
        flow_error_set(error, "the logs in \"%s\" have changed since they "
                       "were read first", store->path);
        rc = FLOW_ERROR;
    }

    flow_store_chain_done(&chain);

    return rc;
}


static int
flow_store_chain_log(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error)
{
    int                       rc;
    const flow_store_list_t  *logs;

    logs = &chain->store->lists[FLOW_STORE_LOG];

    if (flow_store_reader_open(&chain->reader, FLOW_STORE_LOG,
                               &logs->files[log].position, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    for ( ;; ) {
        rc = flow_store_reader_next(&chain->reader, error);

        switch (rc) {

        case FLOW_OK:
            rc = flow_store_chain_record(chain, log, error);

            if (rc != FLOW_OK) {
                return rc;
            }

            break;

        case FLOW_AGAIN:
            flow_store_chain_trouble(chain, FLOW_STORE_DAMAGE, log);
            break;

        case FLOW_DECLINED:
            return FLOW_OK;

        default:
            return FLOW_ERROR;
        }
    }
}


static int
flow_store_chain_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error)
{
    flow_store_file_t       *file;
    const flow_redo_head_t  *head;

    head = &chain->reader.head;
    file = &chain->store->lists[FLOW_STORE_LOG].files[log];

    if (flow_position_compare(&head->position, &chain->newest) > 0) {
        chain->newest = head->position;
    }

    if (flow_position_compare(&head->position, &file->last) > 0) {
        file->last = head->position;
    }

    if (flow_position_compare(&head->position, &chain->end) <= 0) {

        /* so is what was damaged before it: positions ascend in a log */

        if (chain->trouble.what == FLOW_STORE_DAMAGE
            && chain->trouble.log == log)
        {
            chain->trouble.what = FLOW_STORE_SOUND;
        }

        return FLOW_OK;
    }

    if (flow_position_compare(&head->previous, &chain->end) != 0) {
        flow_store_chain_trouble(chain, FLOW_STORE_GAP, log);
        return FLOW_OK;
    }

    chain->trouble.what = FLOW_STORE_SOUND;
    chain->end = head->position;

    return chain->record(chain, log, error);
}


/* Only the first one is kept. */

static void
flow_store_chain_trouble(flow_store_chain_t *chain, flow_store_trouble_e what,
    uint32_t log)
{
    flow_store_trouble_t  *trouble;

    trouble = &chain->trouble;

    if (trouble->what != FLOW_STORE_SOUND) {
        trouble->followed |= (what == FLOW_STORE_GAP);
        return;
    }

    trouble->what = what;
    trouble->log = log;
    trouble->offset = chain->reader.offset;
    trouble->reason = chain->reader.reason;
    trouble->previous = chain->reader.head.previous;
    trouble->followed = false;
    trouble->ends = chain->reader.ends;
}


static int
flow_store_replay_image(flow_store_chain_t *chain, flow_error_t *error)
{
    int                   rc;
    flow_store_replay_t  *replay;

    rc = flow_store_reader_image(&chain->reader, &chain->store->image, error);

    if (rc == FLOW_DECLINED) {
        flow_store_reader_refuse(&chain->reader, error);
        return FLOW_ERROR;
    }

    if (rc != FLOW_OK) {
        return FLOW_ERROR;
    }

    replay = chain->data;

    return replay->apply(replay->data, chain->reader.bytes, error);
}


/* What was appended after the scan is not of the chain. */

static int
flow_store_replay_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error)
{
    flow_store_replay_t  *replay;

    (void) log;

    replay = chain->data;

    if (flow_position_compare(&chain->end, &chain->store->end) > 0
        || (replay->after != NULL
            && flow_position_compare(&chain->end, replay->after) <= 0))
    {
        return FLOW_OK;
    }

    return replay->apply(replay->data, chain->reader.bytes, error);
}
