/*
 * flow_lease: one process holds it, until it ends in whatever way; nobody
 * holds a file that is not the one at its path.  What its holder says about
 * the zone is believed when it is whole, and by nobody else.
 *
 * Calls that reach the file go through functions of this test (--wrap).
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow_lease.h"
#include "flow_text.h"
#include "tap.h"


#define RECORD  64      /* bytes of the file */
#define ROOM    100     /* for more than those */


static char  directory[] = "/tmp/flow_lease.XXXXXX";
static char  path[sizeof(directory) + 32];
static char  other[sizeof(directory) + 32];

static unsigned  reads;         /* calls of pread() */
static unsigned  torn;          /* so many of the next ones are torn */
static char      calls[64];     /* others, a letter each */
static char      failing;       /* the one that fails */


ssize_t __real_pread(int descriptor, void *data, size_t size, off_t offset);
ssize_t __real_pwrite(int descriptor, const void *data, size_t size,
    off_t offset);
ssize_t __wrap_pread(int descriptor, void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int descriptor, const void *data, size_t size,
    off_t offset);
int __wrap_fdatasync(int descriptor);
int __wrap_fsync(int descriptor);


ssize_t
__wrap_pread(int descriptor, void *data, size_t size, off_t offset)
{
    ssize_t  got;

    reads++;
    got = __real_pread(descriptor, data, size, offset);

    if (torn != 0 && got > 0) {
        torn--;
        memset((char *) data + got / 2, 0, got - got / 2);
    }

    return got;
}


/* Notes the call; true if it is the one that fails. */

static bool
called(char call)
{
    size_t  len = strlen(calls);

    if (len < sizeof(calls) - 1) {
        calls[len] = call;
        calls[len + 1] = '\0';
    }

    errno = EIO;

    return call == failing;
}


ssize_t
__wrap_pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return called('w') ? -1 : __real_pwrite(descriptor, data, size, offset);
}


int
__wrap_fdatasync(int descriptor)
{
    return called('d') || fcntl(descriptor, F_GETFD) == -1 ? -1 : 0;
}


/* Only a directory is synced in this way. */

int
__wrap_fsync(int descriptor)
{
    struct stat  file;

    return called('f') || fstat(descriptor, &file) == -1
           || !S_ISDIR(file.st_mode) ? -1 : 0;
}


/* A child that takes the lease, says so, and waits to be killed. */

static pid_t
start_holder(void)
{
    int           ends[2];
    char          said = '?';
    pid_t         pid, holder;
    flow_error_t  error;
    flow_lease_t  lease;

    if (pipe(ends) == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        flow_lease_init(&lease, path);
        said = flow_lease_take(&lease, 1, &holder, &error) == FLOW_OK ? 'y'
                                                                      : 'n';
        (void) !write(ends[1], &said, 1);

        if (said == 'y') {
            pause();
        }

        _exit(0);
    }

    (void) !read(ends[0], &said, 1);
    close(ends[0]);
    close(ends[1]);

    if (said == 'y') {
        return pid;
    }

    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }

    return -1;
}


static void
end_holder(pid_t pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}


static void
test_one_holder(void)
{
    int           rc;
    pid_t         child, holder = 0;
    flow_error_t  error;
    flow_lease_t  lease;

    child = start_holder();
    ok(child > 0, "a process takes the lease");

    flow_lease_init(&lease, path);
    rc = flow_lease_take(&lease, 2, &holder, &error);
    ok(rc == FLOW_AGAIN, "another one does not get it");
    ok(holder == child, "and learns who holds it");

    end_holder(child);

    rc = flow_lease_take(&lease, 3, &holder, &error);
    ok(rc == FLOW_OK, "it is free when its holder was killed");
    ok(flow_lease_check(&lease) == FLOW_OK, "and then held by us");

    ok(start_holder() == -1, "no longer free");
    flow_lease_close(&lease);

    child = start_holder();
    ok(child > 0, "free when it was closed");
    end_holder(child);
}


static void
test_replaced(void)
{
    pid_t         holder;
    flow_error_t  error;
    flow_lease_t  lease;

    flow_lease_init(&lease, path);

    ok(flow_lease_take(&lease, 4, &holder, &error) == FLOW_OK, "taken");
    unlink(path);
    ok(flow_lease_check(&lease) == FLOW_DECLINED, "its file was removed");

    ok(flow_lease_prepare(path, (uid_t) -1, (gid_t) -1, &error) == FLOW_OK,
       "made anew");
    ok(flow_lease_check(&lease) == FLOW_DECLINED, "its file was replaced");
    flow_lease_close(&lease);
}


