/*
 * Step 4: a redo record -> the zone.
 *
 * What makes counting exact:
 *
 *   1. The zone changes by redo records alone, one at a time, each of which
 *      names its position and the one it follows.
 *   2. A record lies whole in the zone's journal before its first value is
 *      stored, and the journal says "full" from before the first store until
 *      after the last.
 *   3. Values are absolute: applying a record again changes nothing.
 *   4. Who takes over a zone with a full journal applies it again; a journal
 *      that is not full was never begun to be applied.
 *   5. Whatever a record names that is new lies, until then, beyond what the
 *      zone's header calls filled: nobody sees it.
 *
 * So after a death at any instruction the zone is either before or after a
 * record.
 */

#ifndef FLOW_JOURNAL_H
#define FLOW_JOURNAL_H

#include "flow_redo.h"
#include "flow_zone.h"


typedef enum {
    FLOW_JOURNAL_EMPTY = 0,
    FLOW_JOURNAL_FULL
} flow_journal_e;


/* The position of what the zone shows; the writer, or who holds the lease. */

flow_position_t flow_journal_position(const flow_zone_t *zone);

/*
 * FLOW_OK if each item of a whole record, or image, lies within the zone and
 * follows what is filled; else FLOW_ERROR with a sentence.
 */

int flow_journal_check(const flow_zone_t *zone, const char *record,
    flow_error_t *error) FLOW_MUST_CHECK;

/* Applies the record that was composed in the zone's journal. */

void flow_journal_apply(flow_zone_t *zone);

/*
 * Applies a checked record from anywhere, as at start-up: it is copied to the
 * journal first where it fits; an image never does, see flow_journal_clear().
 */

void flow_journal_replay(flow_zone_t *zone, const char *record);

/*
 * Finishes what a writer that died had begun.  FLOW_OK; FLOW_ERROR with a
 * sentence if the journal is full of something that is no record.
 */

int flow_journal_recover(flow_zone_t *zone, flow_error_t *error)
    FLOW_MUST_CHECK;

/*
 * Makes the zone empty, and not live: it is to be loaded anew.  Readers that
 * are at it notice by the load count.
 */

void flow_journal_clear(flow_zone_t *zone);


#endif /* FLOW_JOURNAL_H */
