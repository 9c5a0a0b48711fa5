/*
 * Recovery: which of the bytes in the state directory count.
 *
 *   1. The newest image that is whole is where the chain begins.
 *   2. From it on records follow each other, see flow_store_chain.c.
 *   3. What is left behind the chain's end is judged, see flow_store_judge().
 *   4. So far nothing was changed; flow_store_settle() makes the chain
 *      durable.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_store_chain.h"
#include "flow_store_look.h"
#include "flow_text.h"


static int flow_store_find_chain(flow_store_chain_t *chain,
    flow_error_t *error);
static int flow_store_read(flow_store_chain_t *chain, flow_error_t *error);
static void flow_store_forget(flow_store_t *store);
static bool flow_store_is_empty(const flow_store_t *store);
static void flow_store_drop_logs(flow_store_t *store);
static int flow_store_read_image(flow_store_chain_t *chain,
    flow_error_t *error);
static int flow_store_read_foreign(flow_store_chain_t *chain,
    flow_store_kind_e kind, flow_error_t *error);
static int flow_store_read_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error);
static int flow_store_add(flow_store_t *store,
    const flow_position_t *position, flow_error_t *error);
static int flow_store_judge(flow_store_chain_t *chain, flow_error_t *error);
static bool flow_store_is_torn(const flow_store_chain_t *chain);
static bool flow_store_is_behind(const flow_store_chain_t *chain);
static void flow_store_find_newest(flow_store_chain_t *chain);


int
flow_store_scan(flow_store_t *store, flow_error_t *error)
{
    int                 rc;
    flow_store_chain_t  chain;

    flow_store_chain_init(&chain, store);

    rc = flow_store_find_chain(&chain, error);

    if (rc == FLOW_DECLINED) {
        flow_store_drop_logs(store);
        flow_store_remove_new(store);

    } else if (rc == FLOW_OK
               && flow_store_settle(store, &chain.reader, error) != FLOW_OK)
    {
        rc = FLOW_AGAIN;
    }

    flow_store_chain_done(&chain);

    return rc;
}


int
flow_store_look(flow_store_t *store, flow_error_t *error)
{
    int                 rc;
    flow_store_chain_t  chain;

    flow_store_chain_init(&chain, store);
    rc = flow_store_find_chain(&chain, error);
    flow_store_chain_done(&chain);

    return rc;
}


static int
flow_store_find_chain(flow_store_chain_t *chain, flow_error_t *error)
{
    flow_store_forget(chain->store);

    if (flow_store_list(chain->store, error) == FLOW_OK) {

        if (flow_store_is_empty(chain->store)) {
            return FLOW_DECLINED;
        }

        if (flow_store_read(chain, error) == FLOW_OK) {
            return FLOW_OK;
        }
    }

    flow_store_forget(chain->store);

    return FLOW_ERROR;
}


static int
flow_store_read(flow_store_chain_t *chain, flow_error_t *error)
{
    if (flow_store_read_image(chain, error) != FLOW_OK
        || flow_store_read_foreign(chain, FLOW_STORE_IMAGE, error) != FLOW_OK
        || flow_store_read_foreign(chain, FLOW_STORE_LOG, error) != FLOW_OK
        || flow_store_add(chain->store, &chain->store->image, error)
           != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    chain->record = flow_store_read_record;

    if (flow_store_chain_follow(chain, error) != FLOW_OK
        || flow_store_judge(chain, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    chain->store->end = chain->end;
    flow_store_find_newest(chain);

    return FLOW_OK;
}


/* Nothing is known of any file, and none takes records. */

static void
flow_store_forget(flow_store_t *store)
{
    static const flow_position_t     none = { 0, 0, 0 };
    static const flow_store_place_t  nowhere = { { 0, 0, 0 }, 0, 0 };

    flow_store_leave_log(store);

    store->lists[FLOW_STORE_LOG].count = 0;
    store->lists[FLOW_STORE_IMAGE].count = 0;

    store->image = none;
    store->end = none;
    store->newest = none;
    store->run_count = 0;
    store->last = nowhere;
    store->torn = nowhere;
}


/* A log that never got a record, without an image, is as good as none. */

static bool
flow_store_is_empty(const flow_store_t *store)
{
    uint32_t                  i;
    const flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    for (i = 0; i < logs->count; i++) {
        if (logs->files[i].bytes != 0) {
            return false;
        }
    }

    return store->lists[FLOW_STORE_IMAGE].count == 0;
}


/*
 * Logs that have nothing: their names could be beyond the next one, where the
 * epochs begin anew.
 */

static void
flow_store_drop_logs(flow_store_t *store)
{
    char                name[FLOW_STORE_FILE_MAX];
    uint32_t            i;
    flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    for (i = logs->count; i != 0; i--) {
        flow_store_name(store, FLOW_STORE_LOG, &logs->files[i - 1].position,
                        name);

        if (unlinkat(store->directory, name, 0) == 0) {
            flow_store_take(logs, i - 1);
        }
    }
}


/* The sentence, if there is none, is of the newest. */

static int
flow_store_read_image(flow_store_chain_t *chain, flow_error_t *error)
{
    int                 rc;
    uint32_t            i;
    flow_store_t       *store;
    flow_store_list_t  *images;
    flow_store_file_t  *file;

    store = chain->store;
    images = &store->lists[FLOW_STORE_IMAGE];

    if (images->count == 0) {
        flow_error_set(error, "there are logs of \"%s\" in \"%s\", but no "
                       "image that they follow", store->name, store->path);
        return FLOW_ERROR;
    }

    for (i = images->count; i != 0; i--) {
        file = &images->files[i - 1];
        rc = flow_store_reader_image(&chain->reader, &file->position, error);

        if (rc == FLOW_OK) {
            file->state = FLOW_STORE_WHOLE;
            store->image = chain->reader.head.position;
            chain->reader.lineage = store->image.lineage;
            return FLOW_OK;
        }

        if (rc == FLOW_ERROR) {
            return FLOW_ERROR;
        }

        file->state = FLOW_STORE_DAMAGED;

        if (i == images->count) {
            flow_store_reader_refuse(&chain->reader, error);
        }
    }

    return FLOW_ERROR;
}