static void
test_prepare(void)
{
    pid_t         holder;
    struct stat   info;
    flow_error_t  error;
    flow_lease_t  lease;

    unlink(path);
    ok(flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_OK
       && stat(path, &info) == 0 && (info.st_mode & 0777) == 0600,
       "a file for its owner alone");

    ok(link(path, other) == 0
       && flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_ERROR,
       "a file with a second name is not given away: %s", error.text);
    unlink(path);

    ok(symlink(other, path) == 0
       && flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_ERROR,
       "nor is one behind a link: %s", error.text);

    flow_lease_init(&lease, path);
    ok(flow_lease_take(&lease, 5, &holder, &error) == FLOW_ERROR,
       "nor is it taken");
    unlink(path);
    unlink(other);

    ok(mkdir(path, 0700) == 0
       && flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_ERROR,
       "nor a directory: %s", error.text);
    rmdir(path);

    flow_lease_init(&lease, "/nonexistent/lease");
    ok(flow_lease_take(&lease, 6, &holder, &error) == FLOW_ERROR
       && strstr(error.text, "/nonexistent/lease") != NULL,
       "a path that is not there is named: %s", error.text);
}


static void
put(const char *bytes, size_t len)
{
    int  descriptor;

    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (write(descriptor, bytes, len) != (ssize_t) len) {
        note("write() failed");
    }

    close(descriptor);
}


static size_t
get(char *bytes)
{
    int      descriptor;
    ssize_t  len;

    descriptor = open(path, O_RDONLY);
    len = read(descriptor, bytes, ROOM);
    close(descriptor);

    return len > 0 ? (size_t) len : 0;
}


/* Takes the lease of the file that is there, as the next holder does. */

static bool
state_of_next(flow_lease_state_t *state)
{
    bool          there;
    pid_t         holder;
    flow_error_t  error;
    flow_lease_t  lease;

    flow_lease_init(&lease, path);
    memset(state, 0xff, sizeof(*state));

    if (flow_lease_take(&lease, 7, &holder, &error) != FLOW_OK) {
        note("%s", error.text);
        return false;
    }

    there = flow_lease_read(&lease, state);
    flow_lease_close(&lease);

    return there;
}


static bool
is_none(const flow_lease_state_t *state)
{
    return state->zone == 0 && state->epoch == 0 && !state->marked;
}


/* A file with a state, and what that is. */

static const flow_lease_state_t  written = {
    .zone = UINT64_C(0xfedcba9876543210),
    .epoch = UINT64_C(0x0123456789abcdef),
    .marked = true
};

static void
write_state(void)
{
    pid_t         holder;
    flow_error_t  error;
    flow_lease_t  lease;

    unlink(path);
    flow_lease_init(&lease, path);

    if (flow_lease_take(&lease, 1, &holder, &error) != FLOW_OK
        || flow_lease_write(&lease, &written, &error) != FLOW_OK)
    {
        note("%s", error.text);
    }

    flow_lease_close(&lease);
}


static void
test_state(void)
{
    pid_t               child;
    flow_error_t        error;
    flow_lease_t        lease;
    flow_lease_state_t  state;

    unlink(path);
    ok(flow_lease_zone(path) == 0 && flow_lease_holder(path) == 0,
       "no file names no zone, and no holder");
    ok(flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_OK
       && flow_lease_zone(path) == 0, "nor does one that nobody has taken");
    ok(!state_of_next(&state) && is_none(&state), "it has no state either");
    ok(!state_of_next(&state) && is_none(&state),
       "nor when its holder has left without one");

    write_state();
    ok(state_of_next(&state) && state.zone == written.zone
       && state.epoch == written.epoch && state.marked,
       "a holder's state is there for the next one");
    ok(flow_lease_zone(path) == written.zone, "and the zone for anybody");

    child = start_holder();
    ok(flow_lease_zone(path) == written.zone
       && flow_lease_holder(path) == child,
       "while the file is held too, and by whom it is");
    end_holder(child);

    flow_lease_init(&lease, path);
    ok(flow_lease_take(&lease, 8, &child, &error) == FLOW_OK
       && flow_lease_read(&lease, &state)
       && state.zone == written.zone, "and when a holder was killed");

    state = (flow_lease_state_t) { .zone = 0, .epoch = 2, .marked = false };
    ok(flow_lease_write(&lease, &state, &error) == FLOW_OK
       && flow_lease_zone(path) == 0
       && flow_lease_read(&lease, &state)
       && state.zone == 0 && state.epoch == 2 && !state.marked,
       "a state may name no zone");
    flow_lease_close(&lease);
}


