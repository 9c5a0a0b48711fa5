/*
 * flow_lease: one process holds it, until it ends in whatever way; nobody
 * holds a file that is not the one at its path.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow_lease.h"
#include "tap.h"


static char  directory[] = "/tmp/flow_lease.XXXXXX";
static char  path[sizeof(directory) + 32];
static char  other[sizeof(directory) + 32];


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

    unlink(path);
    rmdir(directory);

    return done();
}
