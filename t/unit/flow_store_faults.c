/*
 * flow_store on a disk that fails: whichever of its system calls fails, in
 * whichever way, what was durable comes back when the disk works again, and
 * nothing that was never counted.
 */

#include "disk.h"
#include "stores.h"


#define RECORDS  7
#define LIVES    2

/* How often what has to be done is tried. */

#define TRIES    4

/* More calls than there are. */

#define CALLS    400


/* Calls of the store that failed. */

static unsigned  failures;


/* As a process does that loses its disk: it counts on, and saves it all. */

static bool
save_all(void)
{
    unsigned  tries;

    for (tries = 0; tries < TRIES; tries++) {
        if (renew()) {
            return true;
        }

        failures++;
    }

    return false;
}


static bool
append_or_save(const flow_position_t *position)
{
    if (append(position, 30)) {
        return true;
    }

    failures++;

    return save_all();
}


/* A start; false if the disk is of no use. */

static bool
begin_life(void)
{
    int              rc;
    unsigned         tries;
    flow_position_t  first;

    for (tries = 0; tries < TRIES; tries++) {

        rc = flow_store_scan(store, &error);

        if (rc == FLOW_DECLINED) {
            return save_all();
        }

        if (rc == FLOW_OK) {
            break;
        }

        failures++;
    }

    if (tries == TRIES) {
        return false;
    }

    first = now_counted()->position;
    first.epoch++;
    first.number = 1;

    for (tries = 0; tries < TRIES; tries++) {
        if (begin_log(&first)) {
            return append_or_save(&first);
        }

        failures++;
    }

    return false;
}


/*
 * Lives with records and images.  "durable" is how far what was counted is
 * durable; false: the disk is of no use any more.
 */

static bool
live(unsigned *durable)
{
    unsigned         lives, i;
    flow_position_t  next;

    for (lives = 0; lives < LIVES; lives++) {

        if (!open_store()) {
            return false;
        }

        if (!begin_life()) {
            close_store();
            return false;
        }

        *durable = counted_end;

        for (i = 0; i < RECORDS; i++) {

            next = next_position();

            if (!append_or_save(&next)) {
                close_store();
                return false;
            }

            *durable = counted_end;

            if (i % 3 == 1 && !save_all()) {
                close_store();
                return false;
            }
        }

        close_store();
    }

    return true;
}


/* Lives with a fault, and once more without; true if nothing is wrong. */

static bool
survives(disk_fault_e fault, unsigned at, int code, bool *met)
{
    int       rc;
    bool      right;
    loaded_t  loaded;
    unsigned  durable = 0;

    begin_counting();
    empty_directory();

    failures = 0;
    disk_begin(fault, at, code);
    (void) live(&durable);
    *met = (disk_calls >= at);
    disk_begin(DISK_WORKS, 0, 0);

    rc = scan();
    right = false;

    if ((fault == DISK_IS_SHORT || fault == DISK_IS_INTERRUPTED)
        && failures != 0)
    {
        note("fault %d at call %u is no failure", (int) fault, at);

    } else if (rc == FLOW_DECLINED) {
        right = (durable == 0);

    } else if (rc == FLOW_OK) {
        right = replays_reference(&loaded)
                && flow_position_compare(flow_store_end(store),
                                         &counted[durable].position) >= 0;
    }

    if (!right) {
        note("fault %d at call %u: %d %s", (int) fault, at, rc,
             rc == FLOW_OK ? "" : error.text);
    }

    close_store();

    return right;
}


static void
test_fault(disk_fault_e fault, int code, const char *what)
{
    bool      met = true;
    unsigned  at, wrong = 0;

    for (at = 1; at < CALLS && met; at++) {
        wrong += !survives(fault, at, code, &met);
    }

    ok(wrong == 0 && !met && at > 50, "%s: each of %u calls", what, at);
}


/* What fails is said, with the file and the system's reason. */

static void
test_sentences(void)
{
    begin_counting();
    empty_directory();
    ok(scan() == FLOW_DECLINED && renew(), "a store");

    disk_begin(DISK_FAILS, 1, EIO);
    ok(!append_next(3)
       && strstr(error.text, "log.0000000000000001.0000000000000001\" failed "
                 "(5: Input/output error)") != NULL,
       "a failed append: %s", error.text);

    disk_begin(DISK_WORKS, 0, 0);
    ok(!append_next(3), "no record after it: %s", error.text);

    disk_begin(DISK_DIES, 3, ENOSPC);
    ok(!write_image() && strstr(error.text, "image.new\" failed (28: No space")
       != NULL, "a failed image: %s", error.text);
    close_store();

    disk_begin(DISK_FAILS, 2, EACCES);
    ok(scan() == FLOW_ERROR && strstr(error.text, "13: Permission denied")
       != NULL, "a file that cannot be read: %s", error.text);
    close_store();

    disk_begin(DISK_DIES, 6, EROFS);
    ok(scan() == FLOW_AGAIN, "a disk that cannot be written to: %s",
       error.text);
    disk_begin(DISK_WORKS, 0, 0);
    close_store();
}


/*
 * Where no new log can be begun the one that is there takes records, and what
 * was made of the new one is gone: its name would stand behind them.
 */

static void
test_log_goes_on(void)
{
    unsigned         at, wrong = 0;
    flow_position_t  first;

    for (at = 1; at <= 2; at++) {
        begin_counting();
        empty_directory();
        wrong += scan() != FLOW_DECLINED || !renew() || !append_next(3);

        first = next_position();
        disk_begin(DISK_FAILS, at, EIO);
        wrong += begin_log(&first);
        disk_begin(DISK_WORKS, 0, 0);
        wrong += !append_next(5) || !append_next(7);
        close_store();

        wrong += !comes_back();
        close_store();
    }

    ok(wrong == 0, "a log goes on where no other one can be begun");

    begin_counting();
    empty_directory();
    ok(scan() == FLOW_DECLINED && renew() && append_next(3), "a store");

    first = next_position();
    disk_begin(DISK_DIES, 2, EIO);
    wrong = begin_log(&first);
    disk_begin(DISK_WORKS, 0, 0);
    ok(wrong == 0 && !append_next(3),
       "but not behind one that cannot be removed");
    close_store();
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    if (!make_directory()) {
        ok(false, "a directory");
        return done();
    }

    test_sentences();
    test_log_goes_on();
    test_fault(DISK_FAILS, EIO, "a call fails");
    test_fault(DISK_FAILS, ENOSPC, "a call finds no space");
    test_fault(DISK_FAILS_TWICE, EIO, "two calls fail");
    test_fault(DISK_IS_SHORT, 0, "a write is short");
    test_fault(DISK_IS_FULL, 0, "a write is short, and the next fails");
    test_fault(DISK_IS_INTERRUPTED, 0, "a call is interrupted");
    test_fault(DISK_DIES, EIO, "no call works any more");

    remove_directory();

    return done();
}
