/*
 * The system calls by which the store writes, in the place of libc's by the
 * linker's --wrap: they are counted, and one of them can fail.  Nothing is
 * synced: the tests have no power cut of their own.
 */

#ifndef DISK_H
#define DISK_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "disk_calls.h"


typedef enum {
    DISK_WORKS = 0,
    DISK_FAILS,           /* one call */
    DISK_FAILS_TWICE,     /* the next one too */
    DISK_IS_SHORT,        /* writes half */
    DISK_IS_FULL,         /* the same, and then fails */
    DISK_IS_INTERRUPTED,
    DISK_DIES,            /* all calls from then on */
    DISK_FAULT_COUNT
} disk_fault_e;


static disk_fault_e      disk_fault;
static _Atomic unsigned  disk_calls;
static unsigned          disk_at;          /* the call that fails, from 1 on */
static int               disk_error;


/* From now on the n-th call meets the fault. */

static inline void
disk_begin(disk_fault_e fault, unsigned at, int code)
{
    disk_calls = 0;
    disk_fault = fault;
    disk_at = at;
    disk_error = code;
}


/* Counts a call; true if it fails, with errno set. */

static inline bool
disk_fails(bool restarts)
{
    unsigned  call = ++disk_calls;

    errno = disk_error;

    switch (disk_fault) {

    case DISK_FAILS:
        return call == disk_at;

    case DISK_FAILS_TWICE:
        return call == disk_at || call == disk_at + 1;

    case DISK_IS_FULL:
        errno = ENOSPC;
        return call == disk_at + 1;

    case DISK_IS_INTERRUPTED:
        errno = EINTR;
        return restarts && call == disk_at;

    case DISK_DIES:
        return call >= disk_at;

    case DISK_WORKS:
    case DISK_IS_SHORT:
    case DISK_FAULT_COUNT:
    default:
        return false;
    }
}


int
__wrap_openat(int at, const char *path, int flags, ...)
{
    va_list   args;
    unsigned  mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);

    return disk_fails(false) ? -1 : __real_openat(at, path, flags, mode);
}


ssize_t
__wrap_pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    if (disk_fails(true)) {
        return -1;
    }

    if ((disk_fault == DISK_IS_SHORT || disk_fault == DISK_IS_FULL)
        && disk_calls == disk_at)
    {
        size = size / 2 + (size == 1);
    }

    return __real_pwrite(descriptor, bytes, size, offset);
}


int
__wrap_ftruncate(int descriptor, off_t size)
{
    return disk_fails(true) ? -1 : __real_ftruncate(descriptor, size);
}


int
__wrap_fsync(int descriptor)
{
    (void) descriptor;

    return disk_fails(true) ? -1 : 0;
}


int
__wrap_fdatasync(int descriptor)
{
    (void) descriptor;

    return disk_fails(true) ? -1 : 0;
}


int
__wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
    return disk_fails(false) ? -1 : __real_renameat(from_at, from, to_at, to);
}


int
__wrap_unlinkat(int at, const char *path, int flags)
{
    return disk_fails(false) ? -1 : __real_unlinkat(at, path, flags);
}


#endif /* DISK_H */
