/*
 * Who may consume and write, and which zone may be shown: the holder of
 * flock() on the exporter's lease file, and the record in it.  Local file
 * systems only.
 *
 *   offset  size  lease file, 64 bytes
 *        0     8  "FLOWLEAS"
 *        8     4  version, 2
 *       12     4  process id of the holder, or of the last one
 *       16     8  when that one took it, milliseconds since 1970
 *       24     8  id of the zone that may be shown, 0: none
 *       32     8  epoch of the last holder that wrote its state, 0: none has
 *       40     4  mark: 1 while counters were shown that no state file has
 *       44    16  zero
 *       60     4  CRC-32 (zlib) of all that stands before
 *
 * Numbers are in the byte order of the machine: "version" tells of another.
 *
 * The lock is on a descriptor of the holder's own and is never given back by
 * hand, so that it ends with the holder's last thread.  The file has its room
 * on the disk from the start and is never truncated, so that its record can
 * be written when the disk is full.  It is read and written with pread() and
 * pwrite(), never mapped: a shorter file must not end a worker.
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


/* What a holder leaves to the next one, and to workers. */

typedef struct {
    uint64_t  zone;             /* id of the zone that may be shown, 0: none */
    uint64_t  epoch;            /* not 0 */
    bool      marked;           /* shown counters are in no state file */
} flow_lease_state_t;


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
 * 1970.  The state that is there stays.  FLOW_OK; FLOW_AGAIN if another
 * process holds it (*holder: its process id, 0 if it has not been written
 * yet); FLOW_ERROR with a sentence.
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
 * Reads the state that the last holder wrote.  The holder.  Returns false,
 * with a state of zeros, if there is none: the file is new, of another
 * version, or was damaged.
 */

bool flow_lease_read(const flow_lease_t *lease, flow_lease_state_t *state);

/*
 * Writes the state, which is on the disk when this returns; blocks for as long
 * as that takes.  The holder, on any thread, one at a time.  FLOW_OK, or
 * FLOW_ERROR with a sentence: then either state may be there.
 */

int flow_lease_write(const flow_lease_t *lease,
    const flow_lease_state_t *state, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Returns the id of the zone that may be shown, or 0 if there is none: no
 * holder has named one, or the file is missing, damaged, or of another
 * version.  Any process that may read the file.
 */

uint64_t flow_lease_zone(const char *path);

/* What the file tells who only looks. */

typedef struct {
    bool                held;       /* by "holder", now */
    pid_t               holder;     /* or the last one; 0: not known */
    int64_t             taken;      /* milliseconds since 1970 */
    flow_lease_state_t  state;      /* epoch 0: there is none */
} flow_lease_view_t;

/*
 * FLOW_OK, with zeros if nobody has held it yet; FLOW_DECLINED: there is no
 * file; FLOW_ERROR with a sentence if it is damaged or may not be read, and
 * "held" is right then, if it could be opened.
 * Who tries to take the lease at this moment may have to try again.
 */

int flow_lease_look(const char *path, flow_lease_view_t *view,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Returns the process id that the record names, that of the holder or of the
 * last one; 0 where there is no record.  Any process that may read the file.
 */

pid_t flow_lease_holder(const char *path);

/*
 * Closes the descriptor, which ends the lease.  Only where the process goes
 * on without its consumer (a reload in single process mode).
 */

void flow_lease_close(flow_lease_t *lease);


#endif /* FLOW_LEASE_H */
