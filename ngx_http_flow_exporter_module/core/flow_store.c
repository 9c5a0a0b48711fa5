/*
 * State files: the logs that grow while counting, and what is known of all
 * files; see flow_store.h.  Recovery is in flow_store_scan.c, images are in
 * flow_store_image.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_step.h"
#include "flow_store_files.h"
#include "flow_text.h"


static void flow_store_note(flow_store_t *store,
    const flow_position_t *last);
static int flow_store_create_log(flow_store_t *store,
    const flow_position_t *first, flow_error_t *error);
static int flow_store_open_new(flow_store_t *store,
    const flow_position_t *first, const char *name, flow_error_t *error);
static bool flow_store_is_next(flow_store_t *store,
    const flow_position_t *first);
static bool flow_store_drop_empty(flow_store_t *store,
    const flow_position_t *log);


flow_store_t *
flow_store_open(const char *directory, const char *name, flow_error_t *error)
{
    flow_store_t  *store;

    if (name[0] == '\0' || strlen(name) > FLOW_STORE_NAME_MAX) {
        flow_error_set(error, "\"%s\" is no name for state files", name);
        return NULL;
    }

    store = calloc(1, sizeof(*store));
    if (store == NULL) {
        flow_error_set(error, "no memory for the state files");
        return NULL;
    }

    store->log = -1;
    memcpy(store->name, name, strlen(name) + 1);

    store->path = strdup(directory);
    if (store->path == NULL) {
        flow_error_set(error, "no memory for the state files");
        free(store);
        return NULL;
    }

    store->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory == -1) {
        flow_store_failed(store, "open", NULL, error);
        free(store->path);
        free(store);
        return NULL;
    }

    (void) pthread_mutex_init(&store->mutex, NULL);

    return store;
}


void
flow_store_close(flow_store_t *store)
{
    flow_store_leave_log(store);
    (void) close(store->directory);
    (void) pthread_mutex_destroy(&store->mutex);

    free(store->lists[FLOW_STORE_LOG].files);
    free(store->lists[FLOW_STORE_IMAGE].files);
    free(store->runs);
    free(store->path);
    free(store);
}


const flow_position_t *
flow_store_end(const flow_store_t *store)
{
    return &store->end;
}


const flow_position_t *
flow_store_newest(const flow_store_t *store)
{
    return &store->newest;
}


bool
flow_store_has(const flow_store_t *store, const flow_position_t *position)
{
    uint32_t                 i;
    const flow_store_run_t  *run;

    for (i = 0; i < store->run_count; i++) {
        run = &store->runs[i];

        if (position->lineage == run->first.lineage
            && position->epoch == run->first.epoch
            && position->number >= run->first.number
            && position->number <= run->last)
        {
            return true;
        }
    }

    return false;
}


int
flow_store_begin_log(flow_store_t *store, const flow_position_t *first,
    flow_error_t *error)
{
    int              descriptor;
    flow_position_t  before;

    before = store->log_first;

    if (store->log != -1
        && store->log_used == 0
        && flow_store_compare(&before, first) == 0)
    {
        return FLOW_OK;
    }

    descriptor = flow_store_create_log(store, first, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    flow_store_leave_log(store);

    store->log = descriptor;
    store->log_first = *first;
    store->log_used = 0;

    if (flow_store_compare(&before, first) != 0) {
        (void) flow_store_drop_empty(store, &before);
    }

    return FLOW_OK;
}


int
flow_store_append(flow_store_t *store, const char *record,
    flow_error_t *error)
{
    char              name[FLOW_STORE_FILE_MAX];
    flow_redo_head_t  head;

    flow_store_name(store, FLOW_STORE_LOG, &store->log_first, name);

    if (store->log == -1
        || flow_redo_head(record, FLOW_REDO_HEAD, &head) != FLOW_OK)
    {
        flow_error_set(error, "no log in \"%s\" takes records", store->path);
        return FLOW_ERROR;
    }

    FLOW_STEP("append.begin");

    if (flow_store_write(store->log, record, head.length, store->log_used)
        != FLOW_OK)
    {
        flow_store_failed(store, "pwrite", name, error);
        goto failed;
    }

    FLOW_STEP("append.written");

    if (flow_store_sync_data(store->log) != FLOW_OK) {
        flow_store_failed(store, "fdatasync", name, error);
        goto failed;
    }

    FLOW_STEP("append.synced");

    store->log_used += head.length;
    flow_store_note(store, &head.position);

    return FLOW_OK;

failed:

    if (flow_store_cut(store->log, store->log_used) == FLOW_OK) {
        (void) !flow_store_sync_data(store->log);
    }

    flow_store_leave_log(store);

    return FLOW_ERROR;
}


static void
flow_store_note(flow_store_t *store, const flow_position_t *last)
{
    uint32_t            place;
    flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    (void) pthread_mutex_lock(&store->mutex);

    if (flow_store_find(logs, &store->log_first, &place)) {
        logs->files[place].bytes = store->log_used;
        logs->files[place].last = *last;
    }

    (void) pthread_mutex_unlock(&store->mutex);
}


void
flow_store_leave_log(flow_store_t *store)
{
    if (store->log != -1) {
        (void) close(store->log);
        store->log = -1;
    }
}


uint64_t
flow_store_log_bytes(flow_store_t *store)
{
    uint32_t                  i;
    uint64_t                  bytes;
    const flow_store_file_t  *image;
    const flow_store_list_t  *logs;

    bytes = 0;
    logs = &store->lists[FLOW_STORE_LOG];

    (void) pthread_mutex_lock(&store->mutex);

    image = flow_store_whole(&store->lists[FLOW_STORE_IMAGE], 0);

    for (i = 0; i < logs->count; i++) {
        if (image == NULL
            || !flow_store_is_covered(logs, i, &image->position))
        {
            bytes += logs->files[i].bytes;
        }
    }

    (void) pthread_mutex_unlock(&store->mutex);

    return bytes;
}


uint64_t
flow_store_image_bytes(flow_store_t *store)
{
    flow_store_file_t  image;

    return flow_store_find_image(store, &image) ? image.bytes : 0;
}


int64_t
flow_store_image_time(flow_store_t *store)
{
    flow_store_file_t  image;

    return flow_store_find_image(store, &image) ? image.time : 0;
}


/*
 * Returns the descriptor of a new log that is on the disk for certain, or -1
 * with a sentence.  Then the log that takes records goes on, but not where it
 * would get what belongs behind the name of another one.
 */

