/*
 * Gives state files to the user who will count on with them; see
 * flow_store.h.
 *
 * The directory may belong to an unprivileged user, who must not make root
 * give away another file by a link.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "flow_store_files.h"
#include "flow_text.h"


static int flow_store_give_file(const flow_store_t *store, const char *name,
    uid_t owner, gid_t group, flow_error_t *error);


int
flow_store_give(const char *directory, const char *name, uid_t owner,
    gid_t group, flow_error_t *error)
{
    int                       result;
    char                      file[FLOW_STORE_FILE_MAX];
    uint32_t                  kind, i;
    flow_store_t             *store;
    const flow_store_list_t  *list;

    store = flow_store_open(directory, name, error);
    if (store == NULL) {
        return FLOW_ERROR;
    }

    result = flow_store_list(store, error);

    for (kind = 0; kind < FLOW_STORE_KIND_COUNT; kind++) {
        list = &store->lists[kind];

        for (i = 0; i < list->count && result == FLOW_OK; i++) {
            flow_store_name(store, (flow_store_kind_e) kind,
                            &list->files[i].position, file);
            result = flow_store_give_file(store, file, owner, group, error);
        }
    }

    flow_store_close(store);

    return result;
}


static int
flow_store_give_file(const flow_store_t *store, const char *name,
    uid_t owner, gid_t group, flow_error_t *error)
{
    int          descriptor, result;
    struct stat  status;

    descriptor = openat(store->directory, name,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (descriptor == -1) {

        /* the process that counts has removed it meanwhile */

        if (errno == ENOENT) {
            return FLOW_OK;
        }

        flow_store_failed(store, "open", name, error);
        return FLOW_ERROR;
    }

    result = FLOW_OK;

    if (fstat(descriptor, &status) == -1) {
        flow_store_failed(store, "fstat", name, error);
        result = FLOW_ERROR;

    } else if (!S_ISREG(status.st_mode) || status.st_nlink != 1) {
        flow_error_set(error, "\"%s/%s\" is not a plain file of its own",
                       store->path, name);
        result = FLOW_ERROR;

    } else if (status.st_uid != owner
               && fchown(descriptor, owner, group) == -1)
    {
        flow_store_failed(store, "fchown", name, error);
        result = FLOW_ERROR;
    }

    (void) close(descriptor);

    return result;
}
