/*
 * flow_store and power cuts: after one at any call, with any part of what was
 * not synced, all that was durable comes back, and nothing that was never
 * counted; also when the next one comes while that is recovered.
 */

#include "power.h"


#define SWEEPS    3
#define LINES     40
#define CUTS      6
#define RECORDS   5


/* Never one twice, whatever is lost. */

static uint64_t  epoch = 2;


static void
say_durable(void)
{
    record_call(CALL_DURABLE, "")->counted = counted_end;
}


/* What was counted after the end of the chain is gone, and counted anew. */

static void
go_back_to(const flow_position_t *end)
{
    while (counted_end != 0
           && flow_position_compare(&now_counted()->position, end) != 0)
    {
        counted_end--;
    }
}


/* The first start, or one from what came back; "next" is what is to come. */

static bool
start(unsigned durable, flow_position_t *next)
{
    int       rc;
    loaded_t  loaded;

    rc = scan();

    if (rc == FLOW_DECLINED && durable == 0) {
        begin_counting();
        *next = next_position();

        return renew();
    }

    if (rc != FLOW_OK || !replays_reference(&loaded)
        || flow_position_compare(flow_store_end(store),
                                 &counted[durable].position) < 0)
    {
        return false;
    }

    go_back_to(flow_store_end(store));
    say_durable();

    *next = now_counted()->position;
    next->epoch = epoch++;
    next->number = 1;

    return begin_log(next) && (random_below(2) == 0 || write_image());
}


/*
 * A life of a process after a power cut, "durable" being what has to come
 * back; false if something is wrong.
 */

static bool
live(unsigned durable)
{
    unsigned         i;
    flow_position_t  next;

    if (!start(durable, &next)) {
        return false;
    }

    for (i = 0; i < RECORDS; i++) {

        if (!append(&next, random_below(1500))) {
            return false;
        }

        say_durable();

        if (random_below(3) == 0 && !renew()) {
            return false;
        }

        next = next_position();
    }

    return true;
}


/*
 * Lives one after another, of which some are killed.  A record that was
 * written and not synced may come back, and is durable then.
 */

static bool
live_on(unsigned lives, unsigned durable)
{
    bool  right = true;

    while (lives-- != 0 && right) {

        killed = false;
        killed_at = random_below(2) == 0
                    ? 0 : call_count + 1 + (unsigned) random_below(30);

        right = live(durable) || killed;
        close_store();

        if (durable_after(call_count) > durable) {
            durable = durable_after(call_count);
        }
    }

    killed_at = 0;

    return right;
}


/* Every call of some lives, each several times. */

static void
test_sweep(void)
{
    bool      right;
    unsigned  i, sweep, wrong = 0, ended;
    loaded_t  loaded;

    begin_counting();
    empty_directory();
    begin_recording();

    wrong += !live_on(5, 0);
    ended = counted_end;

    for (i = 0; i <= call_count; i++) {
        for (sweep = 0; sweep < SWEEPS; sweep++) {

            cut_power(i);

            right = scan() == FLOW_OK
                    ? replays_reference(&loaded)
                      && flow_position_compare(flow_store_end(store),
                             &counted[durable_after(i)].position) >= 0
                    : durable_after(i) == 0 && error.text[0] == '\0';

            if (!right) {
                note("power cut after call %u: %s", i, error.text);
                wrong++;
            }

            close_store();
        }
    }

    ok(wrong == 0 && ended == counted_end && call_count < CALLS_MAX,
       "power cut after each of %u calls, %u times each", call_count, SWEEPS);
}


/* Power cut upon power cut, at random calls. */

static void
test_lines(void)
{
    bool      right = true;
    unsigned  line, cut, durable, end;

    for (line = 0; line < LINES && right; line++) {

        begin_counting();
        empty_directory();
        durable = 0;

        for (cut = 0; cut < CUTS && right; cut++) {

            begin_recording();
            right = live_on(3, durable);

            if (!right) {
                note("line %u, cut %u: %s", line, cut, error.text);
                break;
            }

            end = (unsigned) random_below(call_count + 1);

            if (durable_after(end) > durable) {
                durable = durable_after(end);
            }

            cut_power(end);
        }
    }

    ok(right, "%u lines of %u power cuts each", LINES, CUTS);
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    if (!make_directory()) {
        ok(false, "a directory");
        return done();
    }

    test_sweep();
    test_lines();
    remove_directory();

    return done();
}
