/*
 * The store's files: their names, the directory, and calls that go through
 * with what they have begun.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_store_files.h"
#include "flow_text.h"


#define FLOW_STORE_DIGITS   16
#define FLOW_STORE_NEW      ".image.new"

/* One write, or read, of Linux takes no more than about 2 GB anyway. */

#define FLOW_STORE_PIECE    (UINT64_C(1) << 30)


static int flow_store_list_entries(flow_store_t *store, DIR *entries,
    flow_error_t *error);
static int flow_store_list_file(flow_store_t *store, flow_store_kind_e kind,
    const char *name, flow_store_file_t *file, flow_error_t *error);
static bool flow_store_parse(const flow_store_t *store, const char *name,
    flow_store_kind_e *kind, flow_position_t *position);
static const char *flow_store_parse_number(const char *text,
    uint64_t *number);


static const char *const  flow_store_kinds[FLOW_STORE_KIND_COUNT] = {
    ".log.",
    ".image."
};


int
flow_store_list(flow_store_t *store, flow_error_t *error)
{
    int   descriptor, result;
    DIR  *entries;

    store->lists[FLOW_STORE_LOG].count = 0;
    store->lists[FLOW_STORE_IMAGE].count = 0;

    /* a descriptor of its own has a place in the directory of its own */

    descriptor = openat(store->directory, ".",
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor == -1) {
        flow_store_failed(store, "open", NULL, error);
        return FLOW_ERROR;
    }

    entries = fdopendir(descriptor);
    if (entries == NULL) {
        flow_store_failed(store, "fdopendir", NULL, error);
        (void) close(descriptor);
        return FLOW_ERROR;
    }

    result = flow_store_list_entries(store, entries, error);

    (void) closedir(entries);

    return result;
}