static int
flow_store_create_log(flow_store_t *store, const flow_position_t *first,
    flow_error_t *error)
{
    int                descriptor, result;
    char               name[FLOW_STORE_FILE_MAX];
    flow_store_file_t  file = { .position = *first };

    flow_store_name(store, FLOW_STORE_LOG, first, name);

    descriptor = flow_store_open_new(store, first, name, error);
    if (descriptor == -1) {
        return -1;
    }

    (void) pthread_mutex_lock(&store->mutex);
    result = flow_store_put(&store->lists[FLOW_STORE_LOG], &file);
    (void) pthread_mutex_unlock(&store->mutex);

    if (result != FLOW_OK) {
        flow_error_set(error, "no memory for \"%s/%s\"", store->path, name);
        goto failed;
    }

    FLOW_STEP("log.created");

    if (flow_store_sync(store->directory) != FLOW_OK) {
        flow_store_failed(store, "fsync", NULL, error);
        goto failed;
    }

    FLOW_STEP("log.synced");

    return descriptor;

failed:

    (void) close(descriptor);

    if (!flow_store_drop_empty(store, first)) {
        flow_store_leave_log(store);
    }

    return -1;
}


/*
 * A log of that name that has nothing may be left of an attempt; any other is
 * not touched.  Returns a descriptor, or -1 with a sentence.
 */

static int
flow_store_open_new(flow_store_t *store, const flow_position_t *first,
    const char *name, flow_error_t *error)
{
    int          descriptor;
    struct stat  status;

    if (!flow_store_is_next(store, first)) {
        flow_error_set(error, "\"%s/%s\" would not be the last of the logs",
                       store->path, name);
        return -1;
    }

    descriptor = openat(store->directory, name,
                        O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW
                        | O_NONBLOCK, FLOW_STORE_MODE);

    if (descriptor == -1) {
        flow_store_failed(store, "open", name, error);
        return -1;
    }

    if (fstat(descriptor, &status) == -1
        || !S_ISREG(status.st_mode)
        || status.st_size != 0)
    {
        flow_error_set(error, "\"%s/%s\" is there already", store->path,
                       name);
        (void) close(descriptor);
        return -1;
    }

    return descriptor;
}


/* Names of logs ascend: those who read them rely on it. */

static bool
flow_store_is_next(flow_store_t *store, const flow_position_t *first)
{
    bool                      next;
    const flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    (void) pthread_mutex_lock(&store->mutex);

    next = (logs->count == 0
            || flow_store_compare(&logs->files[logs->count - 1].position,
                                  first) <= 0);

    (void) pthread_mutex_unlock(&store->mutex);

    return next;
}


/*
 * Where nothing can be appended, logs would come and stay otherwise.  True if
 * there is no such file any more.
 */

static bool
flow_store_drop_empty(flow_store_t *store, const flow_position_t *log)
{
    bool                listed, empty;
    char                name[FLOW_STORE_FILE_MAX];
    uint32_t            place;
    flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    (void) pthread_mutex_lock(&store->mutex);

    listed = flow_store_find(logs, log, &place);
    empty = !listed || logs->files[place].bytes == 0;

    if (listed && empty) {
        flow_store_take(logs, place);
    }

    (void) pthread_mutex_unlock(&store->mutex);

    if (!empty) {
        return false;
    }

    flow_store_name(store, FLOW_STORE_LOG, log, name);

    return unlinkat(store->directory, name, 0) == 0 || errno == ENOENT;
}
