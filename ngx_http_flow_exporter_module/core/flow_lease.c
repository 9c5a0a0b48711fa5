/*
 * The lease file: who may consume and write; see flow_lease.h.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_lease.h"
#include "flow_text.h"


#define FLOW_LEASE_MAGIC    "FLOWLEAS"
#define FLOW_LEASE_VERSION  1

/* Only its owner, and root, may see and lock it. */

#define FLOW_LEASE_MODE     (S_IRUSR | S_IWUSR)


typedef struct {
    char      magic[8];
    uint32_t  version;
    uint32_t  holder;
    int64_t   taken;
    uint64_t  unused;
} flow_lease_record_t;

static_assert(sizeof(flow_lease_record_t) == 32, "size of the lease file");


static int flow_lease_open(const char *path, int flags, flow_error_t *error);
static pid_t flow_lease_holder(int descriptor);
static int flow_lease_write(int descriptor, int64_t now);


int
flow_lease_prepare(const char *path, uid_t owner, gid_t group,
    flow_error_t *error)
{
    int          descriptor, result;
    struct stat  file;

    descriptor = flow_lease_open(path, O_CREAT, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    result = FLOW_OK;

    /*
     * the directory may belong to an unprivileged user, who must not make
     * root give away another file by a link
     */

    if (fstat(descriptor, &file) == -1
        || !S_ISREG(file.st_mode)
        || file.st_nlink != 1)
    {
        flow_error_set(error, "\"%s\" is not a plain file of its own", path);
        result = FLOW_ERROR;

    } else if (owner != (uid_t) -1 && fchown(descriptor, owner, group) == -1) {
        flow_error_set(error, "fchown() \"%s\" failed (%d: %s)", path, errno,
                       strerror(errno));
        result = FLOW_ERROR;
    }

    (void) close(descriptor);

    return result;
}


void
flow_lease_init(flow_lease_t *lease, const char *path)
{
    memset(lease, 0, sizeof(*lease));
    lease->descriptor = -1;
    lease->path = path;
}


int
flow_lease_take(flow_lease_t *lease, int64_t now, pid_t *holder,
    flow_error_t *error)
{
    int          descriptor;
    struct stat  held;

    descriptor = flow_lease_open(lease->path, O_CREAT, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    if (flock(descriptor, LOCK_EX | LOCK_NB) == -1) {

        if (errno == EWOULDBLOCK || errno == EINTR) {
            *holder = flow_lease_holder(descriptor);
            (void) close(descriptor);
            return FLOW_AGAIN;
        }

        flow_error_set(error, "flock() \"%s\" failed (%d: %s)", lease->path,
                       errno, strerror(errno));
        (void) close(descriptor);
        return FLOW_ERROR;
    }

    if (fstat(descriptor, &held) == -1
        || flow_lease_write(descriptor, now) != FLOW_OK)
    {
        flow_error_set(error, "writing \"%s\" failed (%d: %s)", lease->path,
                       errno, strerror(errno));
        (void) close(descriptor);
        return FLOW_ERROR;
    }

    lease->descriptor = descriptor;
    lease->device = held.st_dev;
    lease->inode = held.st_ino;

    /* between open() and flock() somebody may have replaced the file */

    if (flow_lease_check(lease) != FLOW_OK) {
        flow_lease_close(lease);
        *holder = 0;
        return FLOW_AGAIN;
    }

    return FLOW_OK;
}


int
flow_lease_check(const flow_lease_t *lease)
{
    struct stat  present;

    if (stat(lease->path, &present) == -1
        || present.st_dev != lease->device
        || present.st_ino != lease->inode)
    {
        return FLOW_DECLINED;
    }

    return FLOW_OK;
}


void
flow_lease_close(flow_lease_t *lease)
{
    if (lease->descriptor != -1) {
        (void) close(lease->descriptor);
        lease->descriptor = -1;
    }
}


static int
flow_lease_open(const char *path, int flags, flow_error_t *error)
{
    int  descriptor;

    descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags,
                      FLOW_LEASE_MODE);

    if (descriptor == -1) {
        flow_error_set(error, "open() \"%s\" failed (%d: %s)", path, errno,
                       strerror(errno));
    }

    return descriptor;
}


static pid_t
flow_lease_holder(int descriptor)
{
    flow_lease_record_t  record;

    if (pread(descriptor, &record, sizeof(record), 0) != sizeof(record)
        || memcmp(record.magic, FLOW_LEASE_MAGIC, sizeof(record.magic)) != 0
        || record.version != FLOW_LEASE_VERSION)
    {
        return 0;
    }

    return (pid_t) record.holder;
}


static int
flow_lease_write(int descriptor, int64_t now)
{
    flow_lease_record_t  record;

    memset(&record, 0, sizeof(record));
    memcpy(record.magic, FLOW_LEASE_MAGIC, sizeof(record.magic));
    record.version = FLOW_LEASE_VERSION;
    record.holder = (uint32_t) getpid();
    record.taken = now;

    errno = ENOSPC;

    return pwrite(descriptor, &record, sizeof(record), 0) == sizeof(record)
           ? FLOW_OK
           : FLOW_ERROR;
}
