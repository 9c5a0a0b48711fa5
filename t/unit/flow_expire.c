/*
 * Expiry: whatever comes and goes, in whichever order, what is shown and what
 * has left are all that was counted; a series leaves after its time and not
 * before; the same records make the same zone elsewhere; its room is used
 * again after a rest, for any number of others; and readers see no mixture.
 */

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_zone_word.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define ZONE_SIZE  FLOW_ZONE_SIZE_MIN
#define OWN        7
#define LIMIT      10                 /* s */
#define REST       180000             /* ms */

#define ROUNDS     3000
#define AS         30
#define HOSTS      5


typedef struct {
    flow_zone_t         *zone;
    flow_zone_writer_t  *writer;
    flow_pipeline_t     *pipeline;
    flow_names_t        *names;
    int64_t              offset;
    uint64_t             now;          /* ms, a clock of the test's */
    uint32_t             moved;        /* s that it was moved on by */
} exporter_t;


static exporter_t        it;
static flow_zone_t      *copy;         /* has got the same records */

static const uint32_t    own[] = { OWN };
static const flow_str_t  topics[] = { flow_string("flows") };


static void
invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;
}


static void
open_writer(void)
{
    flow_error_t          error;
    flow_pipeline_conf_t  conf = {
        &flow_format_pmacct, it.names, { own, 1 }, true, topics, 1, invalid,
        NULL
    };

    it.writer = flow_zone_writer_create(it.zone, &error);
    it.pipeline = flow_pipeline_create(&conf, it.writer, &error);
    flow_pipeline_set_epoch(it.pipeline, 1, 1);

    if (flow_pipeline_next_offset(it.pipeline, 0, 0) == -1) {
        (void) !flow_pipeline_begin(it.pipeline, 0, 0, 0, &error);
    }
}


static void
close_writer(void)
{
    flow_pipeline_destroy(it.pipeline);
    flow_zone_writer_destroy(it.writer);
}


static flow_zone_t *
make_zone(void)
{
    void  *memory = aligned_alloc(4096, ZONE_SIZE);

    memset(memory, 0, ZONE_SIZE);

    return flow_zone_format(memory, ZONE_SIZE);
}


static void
begin(flow_names_t *names)
{
    memset(&it, 0, sizeof(it));
    it.zone = make_zone();
    it.names = names;
    it.now = 1 + random_below(1u << 30);
    copy = make_zone();
    open_writer();
}


static void
end(void)
{
    close_writer();
    flow_names_destroy(it.names);
    free(it.zone);
    free(copy);
}


static void
count(uint32_t source, uint32_t destination, const char *host, uint64_t bytes)
{
    char            value[512];
    flow_message_t  message = { 0, 0, it.offset, 1 + it.offset,
                                { 0, value } };

    message.value.len = (size_t)
        snprintf(value, sizeof(value), "{\"as_src\":%u,\"as_dst\":%u,"
                 "\"bytes\":%llu,\"label\":\"%s\"}", source, destination,
                 (unsigned long long) bytes, host);

    (void) !flow_pipeline_message(it.pipeline, &message);
    it.offset++;
}


static void
replay(flow_zone_t *zone, const char *record)
{
    flow_error_t  error;

    if (flow_journal_check(zone, record, &error) != FLOW_OK) {
        ok(false, "a record fits another zone: %s", error.text);
        return;
    }

    flow_journal_replay(zone, record);
}


/* Time goes on, all idle series leave that one record has room for. */

static flow_publish_events_t
commit(uint32_t seconds, bool expire)
{
    flow_str_t             record;
    flow_publish_events_t  events = { false, false, false, 0 };

    it.now += seconds * 1000;
    it.moved += seconds;
    flow_zone_age(it.writer, seconds);
    flow_zone_turn(it.writer, it.now);

    if (expire) {
        (void) flow_zone_expire(it.writer, LIMIT);
    }

    if (!flow_pipeline_is_empty(it.pipeline)
        && flow_pipeline_compose(it.pipeline, &record, &events) == FLOW_OK)
    {
        replay(copy, record.data);
        flow_pipeline_apply(it.pipeline);
    }

    return events;
}


