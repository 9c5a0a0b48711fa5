/*
 * What the disk has when the power fails.  The system calls by which the store
 * writes are recorded, in the place of libc's by the linker's --wrap.  At a
 * power cut after any of them the disk has all that was synced, and of what
 * was not: of each file's writes some blocks, of the directory's changes the
 * first few, or nothing.
 */

#ifndef POWER_H
#define POWER_H

#include <errno.h>
#include <stdarg.h>

#include "disk_calls.h"
#include "stores.h"


#define CALLS_MAX    4096
#define INODES_MAX   512
#define ENTRIES_MAX  64
#define BLOCK        512


typedef enum {
    CALL_CREATE = 0,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_WRITE,
    CALL_CUT,
    CALL_SYNC,
    CALL_SYNC_DIRECTORY,
    CALL_DURABLE            /* none: what was counted is durable now */
} call_e;

typedef struct {
    call_e    what;
    int       inode;
    char      name[NAME_SIZE];
    char      other[NAME_SIZE];
    char     *bytes;
    size_t    size;
    size_t    offset;
    unsigned  counted;
} call_t;

/* A file as the disk has it after all calls that count. */

typedef struct {
    char     *bytes;
    size_t    size;
} inode_t;

typedef struct {
    char  name[NAME_SIZE];
    int   inode;
} entry_t;


static call_t    calls[CALLS_MAX];
static unsigned  call_count;
static bool      recording;

/* The process is killed before this call, and does nothing more; 0: never. */

static unsigned  killed_at;
static bool      killed;

static int       inode_of[1024];     /* by descriptor */
static int       inode_count;

/* what there was at the start of the recording */
static inode_t   first_inodes[INODES_MAX];
static entry_t   first_on_disk[ENTRIES_MAX];
static unsigned  first_count;

static inode_t   inodes[INODES_MAX];
static entry_t   on_disk[ENTRIES_MAX];
static unsigned  entry_count;


/* True from when the process is dead. */

static inline bool
is_dead(void)
{
    if (recording && killed_at != 0 && call_count >= killed_at) {
        killed = true;
        errno = EIO;
        return true;
    }

    return false;
}


static inline call_t *
record_call(call_e what, const char *name)
{
    static call_t   none;
    call_t         *call;

    call = recording && call_count < CALLS_MAX ? &calls[call_count++] : &none;

    memset(call, 0, sizeof(*call));
    call->what = what;
    snprintf(call->name, sizeof(call->name), "%s", name);

    return call;
}


/* The entry of a name as the process sees it, or NULL. */

static inline entry_t *
find_entry(const char *name)
{
    unsigned  i;

    for (i = 0; i < entry_count; i++) {
        if (strcmp(on_disk[i].name, name) == 0) {
            return &on_disk[i];
        }
    }

    return NULL;
}


static inline void
remove_entry(const char *name)
{
    entry_t  *entry = find_entry(name);

    if (entry != NULL) {
        *entry = on_disk[--entry_count];
    }
}


static inline void
apply_to_directory(const call_t *call)
{
    int       inode = call->inode;
    entry_t  *entry;

    if (call->what == CALL_RENAME) {
        entry = find_entry(call->name);
        inode = entry != NULL ? entry->inode : -1;
    }

    remove_entry(call->name);

    if (call->what == CALL_UNLINK || inode == -1) {
        return;
    }

    if (call->what == CALL_RENAME) {
        remove_entry(call->other);
    }

    entry = &on_disk[entry_count++];
    entry->inode = inode;
    snprintf(entry->name, sizeof(entry->name), "%s",
             call->what == CALL_RENAME ? call->other : call->name);
}


static inline void
resize(inode_t *inode, size_t size)
{
    inode->bytes = realloc(inode->bytes, size + 1);

    if (size > inode->size) {
        memset(inode->bytes + inode->size, 0, size - inode->size);
    }

    inode->size = size;
}


/* "whole": else some blocks of the write reached the disk, or none. */

static inline void
apply_to_inode(const call_t *call, bool whole)
{
    size_t    at, size, end;
    inode_t  *inode = &inodes[call->inode];

    if (call->what == CALL_CUT) {
        resize(inode, call->size);
        return;
    }

    if (inode->size < call->offset + call->size) {
        resize(inode, whole || random_below(2) == 0
                      ? call->offset + call->size
                      : call->offset + random_below(call->size + 1));
    }

    end = 0;

    if (inode->size > call->offset) {
        end = inode->size - call->offset;
        end = end < call->size ? end : call->size;
    }

    for (at = 0; at < end; at += size) {
        size = end - at < BLOCK ? end - at : BLOCK;

        if (whole || random_below(2) == 0) {
            memcpy(inode->bytes + call->offset + at, call->bytes + at, size);
        }
    }
}


static inline bool
is_of_directory(const call_t *call)
{
    return call->what <= CALL_UNLINK;
}


static inline bool
is_of_inode(const call_t *call)
{
    return call->what == CALL_WRITE || call->what == CALL_CUT;
}


/* True if a later call before "end" syncs what this one did. */

static inline bool
is_synced(unsigned which, unsigned end)
{
    unsigned       i;
    const call_t  *call = &calls[which];

    for (i = which + 1; i < end; i++) {

        if (is_of_directory(call) ? calls[i].what == CALL_SYNC_DIRECTORY
                                  : calls[i].what == CALL_SYNC
                                    && calls[i].inode == call->inode)
        {
            return true;
        }
    }

    return false;
}