static void
test_damage(void)
{
    char                whole[ROOM], bytes[ROOM];
    size_t              len, i;
    unsigned            wrong, bit;
    flow_lease_state_t  state;

    write_state();
    len = get(whole);

    ok(len == RECORD, "the file has %d bytes", RECORD);

    wrong = 0;

    for (i = 0; i < RECORD; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(bytes, whole, RECORD);
            bytes[i] ^= (char) (1 << bit);
            put(bytes, RECORD);

            wrong += flow_lease_zone(path) != 0
                     || flow_lease_holder(path) != 0;
            wrong += state_of_next(&state) || !is_none(&state);
        }
    }

    ok(wrong == 0, "no bit may be another one");

    for (i = 0; i < RECORD; i++) {
        put(whole, i);

        wrong += flow_lease_zone(path) != 0;
        wrong += state_of_next(&state) || !is_none(&state);
        wrong += get(bytes) != RECORD;
    }

    ok(wrong == 0, "a file that is cut anywhere has no state, and is mended");

    memset(bytes, 0, RECORD);
    put(bytes, RECORD);
    ok(flow_lease_zone(path) == 0 && !state_of_next(&state)
       && is_none(&state), "zeros are no state");
}


static void
test_versions(void)
{
    char                whole[ROOM], bytes[ROOM];
    uint32_t            checksum;
    flow_lease_state_t  state;

    write_state();
    (void) get(whole);

    /* version 1 had 32 bytes and no checksum */

    memcpy(bytes, whole, 32);
    bytes[8] = 1;
    put(bytes, 32);
    ok(flow_lease_zone(path) == 0 && !state_of_next(&state)
       && is_none(&state) && get(bytes) == RECORD,
       "a file of version 1 has no state, and becomes one of this version");

    memcpy(bytes, whole, RECORD);
    bytes[8] = 3;
    checksum = flow_text_checksum(bytes, RECORD - sizeof(checksum));
    memcpy(bytes + RECORD - sizeof(checksum), &checksum, sizeof(checksum));
    put(bytes, RECORD);
    ok(flow_lease_zone(path) == 0, "nor is one of a later version understood");

    put(whole, RECORD);
    ok(flow_lease_zone(path) == written.zone, "the whole one still has it");
}


/* A record that is read while it is written. */

static void
test_torn(void)
{
    uint64_t  zone;

    write_state();

    torn = 3;
    reads = 0;
    zone = flow_lease_zone(path);
    ok(zone == written.zone && reads == 4, "a torn record is read again");

    torn = UINT32_MAX;
    reads = 0;
    zone = flow_lease_zone(path);
    ok(zone == 0 && reads > 4 && reads < 1000,
       "but not without end: %u times", reads);
    torn = 0;
}


static void
test_links(void)
{
    write_state();

    ok(rename(path, other) == 0 && symlink(other, path) == 0
       && flow_lease_zone(other) == written.zone
       && flow_lease_zone(path) == 0, "nobody looks behind a link");
    unlink(path);
    unlink(other);

    alarm(60);
    ok(mkfifo(path, 0600) == 0 && flow_lease_zone(path) == 0,
       "nor waits at a pipe");
    alarm(0);
    unlink(path);

    ok(mkdir(path, 0700) == 0 && flow_lease_zone(path) == 0,
       "nor reads a directory");
    rmdir(path);
}


static void
test_durable(void)
{
    size_t              i;
    pid_t               holder;
    struct stat         file;
    flow_error_t        error;
    flow_lease_t        lease;
    flow_lease_state_t  state;

    unlink(path);
    ok(flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_OK
       && stat(path, &file) == 0 && file.st_size == RECORD
       && file.st_blocks != 0, "a new file has its room on the disk");

    write_state();
    ok(flow_lease_prepare(path, getuid(), getgid(), &error) == FLOW_OK
       && flow_lease_zone(path) == written.zone, "an old one stays as it is");

    calls[0] = '\0';
    flow_lease_init(&lease, path);
    ok(flow_lease_take(&lease, 9, &holder, &error) == FLOW_OK
       && strcmp(calls, "w") == 0, "taking it does not wait for the disk");

    calls[0] = '\0';
    ok(flow_lease_write(&lease, &written, &error) == FLOW_OK
       && strcmp(calls, "wdf") == 0,
       "a state is on the disk, and so is the file's name");

    for (i = 0; i < 3; i++) {
        failing = "wdf"[i];
        ok(flow_lease_write(&lease, &written, &error) == FLOW_ERROR
           && strstr(error.text, path) != NULL, "or its writer is told: %s",
           error.text);
    }

    failing = '\0';
    put("", 0);
    ok(flow_lease_write(&lease, &written, &error) == FLOW_OK
       && flow_lease_read(&lease, &state) && state.epoch == written.epoch,
       "a file that was emptied meanwhile gets a whole record");

    ok(strcmp(calls, "wdfwwdwdfwdf") == 0, "nothing is synced that was not "
       "written: %s", calls);
    flow_lease_close(&lease);
}


int
main(void)
{
    if (mkdtemp(directory) == NULL) {
        ok(false, "a directory");
        return done();
    }

    snprintf(path, sizeof(path), "%s/lease", directory);
    snprintf(other, sizeof(other), "%s/other", directory);

    test_one_holder();
    test_replaced();
    test_prepare();
    test_state();
    test_damage();
    test_versions();
    test_torn();
    test_links();
    test_durable();

    unlink(path);
    rmdir(directory);

    return done();
}
