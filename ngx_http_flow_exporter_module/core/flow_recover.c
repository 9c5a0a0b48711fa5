/*
 * From zone and state files to where counting goes on; see flow_recover.h.
 *
 * The order matters.  A zone that the lease does not name is behind, after a
 * roll-back say: its live flag goes first, and only then does the lease name
 * it, else workers would show it.  The epoch is raised durably before the
 * first record of the taker's own, so that two takers' records are never
 * mistaken for each other's.
 */

#include <string.h>

#include "flow_journal.h"
#include "flow_recover.h"
#include "flow_step.h"
#include "flow_store_look.h"
#include "flow_text.h"


typedef struct {
    flow_zone_t         *zone;
    flow_store_t        *store;
    const flow_lease_t  *lease;
    uint64_t             random;
    flow_lease_state_t  *state;
    bool                 files;      /* there is a chain */
    flow_recovered_t    *recovered;
} flow_recover_t;


static int flow_recover_files(flow_recover_t *now, flow_error_t *error);
static int flow_recover_mark(flow_recover_t *now, flow_error_t *error);
static void flow_recover_zone(flow_recover_t *now);
static int flow_recover_name(flow_recover_t *now, flow_error_t *error);
static int flow_recover_kept(flow_recover_t *now, flow_error_t *error);
static int flow_recover_load(flow_recover_t *now, flow_error_t *error);
static int flow_recover_apply(void *data, const char *record,
    flow_error_t *error);
static bool flow_recover_is_taken(const flow_zone_t *zone);


