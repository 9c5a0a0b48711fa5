/*
 * State files of an exporter, in its state directory:
 *
 *   NAME.log.<epoch>.<number>     redo records, one after another; the first
 *                                 has this number or a later one
 *   NAME.image.<epoch>.<number>   all that was counted up to this position
 *   NAME.image.new                an image that is being written
 *
 * Epoch and number are 16 lower case hexadecimal digits, so that names sort.
 * Formats: flow_redo.h.
 *
 * Who calls holds the lease; who only looks has flow_store_look.h, and replays.
 * Every call may block for as long as the disk takes; flow_saver.h has threads
 * for those that come while counting.
 */

#ifndef FLOW_STORE_H
#define FLOW_STORE_H

#include <sys/types.h>

#include "flow_redo.h"


typedef struct flow_store_s  flow_store_t;


/*
 * Opens the directory; no file is touched.  Returns NULL with a sentence.
 */

flow_store_t *flow_store_open(const char *directory, const char *name,
    flow_error_t *error);
void flow_store_close(flow_store_t *store);


/*
 * Gives all files of an exporter to a user.  The master, as root.  FLOW_OK, or
 * FLOW_ERROR with a sentence; what is no plain file is not given away.
 */

int flow_store_give(const char *directory, const char *name, uid_t owner,
    gid_t group, flow_error_t *error) FLOW_MUST_CHECK;


/* Recovery, in this order. */

/*
 * Reads all files and finds the chain: the newest whole image and every record
 * that follows it in an unbroken row.  A last record that was torn is cut
 * off, and the log synced.  The last record of the chain is written again in
 * place, then log and directory are synced: after a failed sync a second one
 * proves nothing.
 *
 * FLOW_OK; FLOW_DECLINED: there are no files; FLOW_ERROR with a sentence that
 * names file and reason: damaged elsewhere than at its end and no older image
 * to fall back on, of another exporter, of a newer version, unreadable.
 * Nothing has been changed then.  FLOW_AGAIN with a sentence: the chain was
 * read, but the disk does not take what has to be written or synced; it can be
 * replayed, but may be shorter after a power cut.
 */

int flow_store_scan(flow_store_t *store, flow_error_t *error)
    FLOW_MUST_CHECK;

/* Where the chain ends. */

const flow_position_t *flow_store_end(const flow_store_t *store);

/*
 * The newest position that a file tells of, even if the chain does not reach
 * it: a damaged newest image, say.  Then what the chain has is behind.
 */

const flow_position_t *flow_store_newest(const flow_store_t *store);

/* True if the position is the image's or that of a record of the chain. */

bool flow_store_has(const flow_store_t *store,
    const flow_position_t *position);

/*
 * Hands on what follows a position of the chain, in order: records; from
 * "after" == NULL on the image first.  Bytes are whole, valid until "apply"
 * returns.  Ends with what "apply" returns, if that is not FLOW_OK.
 */

int flow_store_replay(flow_store_t *store, const flow_position_t *after,
    int (*apply)(void *data, const char *bytes, flow_error_t *error),
    void *data, flow_error_t *error) FLOW_MUST_CHECK;


/* Counting. */

/*
 * Begins a new log, into which all appends go from now on; "first" is the
 * position of the next record.  The file is new (an old one of that name is
 * an error, unless it is empty), and the directory is synced before this
 * returns.  On FLOW_ERROR, with a sentence, the log before it takes records as
 * it did, unless the new one cannot be removed either: then none does.
 */

int flow_store_begin_log(flow_store_t *store, const flow_position_t *first,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Appends a record and syncs the log.  On FLOW_ERROR, with a sentence, the log
 * has been cut back to where it was, as far as the disk allows, and takes no
 * more: an image and a new log have to come first.
 */

int flow_store_append(flow_store_t *store, const char *record,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Bytes in logs that no image covers, for who decides about the next one.  Any
 * thread.
 */

uint64_t flow_store_log_bytes(flow_store_t *store);

/*
 * Writes an image: NAME.image.new, sync, rename, sync of the directory.  The
 * two newest images stay, with every log since the older of them; the other
 * files are removed, and only after that.  On FLOW_ERROR, with a sentence, no
 * file that was there is worse: one of this position may be replaced.  May
 * run beside flow_store_append(), in another thread.
 */

int flow_store_write_image(flow_store_t *store, const char *image,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Removes all files, images first: logs without one are refused by whoever
 * comes after a death in between.  FLOW_OK, or FLOW_ERROR with a sentence.
 */

int flow_store_clear(flow_store_t *store, flow_error_t *error)
    FLOW_MUST_CHECK;

/*
 * Of the newest image: its length in bytes, and when it was written, in
 * milliseconds since the epoch; 0: there is none.  Any thread.
 */

uint64_t flow_store_image_bytes(flow_store_t *store);
int64_t flow_store_image_time(flow_store_t *store);


#endif /* FLOW_STORE_H */