static uint64_t
left(void)
{
    uint64_t  bytes = 0;
    unsigned  i;

    for (i = 0; i < FLOW_DIRECTION_COUNT; i++) {
        bytes += it.zone->left_bytes[i];
    }

    return bytes;
}


static bool
is_text(flow_str_t one, flow_str_t other)
{
    return one.len == other.len
           && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}


/* True if two zones show the same at each place. */

static bool
are_equal(const flow_zone_t *one, const flow_zone_t *other)
{
    uint32_t            i;
    flow_series_view_t  a, b;

    for (i = 0; i < one->series || i < other->series; i++) {
        bool  has = i < one->series && flow_zone_read_series(one, i, &a);

        if (has != (i < other->series && flow_zone_read_series(other, i, &b))
            || (has && (a.direction != b.direction || a.bytes != b.bytes
                        || a.source_as != b.source_as
                        || a.destination_as != b.destination_as
                        || !is_text(a.source_name, b.source_name)
                        || !is_text(a.destination_name, b.destination_name)
                        || !is_text(a.hostname, b.hostname))))
        {
            return false;
        }
    }

    return one->left_series == other->left_series
           && memcmp((const void *) one->left_bytes,
                     (const void *) other->left_bytes,
                     sizeof(one->left_bytes)) == 0;
}


static bool
image_is_equal(void)
{
    char         *image = flow_image_create(it.zone);
    bool          equal;
    flow_zone_t  *loaded = make_zone();

    replay(loaded, image);
    equal = are_equal(it.zone, loaded);
    free(image);
    free(loaded);

    return equal;
}


/* What each series must show, and when it had its last flow. */

typedef struct {
    uint64_t  bytes;
    uint32_t  last;
} known_t;

static known_t   known[AS][AS][HOSTS];
static uint64_t  sent, model_left;


static void
count_some(void)
{
    char      host[8];
    unsigned  i, flows = (unsigned) random_below(20);

    for (i = 0; i < flows; i++) {

        /* populations that come and go */

        uint32_t  s = (uint32_t) (it.moved / 40 * 3 + random_below(8)) % AS;
        uint32_t  d = random_below(2) == 0 ? OWN : (uint32_t) random_below(AS);
        uint32_t  h = (uint32_t) random_below(HOSTS);
        uint64_t  bytes = 1 + random_below(1u << 30);

        snprintf(host, sizeof(host), "h%u", h);
        count(s, d, host, bytes);
        known[s][d][h].bytes += bytes;
        known[s][d][h].last = it.moved;
        sent += bytes;
    }
}


static uint32_t
direction(uint32_t s, uint32_t d)
{
    return s == OWN ? FLOW_TRANSMIT : d == OWN ? FLOW_RECEIVE : FLOW_TRANSIT;
}


/* Each series is exact; one that is gone has had no flow for the time. */

static unsigned
compare(void)
{
    unsigned             wrong = 0;
    uint32_t             i;
    known_t             *one = &known[0][0][0];
    flow_series_view_t   v;

    static uint64_t  shown[AS][AS][HOSTS];

    memset(shown, 0, sizeof(shown));

    for (i = FLOW_DIRECTION_COUNT; i < it.zone->series; i++) {
        if (flow_zone_read_series(it.zone, i, &v)) {
            wrong += v.direction != direction(v.source_as, v.destination_as);
            shown[v.source_as][v.destination_as][v.hostname.data[1] - '0']
                += v.bytes;
        }
    }

    for (i = 0; i < AS * AS * HOSTS; i++) {
        if ((&shown[0][0][0])[i] != one[i].bytes) {
            wrong += (&shown[0][0][0])[i] != 0
                     || it.moved - one[i].last <= LIMIT;
            model_left += one[i].bytes;
            one[i].bytes = 0;
        }
    }

    return wrong + (left() != model_left)
           + (zone_total(it.zone) + left() != sent);
}