static inline void
load_first(void)
{
    int  i;

    for (i = 0; i < INODES_MAX; i++) {
        inodes[i].size = 0;

        if (first_inodes[i].bytes != NULL) {
            resize(&inodes[i], first_inodes[i].size);
            memcpy(inodes[i].bytes, first_inodes[i].bytes,
                   first_inodes[i].size);
        }
    }

    memcpy(on_disk, first_on_disk, sizeof(on_disk));
    entry_count = first_count;
}


/* Begins to record, with the directory as it is. */

static inline void
begin_recording(void)
{
    saved_t   saved;
    unsigned  i;

    save_directory(&saved);

    for (i = 0; i < call_count; i++) {
        free(calls[i].bytes);
    }

    for (i = 0; i < INODES_MAX; i++) {
        free(first_inodes[i].bytes);
        first_inodes[i].bytes = NULL;
        first_inodes[i].size = 0;
    }

    for (i = 0; i < saved.count; i++) {
        first_inodes[i].bytes = saved.files[i].bytes;
        first_inodes[i].size = saved.files[i].size;
        first_on_disk[i].inode = (int) i;
        snprintf(first_on_disk[i].name, sizeof(first_on_disk[i].name), "%s",
                 saved.files[i].name);
    }

    first_count = saved.count;
    inode_count = (int) saved.count;
    call_count = 0;
    recording = true;
    load_first();
}


/* Fills the directory with what the disk has after the first "end" calls. */

static inline void
cut_power(unsigned end)
{
    bool      stopped = false;
    unsigned  i;

    recording = false;
    load_first();

    for (i = 0; i < end; i++) {

        if (is_of_directory(&calls[i])) {
            stopped |= !is_synced(i, end) && random_below(3) == 0;

            if (!stopped) {
                apply_to_directory(&calls[i]);
            }

        } else if (is_of_inode(&calls[i])) {
            apply_to_inode(&calls[i],
                           is_synced(i, end) || random_below(3) == 0);
        }
    }

    empty_directory();

    for (i = 0; i < entry_count; i++) {
        write_file(on_disk[i].name, inodes[on_disk[i].inode].bytes,
                   inodes[on_disk[i].inode].size);
    }
}


/* How far what was counted was said to be durable, after "end" calls. */

static inline unsigned
durable_after(unsigned end)
{
    unsigned  durable = 0;

    while (end-- != 0) {
        if (calls[end].what == CALL_DURABLE) {
            durable = calls[end].counted;
            break;
        }
    }

    return durable;
}


int
__wrap_openat(int at, const char *path, int flags, ...)
{
    int       descriptor;
    call_t   *call;
    entry_t  *entry;
    va_list   args;
    unsigned  mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);

    if (is_dead()) {
        return -1;
    }

    descriptor = __real_openat(at, path, flags, mode);

    if (descriptor == -1 || !recording) {
        return descriptor;
    }

    entry = find_entry(path);

    if (entry == NULL && (flags & O_CREAT) != 0) {
        call = record_call(CALL_CREATE, path);
        call->inode = inode_count++;
        apply_to_directory(call);
        entry = find_entry(path);
    }

    inode_of[descriptor] = entry != NULL ? entry->inode : -1;

    return descriptor;
}


ssize_t
__wrap_pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    call_t  *call;

    if (is_dead()) {
        return -1;
    }

    if (recording) {
        call = record_call(CALL_WRITE, "");
        call->inode = inode_of[descriptor];
        call->size = size;
        call->offset = (size_t) offset;
        call->bytes = malloc(size);
        memcpy(call->bytes, bytes, size);
    }

    return __real_pwrite(descriptor, bytes, size, offset);
}


int
__wrap_ftruncate(int descriptor, off_t size)
{
    call_t  *call;

    if (is_dead()) {
        return -1;
    }

    call = record_call(CALL_CUT, "");
    call->inode = inode_of[descriptor];
    call->size = (size_t) size;

    return __real_ftruncate(descriptor, size);
}


int
__wrap_fsync(int descriptor)
{
    call_t       *call;
    struct stat   status;

    if (is_dead()) {
        return -1;
    }

    if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
        record_call(CALL_SYNC_DIRECTORY, "");

    } else {
        call = record_call(CALL_SYNC, "");
        call->inode = inode_of[descriptor];
    }

    return 0;
}


int
__wrap_fdatasync(int descriptor)
{
    return __wrap_fsync(descriptor);
}


int
__wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
    call_t  *call;

    if (is_dead()) {
        return -1;
    }

    call = record_call(CALL_RENAME, from);
    snprintf(call->other, sizeof(call->other), "%s", to);

    if (recording) {
        apply_to_directory(call);
    }

    return __real_renameat(from_at, from, to_at, to);
}


int
__wrap_unlinkat(int at, const char *path, int flags)
{
    call_t  *call;

    if (is_dead()) {
        return -1;
    }

    call = record_call(CALL_UNLINK, path);

    if (recording) {
        apply_to_directory(call);
    }

    return __real_unlinkat(at, path, flags);
}


#endif /* POWER_H */