/*
 * A file that is not needed may be damaged, but not of another exporter: then
 * nobody knows what the directory has.
 */

static int
flow_store_read_foreign(flow_store_chain_t *chain, flow_store_kind_e kind,
    flow_error_t *error)
{
    uint32_t                  i;
    const flow_position_t    *position;
    const flow_store_list_t  *list;

    list = &chain->store->lists[kind];

    for (i = 0; i < list->count; i++) {
        position = &list->files[i].position;

        if (flow_store_reader_open(&chain->reader, kind, position, error)
            != FLOW_OK
            || flow_store_reader_check(&chain->reader, error) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


static int
flow_store_read_record(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error)
{
    flow_store_place_t  *last;

    last = &chain->store->last;

    last->log = chain->store->lists[FLOW_STORE_LOG].files[log].position;
    last->offset = chain->reader.offset;
    last->length = chain->reader.head.length;

    return flow_store_add(chain->store, &chain->end, error);
}


/* Adds a position to those of the chain. */

static int
flow_store_add(flow_store_t *store, const flow_position_t *position,
    flow_error_t *error)
{
    uint32_t           room;
    flow_position_t    next;
    flow_store_run_t  *run;

    if (store->run_count != 0) {
        run = &store->runs[store->run_count - 1];

        next = run->first;
        next.number = run->last + 1;

        if (flow_position_compare(position, &next) == 0) {
            run->last++;
            return FLOW_OK;
        }
    }

    if (store->run_count == store->run_room) {
        room = store->run_room * 2 + 8;

        run = realloc(store->runs, room * sizeof(*run));
        if (run == NULL) {
            flow_error_set(error, "no memory for the positions in \"%s\"",
                           store->path);
            return FLOW_ERROR;
        }

        store->runs = run;
        store->run_room = room;
    }

    run = &store->runs[store->run_count++];
    run->first = *position;
    run->last = position->number;

    return FLOW_OK;
}


/*
 * What is behind the chain's end:
 *
 *   nothing                     good
 *   damage, and nothing after   a record that was torn when it was appended,
 *                               never shown: it is cut off; one that is not
 *                               cut short may have been, so that the end is
 *                               behind the newest
 *   damage, and records after   they are lost: an error
 *   records of a damaged image  good, but the end is behind the newest
 *   other records               something is missing: an error
 */

static int
flow_store_judge(flow_store_chain_t *chain, flow_error_t *error)
{
    char                      name[FLOW_STORE_FILE_MAX];
    flow_store_t             *store;
    const flow_store_file_t  *log;

    store = chain->store;
    log = &store->lists[FLOW_STORE_LOG].files[chain->trouble.log];

    switch (chain->trouble.what) {

    case FLOW_STORE_DAMAGE:

        if (flow_store_is_torn(chain)) {
            store->torn.log = log->position;
            store->torn.offset = chain->trouble.offset;
            store->torn.length = log->bytes - chain->trouble.offset;
            chain->newest.number += !chain->trouble.ends;
            return FLOW_OK;
        }

        break;

    case FLOW_STORE_GAP:

        if (flow_store_is_behind(chain)) {
            return FLOW_OK;
        }

        break;

    case FLOW_STORE_SOUND:
    default:
        return FLOW_OK;
    }

    flow_store_name(store, FLOW_STORE_LOG, &log->position, name);

    flow_error_set(error, "\"%s/%s\" is damaged at byte %llu: %s",
                   store->path, name,
                   (unsigned long long) chain->trouble.offset,
                   chain->trouble.what == FLOW_STORE_DAMAGE
                       ? chain->trouble.reason
                       : "the record does not follow those before it");

    return FLOW_ERROR;
}


/* The last bytes of all logs. */

static bool
flow_store_is_torn(const flow_store_chain_t *chain)
{
    uint32_t                  i;
    const flow_store_list_t  *logs;

    logs = &chain->store->lists[FLOW_STORE_LOG];

    for (i = chain->trouble.log + 1; i < logs->count; i++) {
        if (logs->files[i].bytes != 0) {
            return false;
        }
    }

    return !chain->trouble.followed;
}


/* An image that is damaged was all there was between end and record. */

static bool
flow_store_is_behind(const flow_store_chain_t *chain)
{
    uint32_t                  place;
    const flow_store_list_t  *images;

    images = &chain->store->lists[FLOW_STORE_IMAGE];

    return flow_store_find(images, &chain->trouble.previous, &place)
           && images->files[place].state == FLOW_STORE_DAMAGED;
}


/* Names of damaged images tell of positions too. */

static void
flow_store_find_newest(flow_store_chain_t *chain)
{
    uint32_t                  i;
    flow_position_t           position;
    const flow_store_list_t  *images;

    chain->store->newest = chain->newest;
    images = &chain->store->lists[FLOW_STORE_IMAGE];

    for (i = 0; i < images->count; i++) {
        position = images->files[i].position;
        position.lineage = chain->store->image.lineage;

        if (flow_position_compare(&position, &chain->store->newest) > 0) {
            chain->store->newest = position;
        }
    }
}
