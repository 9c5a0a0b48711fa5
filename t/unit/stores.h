/*
 * A counting to compare state files with: each record makes a new sum out of
 * the one before it, and an image has the sum of its position.  The reference
 * is the list of all sums that ever were.
 */

#ifndef STORES_H
#define STORES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_store.h"
#include "flow_text.h"
#include "random.h"
#include "tap.h"


#define LINEAGE        0x1122334455667788
#define POSITIONS_MAX  8192

/* Room for a file's name. */

#define NAME_SIZE      96


typedef struct {
    flow_position_t  position;
    uint64_t         sum;
} counted_t;

/* The last one is what is counted now. */

static counted_t  counted[POSITIONS_MAX];
static unsigned   counted_end;

static char             directory[] = "/tmp/flow_store.XXXXXX";

static flow_store_t     *store;
static flow_error_t      error;

/* The log that takes records has this in its name. */

static flow_position_t   log_first;


/* What a replay makes of state files. */

typedef struct {
    flow_position_t  position;
    uint64_t         sum;
    unsigned         images;
    unsigned         records;
    unsigned         wrong;
} loaded_t;


static inline counted_t *
now_counted(void)
{
    return &counted[counted_end];
}


static inline void
begin_counting(void)
{
    counted_end = 0;
    counted[0].position = (flow_position_t) { LINEAGE, 1, 0 };
    counted[0].sum = 1;
}


static inline flow_position_t
next_position(void)
{
    flow_position_t  position = now_counted()->position;

    position.number++;

    return position;
}


static inline uint64_t
next_sum(uint64_t sum, const char *record, size_t length)
{
    uint32_t  checksum;

    checksum = flow_text_checksum(record + FLOW_REDO_HEAD,
                                  length - FLOW_REDO_HEAD);

    return (sum ^ checksum) * 0x9e3779b97f4a7c15 + 1;
}


/* Bytes of a record or image: the caller frees. */

static inline char *
compose(flow_redo_type_e type, uint64_t number, size_t filling,
    const flow_position_t *position, const flow_position_t *previous)
{
    char         *bytes, *strings;
    size_t        i, size;
    flow_redo_t   redo;

    strings = malloc(filling + 1);

    for (i = 0; i < filling + 1; i++) {
        strings[i] = (char) (i == 0 || filling < 4096 ? random_below(256) : i);
    }

    size = FLOW_REDO_HEAD + 16 + filling + 1;
    bytes = malloc(size);

    flow_redo_begin(&redo, bytes, size);
    flow_redo_add_strings(&redo, number, strings, filling + 1);
    (void) flow_redo_end(&redo, type, position, previous);

    free(strings);

    return bytes;
}


/* Counts once more, and returns the record of that. */

static inline char *
count(const flow_position_t *position, size_t filling)
{
    char              *record;
    const counted_t   *before = now_counted();

    record = compose(FLOW_REDO_RECORD, random_below(1000), filling, position,
                     &before->position);

    counted[counted_end + 1].position = *position;
    counted[counted_end + 1].sum = next_sum(before->sum, record,
                                       FLOW_REDO_HEAD + 16 + filling + 1);
    counted_end++;

    return record;
}


static inline char *
image_of(const counted_t *state, size_t filling)
{
    return compose(FLOW_REDO_IMAGE, state->sum, filling, &state->position,
                   &state->position);
}


static inline const counted_t *
find_counted(const flow_position_t *position)
{
    unsigned  i;

    for (i = 0; i <= counted_end; i++) {
        if (flow_position_compare(&counted[i].position, position) == 0) {
            return &counted[i];
        }
    }

    return NULL;
}


static inline int
load(void *data, const char *bytes, flow_error_t *sentence)
{
    loaded_t          *loaded = data;
    flow_redo_head_t   head;
    flow_redo_walk_t   walk;

    (void) sentence;

    if (flow_redo_head(bytes, FLOW_REDO_HEAD, &head) != FLOW_OK
        || !flow_redo_is_whole(bytes, head.length))
    {
        loaded->wrong++;
        return FLOW_OK;
    }

    if (head.type == FLOW_REDO_IMAGE) {
        loaded->images++;

        flow_redo_walk(&walk, bytes);

        if (flow_redo_next(&walk) != FLOW_OK) {
            loaded->wrong++;
            return FLOW_OK;
        }

        memcpy(&loaded->sum, walk.items, sizeof(loaded->sum));

    } else {
        loaded->records++;
        loaded->sum = next_sum(loaded->sum, bytes, head.length);
        loaded->wrong += flow_position_compare(&head.previous,
                                               &loaded->position) != 0;
    }

    loaded->position = head.position;

    return FLOW_OK;
}


/* Replays all; true if that is the reference at the store's end. */

static inline bool
replays_reference(loaded_t *loaded)
{
    const counted_t  *reference;

    memset(loaded, 0, sizeof(*loaded));

    if (flow_store_replay(store, NULL, load, loaded, &error) != FLOW_OK) {
        return false;
    }

    reference = find_counted(flow_store_end(store));

    return reference != NULL
           && loaded->wrong == 0
           && loaded->images == 1
           && flow_position_compare(&loaded->position, &reference->position)
              == 0
           && loaded->sum == reference->sum;
}