int
flow_recover(flow_zone_t *zone, flow_store_t *store,
    const flow_lease_t *lease, uint64_t random, flow_recovered_t *recovered,
    flow_error_t *error)
{
    int             rc;
    flow_error_t    ignored;
    flow_recover_t  now = {
        .zone = zone,
        .store = store,
        .lease = lease,
        .random = random,
        .state = &recovered->state,
        .recovered = recovered
    };

    memset(recovered, 0, sizeof(*recovered));

    if (!flow_lease_read(lease, now.state)) {

        /* a new file, or one that is damaged, names no zone */

        memset(now.state, 0, sizeof(*now.state));
    }

    if (flow_recover_files(&now, error) != FLOW_OK) {
        (void) !flow_recover_mark(&now, &ignored);
        return FLOW_ERROR;
    }

    FLOW_STEP("recover.scanned");
    flow_recover_zone(&now);
    FLOW_STEP("recover.zone");

    if (flow_recover_name(&now, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    FLOW_STEP("recover.named");

    rc = flow_recover_is_taken(zone) ? flow_recover_kept(&now, error)
                                     : flow_recover_load(&now, error);
    if (rc != FLOW_OK) {
        return rc;
    }

    FLOW_STEP("recover.loaded");

    recovered->withhold = recovered->withhold && !atomic_load(&zone->live);
    atomic_store(&zone->live, !recovered->withhold);

    return FLOW_OK;
}


static int
flow_recover_files(flow_recover_t *now, flow_error_t *error)
{
    int  rc;

    if (now->store == NULL) {
        return FLOW_OK;
    }

    rc = flow_store_look(now->store, error);

    if (rc == FLOW_OK
        && flow_position_compare(flow_store_newest(now->store),
                                 flow_store_end(now->store)) > 0)
    {
        /* what tells so is cut off next: a death must not forget it */

        rc = flow_recover_mark(now, error);
    }

    if (rc == FLOW_ERROR) {
        return FLOW_ERROR;
    }

    FLOW_STEP("recover.marked");

    rc = flow_store_scan(now->store, error);
    now->files = rc == FLOW_OK || rc == FLOW_AGAIN;

    if (rc == FLOW_AGAIN) {
        now->recovered->unsettled = true;
        now->recovered->trouble = *error;
    }

    return rc == FLOW_ERROR ? FLOW_ERROR : FLOW_OK;
}


/*
 * Files that were refused may be gone when the next one looks, who must not
 * show less than they have.  Where even this cannot be written, nothing can.
 */

static int
flow_recover_mark(flow_recover_t *now, flow_error_t *error)
{
    if (now->state->marked) {
        return FLOW_OK;
    }

    now->state->marked = true;
    now->state->epoch += (now->state->epoch == 0);

    return flow_lease_write(now->lease, now->state, error);
}


/* Empties the zone, unless it is the one that was shown last. */

static void
flow_recover_zone(flow_recover_t *now)
{
    bool              known;
    flow_error_t      error;
    flow_position_t   position, end;
    flow_zone_t      *zone = now->zone;

    known = flow_recover_is_taken(zone)
            && now->state->zone == atomic_load(&zone->id);

    if (known
        && (!flow_zone_is_sound(zone)
            || flow_journal_recover(zone, &error) != FLOW_OK))
    {
        now->recovered->damaged = true;
        known = false;
    }

    if (known && now->files) {
        position = flow_journal_position(zone);
        end = *flow_store_end(now->store);

        known = position.lineage == end.lineage
                && (flow_position_compare(&position, &end) > 0
                    || flow_store_has(now->store, &position));
    }

    if (!known) {
        flow_journal_clear(zone);
    }
}


static int
flow_recover_name(flow_recover_t *now, flow_error_t *error)
{
    uint64_t          epoch;
    flow_position_t   position;
    flow_zone_t      *zone = now->zone;

    if (atomic_load(&zone->id) == 0) {
        atomic_store(&zone->id, now->random);
    }

    position = flow_journal_position(zone);
    epoch = now->state->epoch;
    epoch = position.epoch > epoch ? position.epoch : epoch;
    now->recovered->lineage = position.lineage;

    if (now->files) {
        position = *flow_store_newest(now->store);
        epoch = position.epoch > epoch ? position.epoch : epoch;
        now->recovered->lineage = flow_store_end(now->store)->lineage;
    }

    if (now->recovered->lineage == 0) {
        now->recovered->lineage = now->random;
    }

    /* a death before all is counted must not make the next one forget */

    now->recovered->withhold
        = now->state->marked
          || (now->files
              && !flow_recover_is_taken(zone)
              && flow_position_compare(flow_store_newest(now->store),
                                       flow_store_end(now->store)) > 0);

    now->state->marked = now->recovered->withhold
                         || now->recovered->unsettled;
    now->state->zone = atomic_load(&zone->id);
    now->state->epoch = epoch + 1;

    return flow_lease_write(now->lease, now->state, error);
}


static int
flow_recover_kept(flow_recover_t *now, flow_error_t *error)
{
    flow_position_t  position;

    position = flow_journal_position(now->zone);

    if (!now->files || !flow_store_has(now->store, &position)) {
        now->recovered->how = FLOW_RECOVERED_AHEAD;
        return FLOW_OK;
    }

    now->recovered->how = FLOW_RECOVERED_KEPT;

    return flow_store_replay(now->store, &position, flow_recover_apply, now,
                             error);
}


static int
flow_recover_load(flow_recover_t *now, flow_error_t *error)
{
    if (!now->files) {
        now->recovered->how = FLOW_RECOVERED_FIRST;
        atomic_store(&now->zone->epoch, now->state->epoch);
        atomic_store(&now->zone->lineage, now->recovered->lineage);
        return FLOW_OK;
    }

    now->recovered->how = FLOW_RECOVERED_LOADED;

    return flow_store_replay(now->store, NULL, flow_recover_apply, now,
                             error);
}


static int
flow_recover_apply(void *data, const char *record, flow_error_t *error)
{
    flow_recover_t  *now = data;

    if (flow_journal_check(now->zone, record, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    flow_journal_replay(now->zone, record);

    return FLOW_OK;
}


/* A position of no lineage is none. */

static bool
flow_recover_is_taken(const flow_zone_t *zone)
{
    return atomic_load(&zone->lineage) != 0;
}
