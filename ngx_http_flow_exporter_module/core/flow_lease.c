/*
 * The lease file: who may consume and write, and which zone may be shown; see
 * flow_lease.h.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_lease.h"
#include "flow_text.h"


#define FLOW_LEASE_MAGIC    "FLOWLEAS"
#define FLOW_LEASE_VERSION  2

/* Only its owner, and root, may see and lock it. */

#define FLOW_LEASE_MODE     (S_IRUSR | S_IWUSR)

/* A record that is being written is whole within a microsecond. */

#define FLOW_LEASE_TRIES    100


typedef struct {
    char      magic[8];
    uint32_t  version;
    uint32_t  holder;
    int64_t   taken;
    uint64_t  zone;
    uint64_t  epoch;
    uint32_t  marked;
    uint32_t  unused[4];
    uint32_t  checksum;
} flow_lease_record_t;

static_assert(sizeof(flow_lease_record_t) == 64, "size of the lease file");


static int flow_lease_open(const char *path, int flags, flow_error_t *error);
static int flow_lease_allocate(int descriptor, const char *path,
    flow_error_t *error);
static int flow_lease_enter(int descriptor, int64_t now);
static int flow_lease_sync_directory(const char *path);
static bool flow_lease_load_path(const char *path,
    flow_lease_record_t *record);
static bool flow_lease_load(int descriptor, flow_lease_record_t *record);
static int flow_lease_store(int descriptor, flow_lease_record_t *record);
static uint32_t flow_lease_checksum(const flow_lease_record_t *record);
static int flow_lease_failed(const char *call, const char *path,
    flow_error_t *error);


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
        result = flow_lease_failed("fchown()", path, error);

    } else {
        result = flow_lease_allocate(descriptor, path, error);
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
    int                  descriptor;
    struct stat          held;
    flow_lease_record_t  record;

    descriptor = flow_lease_open(lease->path, O_CREAT, error);
    if (descriptor == -1) {
        return FLOW_ERROR;
    }

    if (flock(descriptor, LOCK_EX | LOCK_NB) == -1) {

        if (errno == EWOULDBLOCK || errno == EINTR) {
            *holder = flow_lease_load(descriptor, &record)
                      ? (pid_t) record.holder : 0;
            (void) close(descriptor);
            return FLOW_AGAIN;
        }

        (void) flow_lease_failed("flock()", lease->path, error);
        (void) close(descriptor);
        return FLOW_ERROR;
    }

    if (flow_lease_allocate(descriptor, lease->path, error) != FLOW_OK) {
        (void) close(descriptor);
        return FLOW_ERROR;
    }

    if (fstat(descriptor, &held) == -1
        || flow_lease_enter(descriptor, now) != FLOW_OK)
    {
        (void) flow_lease_failed("writing", lease->path, error);
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


bool
flow_lease_read(const flow_lease_t *lease, flow_lease_state_t *state)
{
    flow_lease_record_t  record;

    memset(state, 0, sizeof(*state));

    /* flow_lease_take() has made a record of any file */

    if (!flow_lease_load(lease->descriptor, &record) || record.epoch == 0) {
        return false;
    }

    state->zone = record.zone;
    state->epoch = record.epoch;
    state->marked = record.marked != 0;

    return true;
}


int
flow_lease_write(const flow_lease_t *lease, const flow_lease_state_t *state,
    flow_error_t *error)
{
    flow_lease_record_t  record;

    if (!flow_lease_load(lease->descriptor, &record)) {
        memset(&record, 0, sizeof(record));
        record.holder = (uint32_t) getpid();
    }

    record.zone = state->zone;
    record.epoch = state->epoch;
    record.marked = state->marked;

    if (flow_lease_store(lease->descriptor, &record) != FLOW_OK
        || fdatasync(lease->descriptor) == -1
        || flow_lease_sync_directory(lease->path) != FLOW_OK)
    {
        return flow_lease_failed("writing", lease->path, error);
    }

    return FLOW_OK;
}


uint64_t
flow_lease_zone(const char *path)
{
    flow_lease_record_t  record;

    return flow_lease_load_path(path, &record) ? record.zone : 0;
}


pid_t
flow_lease_holder(const char *path)
{
    flow_lease_record_t  record;

    return flow_lease_load_path(path, &record) ? (pid_t) record.holder
                                               : 0;
}


int
flow_lease_look(const char *path, flow_lease_view_t *view,
    flow_error_t *error)
{
    int                  descriptor, result;
    flow_lease_record_t  record;

    memset(view, 0, sizeof(*view));
    memset(&record, 0, sizeof(record));

    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (descriptor == -1) {

        if (errno == ENOENT) {
            return FLOW_DECLINED;
        }

        return flow_lease_failed("open()", path, error);
    }

    /* others may look at the same moment: a lock that is shared */

    view->held = flock(descriptor, LOCK_SH | LOCK_NB) == -1
                 && errno == EWOULDBLOCK;

    result = FLOW_OK;

    if (flow_lease_load(descriptor, &record)) {
        view->holder = (pid_t) record.holder;
        view->taken = record.taken;
        view->state.zone = record.zone;
        view->state.epoch = record.epoch;
        view->state.marked = record.marked != 0;

    } else if (record.magic[0] != '\0') {
        flow_error_set(error, "\"%s\" is damaged, or of another version",
                       path);
        result = FLOW_ERROR;
    }

    (void) close(descriptor);

    return result;
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
        (void) flow_lease_failed("open()", path, error);
    }

    return descriptor;
}


/* Leaves what is in the file: its holder may be writing. */

static int
flow_lease_allocate(int descriptor, const char *path, flow_error_t *error)
{
    struct stat  file;

    if (fstat(descriptor, &file) == -1) {
        return flow_lease_failed("fstat()", path, error);
    }

    if (file.st_size >= (off_t) sizeof(flow_lease_record_t)) {
        return FLOW_OK;
    }

    errno = posix_fallocate(descriptor, 0, sizeof(flow_lease_record_t));

    if (errno != 0) {
        return flow_lease_failed("posix_fallocate()", path, error);
    }

    return FLOW_OK;
}


/* Makes this process the holder that the record names. */

static int
flow_lease_enter(int descriptor, int64_t now)
{
    flow_lease_record_t  record;

    if (!flow_lease_load(descriptor, &record)) {
        memset(&record, 0, sizeof(record));
    }

    record.holder = (uint32_t) getpid();
    record.taken = now;

    return flow_lease_store(descriptor, &record);
}


/* The record, for who does not hold the file. */

static bool
flow_lease_load_path(const char *path, flow_lease_record_t *record)
{
    int   descriptor;
    bool  whole;

    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor == -1) {
        return false;
    }

    whole = flow_lease_load(descriptor, record);

    (void) close(descriptor);

    return whole;
}


