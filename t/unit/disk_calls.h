/*
 * The system calls by which the store writes: with the linker's --wrap a test
 * has its own in their place, and libc's beside them.
 */

#ifndef DISK_CALLS_H
#define DISK_CALLS_H

#include <sys/types.h>


int __real_openat(int at, const char *path, int flags, ...);
ssize_t __real_pwrite(int descriptor, const void *bytes, size_t size,
    off_t offset);
int __real_ftruncate(int descriptor, off_t size);
int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __real_unlinkat(int at, const char *path, int flags);

int __wrap_openat(int at, const char *path, int flags, ...);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t size,
    off_t offset);
int __wrap_ftruncate(int descriptor, off_t size);
int __wrap_fsync(int descriptor);
int __wrap_fdatasync(int descriptor);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_unlinkat(int at, const char *path, int flags);


#endif /* DISK_CALLS_H */