static inline bool
open_store(void)
{
    error.text[0] = '\0';
    store = flow_store_open(directory, "default", &error);

    return store != NULL;
}


static inline void
close_store(void)
{
    flow_store_close(store);
    store = NULL;
}


static inline int
scan(void)
{
    return open_store() ? flow_store_scan(store, &error) : FLOW_ERROR;
}


static inline bool
begin_log(const flow_position_t *first)
{
    log_first = *first;

    return flow_store_begin_log(store, first, &error) == FLOW_OK;
}


static inline bool
write_image(void)
{
    int    rc;
    char  *image;

    image = image_of(now_counted(), random_below(300));
    rc = flow_store_write_image(store, image, &error);
    free(image);

    return rc == FLOW_OK;
}


/* A new log and an image of what is counted now. */

static inline bool
renew(void)
{
    flow_position_t  first = next_position();

    return begin_log(&first) && write_image();
}


static inline bool
append(const flow_position_t *position, size_t filling)
{
    int    rc;
    char  *record;

    record = count(position, filling);
    rc = flow_store_append(store, record, &error);
    free(record);

    return rc == FLOW_OK;
}


static inline bool
append_next(size_t filling)
{
    flow_position_t  position = next_position();

    return append(&position, filling);
}


/* Scans, replays, and is at the end of what is counted. */

static inline bool
comes_back(void)
{
    loaded_t  loaded;

    return scan() == FLOW_OK
           && flow_position_compare(flow_store_end(store),
                                    &now_counted()->position) == 0
           && flow_position_compare(flow_store_newest(store),
                                    flow_store_end(store)) == 0
           && replays_reference(&loaded);
}


static inline void
name_of(const char *kind, const flow_position_t *position, char *name)
{
    snprintf(name, NAME_SIZE, "default.%s.%016llx.%016llx", kind,
             (unsigned long long) position->epoch,
             (unsigned long long) position->number);
}


static inline void
path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", directory, name);
}


static inline bool
make_directory(void)
{
    return mkdtemp(directory) != NULL;
}


/* Removes all files. */

static inline void
empty_directory(void)
{
    DIR            *entries;
    char            path[512];
    struct dirent  *entry;

    entries = opendir(directory);

    while (entries != NULL && (entry = readdir(entries)) != NULL) {

        if (entry->d_name[0] != '.') {
            path_of(entry->d_name, path, sizeof(path));
            (void) remove(path);
        }
    }

    if (entries != NULL) {
        closedir(entries);
    }
}


static inline void
remove_directory(void)
{
    empty_directory();
    (void) rmdir(directory);
}


static inline bool
is_there(const char *name)
{
    char         path[512];
    struct stat  status;

    path_of(name, path, sizeof(path));

    return lstat(path, &status) == 0;
}


/* The bytes of a file, which the caller frees. */

static inline char *
read_file(const char *name, size_t *size)
{
    char         *bytes;
    char          path[512];
    FILE         *file;
    struct stat   status;

    *size = 0;
    path_of(name, path, sizeof(path));

    file = fopen(path, "rb");

    if (file == NULL) {
        return NULL;
    }

    (void) fstat(fileno(file), &status);
    bytes = malloc((size_t) status.st_size + 1);
    *size = fread(bytes, 1, (size_t) status.st_size, file);
    fclose(file);

    return bytes;
}


static inline void
write_file(const char *name, const char *bytes, size_t size)
{
    char   path[512];
    FILE  *file;

    path_of(name, path, sizeof(path));

    file = fopen(path, "wb");

    if (file != NULL) {
        if (size != 0) {
            (void) !fwrite(bytes, 1, size, file);
        }

        fclose(file);
    }
}


/* All files of the directory, to bring it back to what it was. */

#define SAVED_MAX  32

typedef struct {
    char    name[NAME_SIZE];
    char   *bytes;
    size_t  size;
} saved_file_t;

typedef struct {
    saved_file_t  files[SAVED_MAX];
    unsigned      count;
} saved_t;


static inline int
compare_saved(const void *one, const void *other)
{
    return strcmp(((const saved_file_t *) one)->name,
                  ((const saved_file_t *) other)->name);
}


static inline void
save_directory(saved_t *saved)
{
    DIR            *entries;
    saved_file_t   *file;
    struct dirent  *entry;

    saved->count = 0;
    entries = opendir(directory);

    while (entries != NULL && (entry = readdir(entries)) != NULL
           && saved->count < SAVED_MAX)
    {
        if (entry->d_name[0] != '.') {
            file = &saved->files[saved->count++];
            snprintf(file->name, sizeof(file->name), "%.95s", entry->d_name);
            file->bytes = read_file(file->name, &file->size);
        }
    }

    if (entries != NULL) {
        closedir(entries);
    }

    qsort(saved->files, saved->count, sizeof(saved_file_t), compare_saved);
}


static inline void
restore_directory(const saved_t *saved)
{
    unsigned  i;

    empty_directory();

    for (i = 0; i < saved->count; i++) {
        write_file(saved->files[i].name, saved->files[i].bytes,
                   saved->files[i].size);
    }
}


static inline void
forget_saved(saved_t *saved)
{
    unsigned  i;

    for (i = 0; i < saved->count; i++) {
        free(saved->files[i].bytes);
    }
}


#endif /* STORES_H */