/* True with a whole record, which may be written while it is read. */

static bool
flow_lease_load(int descriptor, flow_lease_record_t *record)
{
    int  i;

    for (i = 0; i < FLOW_LEASE_TRIES; i++) {

        if (pread(descriptor, record, sizeof(*record), 0) == sizeof(*record)
            && memcmp(record->magic, FLOW_LEASE_MAGIC, sizeof(record->magic))
               == 0
            && record->version == FLOW_LEASE_VERSION
            && record->checksum == flow_lease_checksum(record))
        {
            return true;
        }
    }

    return false;
}


static int
flow_lease_store(int descriptor, flow_lease_record_t *record)
{
    memcpy(record->magic, FLOW_LEASE_MAGIC, sizeof(record->magic));
    record->version = FLOW_LEASE_VERSION;
    record->checksum = flow_lease_checksum(record);

    errno = ENOSPC;

    return pwrite(descriptor, record, sizeof(*record), 0) == sizeof(*record)
           ? FLOW_OK
           : FLOW_ERROR;
}


static uint32_t
flow_lease_checksum(const flow_lease_record_t *record)
{
    return flow_text_checksum((const char *) record,
                              offsetof(flow_lease_record_t, checksum));
}


/*
 * A new file is on the disk when its directory is.  One that may not be read
 * is not that of the state files, nor is one of a file system without such a
 * sync.
 */

static int
flow_lease_sync_directory(const char *path)
{
    int          descriptor, result;
    char         directory[PATH_MAX];
    const char  *slash;

    slash = strrchr(path, '/');

    if (slash == NULL || slash - path >= PATH_MAX - 1) {
        errno = ENAMETOOLONG;
        return FLOW_ERROR;
    }

    memcpy(directory, path, slash - path + 1);
    directory[slash - path + 1] = '\0';

    descriptor = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (descriptor == -1) {
        return errno == EACCES ? FLOW_OK : FLOW_ERROR;
    }

    result = fsync(descriptor) == 0 || errno == EINVAL ? FLOW_OK : FLOW_ERROR;

    (void) close(descriptor);

    return result;
}


/* By the last system call's errno. */

static int
flow_lease_failed(const char *call, const char *path, flow_error_t *error)
{
    flow_error_set(error, "%s \"%s\" failed (%d: %s)", call, path, errno,
                   strerror(errno));

    return FLOW_ERROR;
}
