/*
 * Writes images, and removes the files that they make superfluous; see
 * flow_store.h.
 *
 * An image gets its name when it is on the disk, and has its name for certain
 * before anything is removed.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow_step.h"
#include "flow_store_files.h"
#include "flow_text.h"


/* Images that stay. */

#define FLOW_STORE_IMAGES  2


static int flow_store_write_file(const flow_store_t *store, const char *image,
    flow_store_file_t *file, flow_error_t *error);
static int flow_store_fill_new(const flow_store_t *store, const char *name,
    const char *image, flow_store_file_t *file, flow_error_t *error);
static void flow_store_retire(flow_store_t *store);
static bool flow_store_take_old(flow_store_t *store, flow_store_kind_e *kind,
    flow_position_t *position);


int
flow_store_write_image(flow_store_t *store, const char *image,
    flow_error_t *error)
{
    int                result;
    flow_redo_head_t   head;
    flow_store_file_t  file;

    if (flow_redo_head(image, FLOW_REDO_HEAD, &head) != FLOW_OK
        || head.type != FLOW_REDO_IMAGE)
    {
        flow_error_set(error, "what was to be written to \"%s\" is no image",
                       store->path);
        return FLOW_ERROR;
    }

    memset(&file, 0, sizeof(file));
    file.position = head.position;
    file.bytes = head.length;
    file.state = FLOW_STORE_WHOLE;

    if (flow_store_write_file(store, image, &file, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    (void) pthread_mutex_lock(&store->mutex);
    result = flow_store_put(&store->lists[FLOW_STORE_IMAGE], &file);
    (void) pthread_mutex_unlock(&store->mutex);

    if (result != FLOW_OK) {
        flow_error_set(error, "no memory for the list of files in \"%s\"",
                       store->path);
        return FLOW_ERROR;
    }

    flow_store_retire(store);

    return FLOW_OK;
}


int
flow_store_clear(flow_store_t *store, flow_error_t *error)
{
    char                name[FLOW_STORE_FILE_MAX];
    uint32_t            k;
    flow_store_list_t  *list;

    static const flow_store_kind_e  kinds[] = {
        FLOW_STORE_IMAGE, FLOW_STORE_LOG
    };

    flow_store_leave_log(store);

    if (flow_store_list(store, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    for (k = 0; k < FLOW_STORE_KIND_COUNT; k++) {
        list = &store->lists[kinds[k]];

        while (list->count != 0) {
            flow_store_name(store, kinds[k], &list->files[0].position, name);

            if (unlinkat(store->directory, name, 0) == -1) {
                flow_store_failed(store, "unlink", name, error);
                return FLOW_ERROR;
            }

            flow_store_take(list, 0);
        }
    }

    flow_store_remove_new(store);

    if (flow_store_sync(store->directory) != FLOW_OK) {
        flow_store_failed(store, "fsync", NULL, error);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


bool
flow_store_find_image(flow_store_t *store, flow_store_file_t *image)
{
    const flow_store_file_t  *found;

    (void) pthread_mutex_lock(&store->mutex);

    found = flow_store_whole(&store->lists[FLOW_STORE_IMAGE], 0);

    if (found != NULL) {
        *image = *found;
    }

    (void) pthread_mutex_unlock(&store->mutex);

    return found != NULL;
}


static int
flow_store_write_file(const flow_store_t *store, const char *image,
    flow_store_file_t *file, flow_error_t *error)
{
    char  name[FLOW_STORE_FILE_MAX], new_name[FLOW_STORE_FILE_MAX];

    flow_store_remove_new(store);

    flow_store_new_name(store, new_name);
    flow_store_name(store, FLOW_STORE_IMAGE, &file->position, name);

    if (flow_store_fill_new(store, new_name, image, file, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    FLOW_STEP("image.written");

    if (renameat(store->directory, new_name, store->directory, name) == -1) {
        flow_store_failed(store, "rename", name, error);
        (void) unlinkat(store->directory, new_name, 0);
        return FLOW_ERROR;
    }

    FLOW_STEP("image.renamed");

    /* where this fails the file is as good, but not certain to be there */

    if (flow_store_sync(store->directory) != FLOW_OK) {
        flow_store_failed(store, "fsync", NULL, error);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


/* What fails is thrown away: after a failed sync another proves nothing. */

static int
flow_store_fill_new(const flow_store_t *store, const char *name,
    const char *image, flow_store_file_t *file, flow_error_t *error)
{
    int          descriptor;
    struct stat  status;
    const char  *call;

    descriptor = openat(store->directory, name,
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                        FLOW_STORE_MODE);

    if (descriptor == -1) {
        flow_store_failed(store, "open", name, error);
        return FLOW_ERROR;
    }

    call = NULL;

    if (flow_store_write(descriptor, image, file->bytes, 0) != FLOW_OK) {
        call = "pwrite";

    } else if (flow_store_sync(descriptor) != FLOW_OK) {
        call = "fsync";

    } else if (fstat(descriptor, &status) == -1) {
        call = "fstat";
    }

    if (call != NULL) {
        flow_store_failed(store, call, name, error);
        (void) close(descriptor);
        (void) unlinkat(store->directory, name, 0);
        return FLOW_ERROR;
    }

    (void) close(descriptor);

    file->time = flow_store_time(&status);

    return FLOW_OK;
}


/* What cannot be removed is left to the next who scans the directory. */

static void
flow_store_retire(flow_store_t *store)
{
    char               name[FLOW_STORE_FILE_MAX];
    flow_position_t    position;
    flow_store_kind_e  kind;

    while (flow_store_take_old(store, &kind, &position)) {
        FLOW_STEP("image.retire");
        flow_store_name(store, kind, &position, name);
        (void) unlinkat(store->directory, name, 0);
    }
}


/* Takes a file off the lists that no image needs which stays. */

static bool
flow_store_take_old(flow_store_t *store, flow_store_kind_e *kind,
    flow_position_t *position)
{
    bool                      found;
    flow_store_list_t        *list;
    const flow_store_file_t  *oldest;

    found = false;

    (void) pthread_mutex_lock(&store->mutex);

    oldest = flow_store_whole(&store->lists[FLOW_STORE_IMAGE],
                              FLOW_STORE_IMAGES - 1);

    if (oldest != NULL) {
        list = &store->lists[FLOW_STORE_LOG];
        *kind = FLOW_STORE_LOG;
        found = flow_store_is_covered(list, 0, &oldest->position);

        if (!found) {
            list = &store->lists[FLOW_STORE_IMAGE];
            *kind = FLOW_STORE_IMAGE;
            found = (oldest != &list->files[0]);
        }

        if (found) {
            *position = list->files[0].position;
            flow_store_take(list, 0);
        }
    }

    (void) pthread_mutex_unlock(&store->mutex);

    return found;
}
