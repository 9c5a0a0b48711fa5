/*
 * Who may consume and write: the holder of flock() on the exporter's lease
 * file.  Local file systems only.
 *
 *   offset  size  lease file, 32 bytes, little endian
 *        0     8  "FLOWLEAS"
 *        8     4  version, 1
 *       12     4  holder's process id
 *       16     8  when the holder took it, milliseconds since the epoch
 *       24     8  zero
 *
 * The lock is on a descriptor of the holder's own and is never given back by
 * hand, so that it ends with the holder's last thread.  The file is read and
 * written with pread() and pwrite(), never mapped.
 */

#ifndef FLOW_LEASE_H
#define FLOW_LEASE_H

#include <sys/types.h>

#include "flow_record.h"


typedef struct {
    int          descriptor;    /* -1: not held */
    const char  *path;          /* the caller's */
    dev_t        device;
    ino_t        inode;
} flow_lease_t;


/*
 * Creates the file where it is missing and, when "owner" is not (uid_t) -1,
 * gives it to the user who will take it.  The master.  FLOW_OK, or FLOW_ERROR
 * with a sentence.
 */

int flow_lease_prepare(const char *path, uid_t owner, gid_t group,
    flow_error_t *error) FLOW_MUST_CHECK;

/* Begins with a lease that is not held. */

void flow_lease_init(flow_lease_t *lease, const char *path);

/*
 * Tries to take the lease, without waiting.  "now" is in milliseconds since
 * the epoch.  FLOW_OK; FLOW_AGAIN if another process holds it (*holder: its
 * process id, 0 if it has not been written yet); FLOW_ERROR with a sentence.
 */

int flow_lease_take(flow_lease_t *lease, int64_t now, pid_t *holder,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * FLOW_OK while the file that is held is the one at its path; FLOW_DECLINED
 * when somebody has removed or replaced it: another process may hold that
 * one, and this one must stop.
 */

int flow_lease_check(const flow_lease_t *lease) FLOW_MUST_CHECK;

/*
 * Closes the descriptor, which ends the lease.  Only where the process goes
 * on without its consumer (a reload in single process mode).
 */

void flow_lease_close(flow_lease_t *lease);


#endif /* FLOW_LEASE_H */
