/*
 * The end of recovery: what was read becomes durable before anybody builds on
 * it.
 *
 * That a record could be read does not mean that it is on the disk: its writer
 * may have died before the sync, or the sync may have failed, after which the
 * kernel takes the pages for written.  So the only record that can be
 * concerned, the last one, is written anew.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "flow_step.h"
#include "flow_store_chain.h"
#include "flow_text.h"


static int flow_store_write_last(flow_store_t *store,
    flow_store_reader_t *reader, flow_error_t *error);
static int flow_store_cut_torn(flow_store_t *store, flow_error_t *error);
static int flow_store_open_log(const flow_store_t *store,
    const flow_position_t *log, char *name, flow_error_t *error);


int
flow_store_settle(flow_store_t *store, flow_store_reader_t *reader,
    flow_error_t *error)
{
    if (store->last.length != 0
        && flow_store_write_last(store, reader, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (store->torn.length != 0
        && flow_store_cut_torn(store, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    FLOW_STEP("settle.written");
    flow_store_remove_new(store);

    if (flow_store_sync(store->directory) != FLOW_OK) {
        flow_store_failed(store, "fsync", NULL, error);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


static int
flow_store_write_last(flow_store_t *store, flow_store_reader_t *reader,
    flow_error_t *error)
{
    int                        result, descriptor;
    char                       name[FLOW_STORE_FILE_MAX];
    const flow_store_place_t  *last;

    last = &store->last;

    if (flow_store_reader_open(reader, FLOW_STORE_LOG, &last->log, error)
        != FLOW_OK
        || flow_store_reader_view(reader, last->offset, last->length, error)
           != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    descriptor = flow_store_open_log(store, &last->log, name, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    result = FLOW_OK;

    if (flow_store_write(descriptor, reader->bytes, last->length,
                         last->offset) != FLOW_OK)
    {
        flow_store_failed(store, "pwrite", name, error);
        result = FLOW_ERROR;

    } else if (flow_store_sync(descriptor) != FLOW_OK) {
        flow_store_failed(store, "fsync", name, error);
        result = FLOW_ERROR;
    }

    (void) close(descriptor);

    return result;
}


static int
flow_store_cut_torn(flow_store_t *store, flow_error_t *error)
{
    int                        result, descriptor;
    char                       name[FLOW_STORE_FILE_MAX];
    uint32_t                   place;
    const flow_store_place_t  *torn;

    torn = &store->torn;

    descriptor = flow_store_open_log(store, &torn->log, name, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    result = FLOW_OK;

    if (flow_store_cut(descriptor, torn->offset) != FLOW_OK) {
        flow_store_failed(store, "ftruncate", name, error);
        result = FLOW_ERROR;

    } else if (flow_store_sync(descriptor) != FLOW_OK) {
        flow_store_failed(store, "fsync", name, error);
        result = FLOW_ERROR;

    } else if (flow_store_find(&store->lists[FLOW_STORE_LOG], &torn->log,
                               &place))
    {
        store->lists[FLOW_STORE_LOG].files[place].bytes = torn->offset;
    }

    (void) close(descriptor);

    return result;
}


static int
flow_store_open_log(const flow_store_t *store, const flow_position_t *log,
    char *name, flow_error_t *error)
{
    int  descriptor;

    flow_store_name(store, FLOW_STORE_LOG, log, name);

    descriptor = openat(store->directory, name,
                        O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (descriptor == -1) {
        flow_store_failed(store, "open", name, error);
    }

    return descriptor;
}