static flow_names_t *
make_names(uint32_t numbers)
{
    int            fd = memfd_create("names", 0);
    char           path[32];
    uint32_t       i;
    flow_error_t   error;
    flow_names_t  *list;

    for (i = 0; i < numbers; i++) {
        dprintf(fd, "%u N%.*s%u\n", i, (int) (i * 7919 % 60),
                "-----------------------------------------------------------",
                i);
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    list = flow_names_create(path, &error);
    close(fd);

    return list;
}


static void
test_random(void)
{
    unsigned  round, wrong = 0, unequal = 0, writers = 1;

    begin(make_names(AS));

    for (round = 0; round < ROUNDS && wrong == 0; round++) {
        count_some();
        (void) commit((uint32_t) random_below(8), random_below(4) != 0);

        wrong += compare();

        if (round % 8 == 0) {
            unequal += !are_equal(it.zone, copy);
        }

        if (random_below(100) == 0) {
            close_writer();
            open_writer();
            writers++;
        }

        if (random_below(50) == 0) {
            unequal += !image_is_equal();
        }
    }

    ok(wrong == 0, "%u rounds, %u writers: each series is exact, %llu left in "
       "time, and shown and left are all", round, writers,
       (unsigned long long) it.zone->left_series);
    ok(unequal == 0, "records and images make the same zone elsewhere");
    ok(it.zone->overflow_records == 0, "there was room for all");

    for (round = 0; round < 100; round++) {
        (void) commit(LIMIT + 1, true);
    }

    ok(zone_total(it.zone) == 0 && left() == sent, "in the end all have left");
    ok(it.zone->unused_series + FLOW_DIRECTION_COUNT == it.zone->series
       && it.zone->unused_hosts + 1 == it.zone->hosts
       && it.zone->unused_as_numbers + 1 == it.zone->as_numbers,
       "and their hosts and AS numbers with them");
    end();
}


/* Twenty AS have a host in common, whose name is as long as it likes. */

static const char *
host_of(uint32_t number)
{
    size_t       length = number / 20 * 104729 % 200;
    static char  host[400];

    memset(host, 'x', sizeof(host));
    snprintf(host + length, sizeof(host) - length, "%u", number / 20);

    return host;
}


/* Series whose names are not those of their AS and host. */

static unsigned
misnamed(void)
{
    uint32_t            i;
    unsigned            wrong = 0;
    flow_series_view_t  v;

    for (i = FLOW_DIRECTION_COUNT; i < it.zone->series; i++) {
        wrong += flow_zone_read_series(it.zone, i, &v)
                 && (!is_text(v.hostname, text(host_of(v.source_as)))
                     || !is_text(v.source_name,
                                 flow_names_find(it.names, v.source_as)));
    }

    return wrong;
}


/*
 * New names, for ever, in a zone that has room for a small part of them; from
 * one writer after another.
 */

static void
test_churn(void)
{
    uint32_t  i, number = 0, batch, hosts = 0, overflow = 0, wrong = 0;
    uint64_t  strings = 0, all = 0, capacity;

    begin(make_names(200000));
    capacity = it.zone->capacity.string_bytes;

    for (batch = 0; batch < 600; batch++) {
        for (i = 0; i < 60; i++, number++) {
            count(number, OWN, host_of(number), 1);
            strings += i % 20 == 0 ? strlen(host_of(number)) : 0;
            strings += flow_names_find(it.names, number).len;
            all++;
        }

        hosts += 3;
        overflow += commit(30, true).zone_full;
        wrong += misnamed();

        if (batch % 50 == 49) {
            close_writer();
            open_writer();
        }
    }

    note("%u AS numbers of %u, %u hostnames of %u, %llu bytes of %llu", number,
         it.zone->capacity.as_numbers, hosts, it.zone->capacity.hosts,
         (unsigned long long) strings, (unsigned long long) capacity);
    ok(number > 5 * it.zone->capacity.as_numbers
       && number > 3 * it.zone->capacity.series
       && hosts > 3 * it.zone->capacity.hosts && strings > 5 * capacity,
       "several times what the zone has room for");
    ok(overflow == 0 && it.zone->overflow_records == 0, "found room in turn");
    ok(wrong == 0, "each had the names of its own");
    ok(zone_total(it.zone) + left() == all, "and shown and left are all");
    ok(are_equal(it.zone, copy) && image_is_equal(),
       "records and image make the same zone");
    end();
}


/* Room of what has left stays as it is for the whole of its rest. */

static void
test_rest(void)
{
    char                name[80], host[16];
    uint32_t            i, first;
    unsigned            wrong = 0;
    flow_series_view_t  view;

    begin(make_names(5000));
    count(1, OWN, "the-host", 5);
    (void) commit(1, true);
    first = it.zone->series - 1;
    (void) flow_zone_read_series(it.zone, first, &view);
    snprintf(name, sizeof(name), "%.*s", (int) view.source_name.len,
             view.source_name.data);

    (void) commit(LIMIT - 1, true);
    ok(it.zone->left_series == 0, "a series stays for its time");
    (void) commit(2, true);
    ok(it.zone->left_series == 1 && left() == 5, "and leaves after it");
    ok(it.zone->unused_series == 1 && it.zone->unused_as_numbers == 2,
       "its entries are out of use");

    for (i = 0; i * 1000 < REST - 1000; i++) {
        snprintf(host, sizeof(host), "%u", i % 100);
        count(100 + i, OWN, host, 1);
        (void) commit(1, false);
        wrong += flow_zone_series(it.zone)[first].used != 0
                 || !is_text(view.source_name, text(name))
                 || !is_text(view.hostname, text("the-host"));
    }

    ok(wrong == 0, "nothing is written over them while they rest");

    for (i = 0; i * 1000 < 2 * REST; i++) {
        count(2000 + i, OWN, "h", 1);
        (void) commit(1, false);
    }

    ok(flow_zone_series(it.zone)[first].used != 0, "they are used later");
    ok(are_equal(it.zone, copy), "in the same way elsewhere");
    end();
}


static void
test_back(void)
{
    uint32_t  first;

    begin(NULL);
    count(1, OWN, "h", 5);
    (void) commit(1, true);
    first = it.zone->series - 1;
    (void) commit(LIMIT + 1, true);
    ok(it.zone->left_series == 1, "a series leaves");

    count(1, OWN, "h", 3);
    (void) commit(1, true);
    ok(zone_bytes(it.zone, FLOW_RECEIVE, 1, OWN, "h") == 3
       && first == it.zone->series - 1 && it.zone->unused_series == 0,
       "back soon, it is where it was, with its new bytes only");

    (void) commit(LIMIT + 1, true);
    (void) commit(REST / 1000, true);
    (void) commit(REST / 1000, true);
    (void) commit(REST / 1000, true);
    count(1, OWN, "h", 2);
    (void) commit(1, true);
    ok(zone_bytes(it.zone, FLOW_RECEIVE, 1, OWN, "h") == 2 && left() == 8,
       "and late, too");
    ok(are_equal(it.zone, copy) && image_is_equal(), "elsewhere as well");

    count(2, OWN, "h", 1);
    (void) commit(LIMIT + 1, false);
    (void) flow_zone_expire(it.writer, LIMIT);
    count(2, OWN, "h", 1);
    (void) commit(0, false);
    ok(zone_bytes(it.zone, FLOW_RECEIVE, 2, OWN, "h") == 2,
       "one that was to leave stays for a flow that comes in between");
    end();
}


/* A writer that dies with a record in hand leaves something in a hole. */

static void
test_death(void)
{
    flow_str_t             record;
    flow_publish_events_t  events;

    begin(NULL);
    count(1, OWN, "h", 5);
    (void) commit(1, true);
    (void) commit(LIMIT + 1, true);
    (void) commit(REST / 1000, true);
    (void) commit(REST / 1000, true);
    (void) commit(REST / 1000, true);

    count(2, 3, "another", 1);
    count(4, 5, "one more", 1);
    ok(flow_pipeline_compose(it.pipeline, &record, &events) == FLOW_OK,
       "a record that is never applied");
    close_writer();

    ok(zone_total(it.zone) == 0 && image_is_equal(), "is not seen");
    open_writer();
    it.offset = flow_pipeline_next_offset(it.pipeline, 0, 0);
    count(2, 3, "another", 1);
    (void) commit(1, true);
    ok(zone_bytes(it.zone, FLOW_TRANSIT, 2, 3, "another") == 1
       && are_equal(it.zone, copy) && image_is_equal(),
       "and the next writer goes on");
    end();
}


/* Names that change go first; and may do so any number of times. */

static void
test_names(void)
{
    uint32_t       i;
    flow_names_t  *names;

    begin(NULL);

    for (i = 0; i < 3000; i++) {
        count(100 + i, OWN, "h", 1);

        if (i % 100 == 99) {
            (void) commit(0, false);
        }
    }

    names = make_names(5000);
    it.names = names;
    flow_zone_adopt_names(it.writer, names);
    flow_zone_hold_names(it.writer, true);
    ok(!flow_zone_has_renames(it.writer), "names may have to wait");
    flow_zone_hold_names(it.writer, false);

    (void) commit(LIMIT + 2, true);
    ok(it.zone->left_series == 0 && flow_zone_has_renames(it.writer),
       "nothing leaves while names change");

    for (i = 0; i < 20; i++) {
        (void) commit(1, true);
    }

    ok(it.zone->left_series == 3000 && left() == 3000, "but then");
    ok(are_equal(it.zone, copy), "in the same way elsewhere");
    end();
}


static void
test_new_names(void)
{
    uint32_t       i;
    unsigned       missed = 0;
    flow_names_t  *names[2];

    begin(make_names(1000));
    names[0] = it.names;
    names[1] = make_names(500);

    for (i = 0; i < 1000; i++) {
        count(100 + i, OWN, "h", 1);
    }

    for (i = 0; i < 100; i++) {
        missed += commit(REST / 1000, false).names_missed;
        flow_zone_adopt_names(it.writer, names[i % 2]);
    }

    ok(missed == 0, "names come and go, and their room with them");
    flow_names_destroy(names[1]);
    end();
}


/* Series of no host have their flows in "other", and their host leaves. */

static void
test_overflow(void)
{
    uint32_t  i, shown = 0;
    uint64_t  total;

    begin(NULL);

    for (i = 0; i < it.zone->capacity.series + 500; i++) {
        count(i % 2000, 3000 + i / 2000, "h", 1);

        if (i % 200 == 199) {
            (void) commit(0, false);
        }
    }

    count(1, 2, "only-other", 1);
    (void) commit(0, false);
    total = zone_total(it.zone);

    for (i = 0; i < 60; i++) {
        (void) commit(LIMIT + 1, true);
    }

    for (i = FLOW_DIRECTION_COUNT; i < it.zone->series; i++) {
        shown += it.zone->overflow_records == 0
                 || flow_zone_series(it.zone)[i].used != 0;
    }

    ok(shown == 0 && zone_total(it.zone) != 0
       && zone_total(it.zone) + left() == total,
       "all but the series of overflow leave");
    ok(it.zone->unused_hosts + 1 == it.zone->hosts,
       "a host without a series leaves as well");
    end();
}


static atomic_bool  finished;
static unsigned     torn, looks;


/* Both AS of a series are one, and its bytes tell it. */

static void *
read_zone(void *data)
{
    uint32_t            i, filled;
    flow_series_view_t  v;

    (void) data;

    while (!finished) {
        filled = atomic_load_explicit(&it.zone->series, memory_order_acquire);

        for (i = FLOW_DIRECTION_COUNT; i < filled; i++) {
            if (flow_zone_read_series(it.zone, i, &v)) {
                torn += v.source_as != v.destination_as
                        || v.bytes != v.source_as;
                looks++;
            }
        }
    }

    return NULL;
}


/* A clock in a hurry: nothing rests here. */

static void
test_readers(void)
{
    uint32_t   i, number = 100;
    unsigned   batch;
    pthread_t  thread;

    begin(NULL);
    pthread_create(&thread, NULL, read_zone, NULL);

    for (batch = 0; batch < 3000; batch++) {
        for (i = 0; i < 10; i++, number++) {
            count(number, number, "", number);
        }

        (void) commit(REST / 1000, true);
    }

    finished = true;
    pthread_join(thread, NULL);
    ok(torn == 0 && it.zone->left_series > 20000, "%u looks at %llu series "
       "that come and go: each is whole", looks,
       (unsigned long long) it.zone->left_series);
    ok(it.zone->series < 200, "in %u places", it.zone->series);
    end();
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_random();
    test_churn();
    test_rest();
    test_back();
    test_death();
    test_names();
    test_new_names();
    test_overflow();
    test_readers();

    return done();
}
