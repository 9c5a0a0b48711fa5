/*
 * Preloaded into nginx by tests: what is written to some files fails with EIO.
 *
 * FAILING_DISK names a file which may not be there.  While it is, each of its
 * lines is a pattern, see fnmatch(), of paths that are concerned.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static const char  *failing_disk_patterns;


/* nginx gives its processes another environment. */

__attribute__((constructor))
static void
failing_disk_init(void)
{
    const char  *path;

    path = getenv("FAILING_DISK");
    failing_disk_patterns = path == NULL ? NULL : strdup(path);
}


/* True, with errno, if the descriptor is of a file that is concerned. */

static int
failing_disk_fails(int descriptor)
{
    int      fails;
    char     name[64], path[PATH_MAX], pattern[PATH_MAX];
    FILE    *patterns;
    ssize_t  length;

    if (failing_disk_patterns == NULL) {
        return 0;
    }

    snprintf(name, sizeof(name), "/proc/self/fd/%d", descriptor);
    length = readlink(name, path, sizeof(path) - 1);

    patterns = length > 0 ? fopen(failing_disk_patterns, "re") : NULL;
    if (patterns == NULL) {
        return 0;
    }

    path[length] = '\0';
    fails = 0;

    while (!fails && fgets(pattern, sizeof(pattern), patterns) != NULL) {
        pattern[strcspn(pattern, "\n")] = '\0';
        fails = fnmatch(pattern, path, 0) == 0;
    }

    fclose(patterns);

    if (fails) {
        errno = EIO;
    }

    return fails;
}


/* The function that is there without this library. */

#define failing_disk_next(name)                                               \
    ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))


ssize_t
pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    return failing_disk_fails(descriptor)
           ? -1
           : failing_disk_next(pwrite)(descriptor, bytes, size, offset);
}


ssize_t
pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset)
{
    return failing_disk_fails(descriptor)
           ? -1
           : failing_disk_next(pwrite64)(descriptor, bytes, size, offset);
}


int
fdatasync(int descriptor)
{
    return failing_disk_fails(descriptor)
           ? -1
           : failing_disk_next(fdatasync)(descriptor);
}


int
fsync(int descriptor)
{
    return failing_disk_fails(descriptor)
           ? -1
           : failing_disk_next(fsync)(descriptor);
}