static int
flow_store_list_entries(flow_store_t *store, DIR *entries,
    flow_error_t *error)
{
    struct dirent      *entry;
    flow_store_kind_e   kind;
    flow_store_file_t   file;

    for ( ;; ) {
        errno = 0;
        entry = readdir(entries);

        if (entry == NULL) {
            break;
        }

        memset(&file, 0, sizeof(file));

        if (flow_store_parse(store, entry->d_name, &kind, &file.position)
            && flow_store_list_file(store, kind, entry->d_name, &file, error)
               != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    if (errno != 0) {
        flow_store_failed(store, "readdir", NULL, error);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


static int
flow_store_list_file(flow_store_t *store, flow_store_kind_e kind,
    const char *name, flow_store_file_t *file, flow_error_t *error)
{
    struct stat  status;

    if (fstatat(store->directory, name, &status, AT_SYMLINK_NOFOLLOW) == -1) {

        /* an old file may be removed while somebody else only looks */

        if (errno == ENOENT) {
            return FLOW_OK;
        }

        flow_store_failed(store, "fstatat", name, error);
        return FLOW_ERROR;
    }

    if (!S_ISREG(status.st_mode)) {
        flow_error_set(error, "\"%s/%s\" is not a regular file", store->path,
                       name);
        return FLOW_ERROR;
    }

    file->bytes = (uint64_t) status.st_size;
    file->time = flow_store_time(&status);

    if (flow_store_put(&store->lists[kind], file) != FLOW_OK) {
        flow_error_set(error, "no memory for the list of files in \"%s\"",
                       store->path);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


bool
flow_store_find(const flow_store_list_t *list, const flow_position_t *position,
    uint32_t *place)
{
    uint32_t  i;

    for (i = list->count; i != 0; i--) {
        if (flow_store_compare(&list->files[i - 1].position, position) <= 0) {
            break;
        }
    }

    if (i != 0
        && flow_store_compare(&list->files[i - 1].position, position) == 0)
    {
        *place = i - 1;
        return true;
    }

    *place = i;

    return false;
}


int
flow_store_put(flow_store_list_t *list, const flow_store_file_t *file)
{
    uint32_t            place, room;
    flow_store_file_t  *files;

    if (flow_store_find(list, &file->position, &place)) {
        list->files[place] = *file;
        list->files[place].position.lineage = 0;
        return FLOW_OK;
    }

    if (list->count == list->room) {
        room = list->room * 2 + 8;

        files = realloc(list->files, room * sizeof(*files));
        if (files == NULL) {
            return FLOW_ERROR;
        }

        list->files = files;
        list->room = room;
    }

    memmove(&list->files[place + 1], &list->files[place],
            (list->count - place) * sizeof(list->files[0]));

    list->files[place] = *file;
    list->files[place].position.lineage = 0;
    list->count++;

    return FLOW_OK;
}


void
flow_store_take(flow_store_list_t *list, uint32_t place)
{
    list->count--;

    memmove(&list->files[place], &list->files[place + 1],
            (list->count - place) * sizeof(list->files[0]));
}


/*
 * By its last record where that is known.  Else by the name of the next log,
 * which is above every position in the logs before it.
 */

bool
flow_store_is_covered(const flow_store_list_t *logs, uint32_t place,
    const flow_position_t *image)
{
    flow_position_t           next;
    const flow_store_file_t  *log;

    if (place + 1 >= logs->count) {
        return false;
    }

    log = &logs->files[place];

    if (log->last.epoch != 0 && flow_store_compare(&log->last, image) <= 0) {
        return true;
    }

    next = *image;
    next.number++;

    return flow_store_compare(&logs->files[place + 1].position, &next) <= 0;
}


int64_t
flow_store_time(const struct stat *status)
{
    return (int64_t) status->st_mtim.tv_sec * 1000
           + status->st_mtim.tv_nsec / 1000000;
}


const flow_store_file_t *
flow_store_whole(const flow_store_list_t *images, uint32_t nth)
{
    uint32_t  i;

    for (i = images->count; i != 0; i--) {
        if (images->files[i - 1].state == FLOW_STORE_WHOLE && nth-- == 0) {
            return &images->files[i - 1];
        }
    }

    return NULL;
}


/* By what is in names. */

int
flow_store_compare(const flow_position_t *one, const flow_position_t *other)
{
    flow_position_t  left, right;

    left = *one;
    left.lineage = 0;

    right = *other;
    right.lineage = 0;

    return flow_position_compare(&left, &right);
}


void
flow_store_name(const flow_store_t *store, flow_store_kind_e kind,
    const flow_position_t *position, char *name)
{
    (void) snprintf(name, FLOW_STORE_FILE_MAX, "%s%s%016" PRIx64 ".%016" PRIx64,
                    store->name, flow_store_kinds[kind], position->epoch,
                    position->number);
}


void
flow_store_new_name(const flow_store_t *store, char *name)
{
    (void) snprintf(name, FLOW_STORE_FILE_MAX, "%s%s", store->name,
                    FLOW_STORE_NEW);
}


void
flow_store_remove_new(const flow_store_t *store)
{
    char         name[FLOW_STORE_FILE_MAX];
    struct stat  status;

    flow_store_new_name(store, name);

    if (fstatat(store->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISREG(status.st_mode))
    {
        (void) unlinkat(store->directory, name, 0);
    }
}


int
flow_store_write(int descriptor, const char *bytes, uint64_t length,
    uint64_t offset)
{
    size_t    piece;
    ssize_t   written;
    uint64_t  done;

    for (done = 0; done < length; done += (uint64_t) written) {

        piece = (size_t) (length - done < FLOW_STORE_PIECE ? length - done
                                                           : FLOW_STORE_PIECE);

        do {
            written = pwrite(descriptor, bytes + done, piece,
                             (off_t) (offset + done));
        } while (written == -1 && errno == EINTR);

        if (written == 0) {
            errno = ENOSPC;
        }

        if (written <= 0) {
            return FLOW_ERROR;
        }
    }

    return FLOW_OK;
}


int
flow_store_sync(int descriptor)
{
    int  result;

    do {
        result = fsync(descriptor);
    } while (result == -1 && errno == EINTR);

    return result == 0 ? FLOW_OK : FLOW_ERROR;
}


int
flow_store_sync_data(int descriptor)
{
    int  result;

    do {
        result = fdatasync(descriptor);
    } while (result == -1 && errno == EINTR);

    return result == 0 ? FLOW_OK : FLOW_ERROR;
}


int
flow_store_cut(int descriptor, uint64_t length)
{
    int  result;

    do {
        result = ftruncate(descriptor, (off_t) length);
    } while (result == -1 && errno == EINTR);

    return result == 0 ? FLOW_OK : FLOW_ERROR;
}


void
flow_store_failed(const flow_store_t *store, const char *call,
    const char *file, flow_error_t *error)
{
    flow_error_set(error, "%s() \"%s%s%s\" failed (%d: %s)", call, store->path,
                   file == NULL ? "" : "/", file == NULL ? "" : file, errno,
                   strerror(errno));
}


/* False for every name that is not exactly one of this exporter's. */

static bool
flow_store_parse(const flow_store_t *store, const char *name,
    flow_store_kind_e *kind, flow_position_t *position)
{
    size_t  length, which;

    length = strlen(store->name);

    if (strncmp(name, store->name, length) != 0) {
        return false;
    }

    name += length;

    for (which = 0; which < FLOW_STORE_KIND_COUNT; which++) {
        length = strlen(flow_store_kinds[which]);

        if (strncmp(name, flow_store_kinds[which], length) == 0) {
            *kind = (flow_store_kind_e) which;
            name += length;

            name = flow_store_parse_number(name, &position->epoch);
            if (name == NULL || *name != '.') {
                return false;
            }

            name = flow_store_parse_number(name + 1, &position->number);
            position->lineage = 1;

            return name != NULL && *name == '\0'
                   && flow_position_is_valid(position);
        }
    }

    return false;
}


/* Returns what follows the digits, or NULL. */

static const char *
flow_store_parse_number(const char *text, uint64_t *number)
{
    size_t       i;
    const char  *digit;

    static const char  digits[] = "0123456789abcdef";

    *number = 0;

    for (i = 0; i < FLOW_STORE_DIGITS; i++) {

        digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (digit == NULL) {
            return NULL;
        }

        *number = *number << 4 | (uint64_t) (digit - digits);
    }

    return text + FLOW_STORE_DIGITS;
}
