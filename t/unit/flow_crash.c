/*
 * Exactly once: lives of a process, each of which dies at a step of compose,
 * append, apply, recover, image or load, at each one in turn and then at
 * random ones, also while it recovers from the death before.  Whoever comes
 * next finds each record counted once, and nothing less than was shown.
 * Sometimes the zone goes too, as it does when nginx ends.  Series expire, and
 * their room is used again, all the while.
 *
 * A build of its own has the steps; see flow_step.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_recover.h"
#include "flow_step.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define ZONE_SIZE   (1024 * 1024)
#define PARTITIONS  3
#define AS_NUMBERS  7
#define HOSTS       3
#define OWN         3
#define BATCHES     6
#define MESSAGES    8            /* a batch */
#define IDLE        3            /* batches until a series leaves */
#define ORDERLY     2000         /* lives that die at step 1, 2, 3 ... */
#define RANDOM      1000

#define DIED        77
#define WRONG       78


/* What outlives a process, beside the zone. */

typedef struct {
    int64_t   shown[PARTITIONS];
    int64_t   forgotten[PARTITIONS];    /* where it was, for who comes next */
    bool      cluster;           /* has been noted */
    uint64_t  steps;             /* of the last life that came to its end */
    char      died_at[32];
    char      wrong[256];
} shared_t;


static shared_t      *shared;
static flow_zone_t   *zone;
static char           directory[PATH_MAX];
static char           lease_path[PATH_MAX + 16];
static uint64_t       now;
static unsigned       die_at;
static unsigned       steps;
static flow_error_t   error;

static const uint32_t    own[] = { OWN };
static const flow_str_t  topics[] = { flow_string("flows") };


void
flow_step(const char *name)
{
    if (++steps == die_at) {
        snprintf(shared->died_at, sizeof(shared->died_at), "%s", name);
        _exit(DIED);
    }
}


static void
require(bool holds, const char *what)
{
    if (!holds) {
        snprintf(shared->wrong, sizeof(shared->wrong), "%s (%.180s)", what,
                 error.text);
        _exit(WRONG);
    }
}


static void
count_invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;
}


/* What Kafka has at an offset, for ever the same. */

typedef struct {
    uint32_t  source;
    uint32_t  destination;
    uint32_t  host;
    uint64_t  bytes;
} known_t;

static known_t
known(int32_t partition, int64_t offset)
{
    uint64_t  n = (uint64_t) offset * PARTITIONS + (uint64_t) partition;
    known_t   record;

    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    record.source = (uint32_t) (n >> 40) % AS_NUMBERS;
    record.destination = (uint32_t) (n >> 30) % AS_NUMBERS;
    record.host = (uint32_t) (n >> 20) % HOSTS;
    record.bytes = n >> 50;

    /* numbers and hosts that come one after another */

    record.source += (uint32_t) (offset / 50) % 20 * AS_NUMBERS;

    return record;
}


static flow_direction_e
direction(const known_t *record)
{
    return record->source == OWN ? FLOW_TRANSMIT
           : record->destination == OWN ? FLOW_RECEIVE : FLOW_TRANSIT;
}


/*
 * The zone against a plain sum over all that it says that it has counted: a
 * series shows all of its bytes, unless it has left; what has left is known by
 * its direction.
 */

static void
require_exact(const int64_t *next)
{
    char       name[8];
    int32_t    p;
    int64_t    offset;
    uint32_t   s, t, h, d;
    uint64_t   records = 0, shown, left, lacking;

    static uint64_t  sums[FLOW_DIRECTION_COUNT][AS_NUMBERS * 20]
                         [AS_NUMBERS][HOSTS];

    memset(sums, 0, sizeof(sums));

    for (p = 0; p < PARTITIONS; p++) {
        for (offset = 0; offset < next[p]; offset++) {
            known_t  record = known(p, offset);

            sums[direction(&record)][record.source][record.destination]
                [record.host] += record.bytes;
            records++;
        }
    }

    for (d = 0, lacking = 0; d < FLOW_DIRECTION_COUNT; d++) {
        left = 0;

        for (s = 0; s < AS_NUMBERS * 20; s++) {
            for (t = 0; t < AS_NUMBERS; t++) {
                for (h = 0; h < HOSTS; h++) {
                    if (sums[d][s][t][h] == 0) {
                        continue;
                    }

                    snprintf(name, sizeof(name), "h%u", h);
                    shown = zone_bytes(zone, d, s, t, name);
                    require(shown <= sums[d][s][t][h], "a sum is too large");
                    left += sums[d][s][t][h] - shown;
                    lacking += shown != sums[d][s][t][h];
                }
            }
        }

        require(left == zone->left_bytes[d], "what has left is wrong");
    }

    require(lacking <= zone->left_series, "a sum is wrong");

    require(zone->records[FLOW_RECEIVE] + zone->records[FLOW_TRANSMIT]
            + zone->records[FLOW_TRANSIT] == records,
            "the number of records is wrong");
}


static void
begin_log(flow_store_t *store, const flow_recovered_t *recovered)
{
    flow_position_t  first = flow_journal_position(zone);

    first.lineage = recovered->lineage;
    first.epoch = recovered->state.epoch;
    first.number++;

    require(flow_store_begin_log(store, &first, &error) == FLOW_OK,
            "no new log");
}


static void
write_image(flow_store_t *store)
{
    char  *image = flow_image_create(zone);

    require(image != NULL, "no memory");
    require(flow_store_write_image(store, image, &error) == FLOW_OK,
            "no image");
    free(image);
}


static void
deliver(flow_pipeline_t *pipeline, int32_t partition)
{
    char            value[128];
    int64_t         next = flow_pipeline_next_offset(pipeline, 0, partition);
    known_t         record = known(partition, next);
    flow_message_t  message = { 0, partition, next, 1000 + next,
                                { 0, value } };

    message.value.len = (size_t) snprintf(value, sizeof(value),
        "{\"as_src\":%u,\"as_dst\":%u,\"bytes\":%llu,\"label\":\"h%u\"}",
        record.source, record.destination,
        (unsigned long long) record.bytes, record.host);

    require(flow_pipeline_message(pipeline, &message) == FLOW_OK,
            "a message is taken");
}


static void
commit(flow_zone_writer_t *writer, flow_pipeline_t *pipeline,
    flow_store_t *store)
{
    int32_t                p;
    flow_str_t             record;
    flow_publish_events_t  events;

    /* two batches later, what has left may be used again */

    now += 180000;
    flow_zone_turn(writer, now);
    flow_zone_age(writer, 1);
    (void) flow_zone_expire(writer, IDLE);

    if (flow_pipeline_is_empty(pipeline)) {
        return;
    }

    require(flow_pipeline_compose(pipeline, &record, &events) == FLOW_OK,
            "a record is composed");
    require(flow_store_append(store, record.data, &error) == FLOW_OK,
            "a record is appended");
    flow_pipeline_apply(pipeline);

    for (p = 0; p < PARTITIONS; p++) {
        if (flow_pipeline_next_offset(pipeline, 0, p) != -1) {
            shared->shown[p] = flow_pipeline_next_offset(pipeline, 0, p);
        }
    }

    shared->cluster = true;
}


/*
 * As a partition does that goes to another instance and comes back when that
 * has counted nothing.
 */

static void
forget(flow_zone_writer_t *writer, flow_pipeline_t *pipeline,
    flow_store_t *store, int32_t partition)
{
    int64_t  next = flow_pipeline_next_offset(pipeline, 0, partition);

    shared->forgotten[partition] = next;
    require(flow_pipeline_forget(pipeline, 0, partition) == FLOW_OK,
            "a partition is forgotten");

    if (random_below(2) == 0) {
        commit(writer, pipeline, store);
    }

    require(flow_pipeline_begin(pipeline, 0, partition, next, &error)
            == FLOW_OK, "a partition comes back");
}


/* Takes the zone over, and sees whether it is exact. */

static flow_store_t *
take_over(flow_lease_t *lease, flow_recovered_t *recovered)
{
    pid_t          holder;
    int32_t        p;
    int64_t        next[PARTITIONS] = { 0 };
    uint32_t       i;
    flow_store_t  *store;

    flow_lease_init(lease, lease_path);
    require(flow_lease_take(lease, 1, &holder, &error) == FLOW_OK, "a lease");
    store = flow_store_open(directory, "crash", &error);
    require(store != NULL, "a store");
    require(flow_recover(zone, store, lease, random_below(1 << 30) + 1,
                         recovered, &error) == FLOW_OK, "recovery");
    require(!recovered->withhold && zone->live, "it may be shown");

    for (i = 0; i < zone->partitions; i++) {
        next[flow_zone_partitions(zone)[i].partition] =
            flow_zone_partitions(zone)[i].next_offset;
    }

    for (p = 0; p < PARTITIONS; p++) {
        if (next[p] == -1) {
            next[p] = shared->forgotten[p];
        }

        require(next[p] >= shared->shown[p], "less than was shown");
    }

    require(!shared->cluster || strcmp(zone->cluster, "one") == 0,
            "the cluster that was noted");

    require_exact(next);

    return store;
}


static void
count(flow_zone_writer_t *writer, flow_pipeline_t *pipeline,
    flow_store_t *store, const flow_recovered_t *recovered)
{
    unsigned  batch, message;

    for (batch = 0; batch < BATCHES; batch++) {
        for (message = 0; message < MESSAGES; message++) {
            deliver(pipeline, (int32_t) random_below(PARTITIONS));
        }

        if (batch == 1) {
            forget(writer, pipeline, store,
                   (int32_t) random_below(PARTITIONS));
        }

        commit(writer, pipeline, store);

        if (batch == BATCHES / 2) {
            begin_log(store, recovered);
            write_image(store);
        }
    }
}


static void
live(void)
{
    int32_t               p;
    flow_store_t         *store;
    flow_lease_t          lease;
    flow_pipeline_t      *pipeline;
    flow_recovered_t      recovered;
    flow_zone_writer_t   *writer;
    flow_pipeline_conf_t  conf = {
        &flow_format_pmacct, NULL, { own, 1 }, true, topics, 1,
        count_invalid, NULL
    };

    store = take_over(&lease, &recovered);
    writer = flow_zone_writer_create(zone, &error);
    pipeline = flow_pipeline_create(&conf, writer, &error);
    flow_pipeline_set_epoch(pipeline, recovered.lineage,
                            recovered.state.epoch);

    for (p = 0; p < PARTITIONS; p++) {
        if (flow_pipeline_next_offset(pipeline, 0, p) == -1) {
            require(flow_pipeline_begin(pipeline, 0, p, shared->forgotten[p],
                                        &error)
                    == FLOW_OK, "a partition begins");
        }
    }

    if (flow_pipeline_cluster(pipeline)[0] == '\0') {
        require(flow_pipeline_set_cluster(pipeline, "one") == FLOW_OK,
                "a cluster is noted");
    }

    begin_log(store, &recovered);

    if (recovered.how == FLOW_RECOVERED_FIRST
        || recovered.how == FLOW_RECOVERED_AHEAD)
    {
        write_image(store);
    }

    count(writer, pipeline, store, &recovered);

    flow_pipeline_destroy(pipeline);
    flow_zone_writer_destroy(writer);
    flow_store_close(store);
    flow_lease_close(&lease);
    shared->steps = steps;
}


/* One life, which dies at a step; 0: at none. */

static bool
run(unsigned step, uint64_t seed, void (*life)(void))
{
    int    status;
    pid_t  pid = fork();

    if (pid == 0) {
        die_at = step;
        random_state = seed | 1;
        life();
        _exit(0);
    }

    if (waitpid(pid, &status, 0) != pid) {
        return false;
    }

    return WIFEXITED(status)
           && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
}


/*
 * Files lack a record that was shown, and who takes the last trace of it away
 * may die next: nobody shows less for all that.
 */

static void
take_less(void)
{
    pid_t             holder;
    flow_lease_t      lease;
    flow_store_t     *store;
    flow_recovered_t  recovered;

    flow_lease_init(&lease, lease_path);
    require(flow_lease_take(&lease, 1, &holder, &error) == FLOW_OK, "a lease");
    store = flow_store_open(directory, "crash", &error);
    require(store != NULL, "a store");
    require(flow_recover(zone, store, &lease, 1, &recovered, &error)
            == FLOW_OK, "recovery");
    require(recovered.withhold && !zone->live, "less is not shown");
    shared->steps = steps;
}


/* Flips a bit of the last record of all. */

static bool
damage(void)
{
    int     c;
    bool    flipped = false;
    char    pattern[PATH_MAX + 16];
    FILE   *log;
    size_t  i;
    glob_t  logs;

    snprintf(pattern, sizeof(pattern), "%s/crash.log.*", directory);

    if (glob(pattern, 0, NULL, &logs) != 0) {
        return false;
    }

    for (i = logs.gl_pathc; !flipped && i != 0; i--) {
        log = fopen(logs.gl_pathv[i - 1], "r+");

        if (log != NULL && fseek(log, -1, SEEK_END) == 0) {
            c = getc(log);
            flipped = fseek(log, -1, SEEK_END) == 0
                      && putc(c ^ 1, log) != EOF;
        }

        flipped = log != NULL && fclose(log) == 0 && flipped;
    }

    globfree(&logs);

    return flipped;
}


static void
forget_zone(void)
{
    memset((void *) zone, 0, ZONE_SIZE);
    (void) flow_zone_format(zone, ZONE_SIZE);
}


static bool
prepare(void)
{
    /* where a sync costs nothing: only the order of things is looked at */

    snprintf(directory, sizeof(directory), "%s/flow_crash.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");

    if (mkdtemp(directory) == NULL) {
        return false;
    }

    snprintf(lease_path, sizeof(lease_path), "%s/crash.lease", directory);

    shared = mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    zone = mmap(NULL, ZONE_SIZE, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return shared != MAP_FAILED && zone != MAP_FAILED;
}


static void
clean_up(void)
{
    char  command[PATH_MAX + 16];

    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    ok(system(command) == 0, "the directory is removed");
}


static void
test_damaged(void)
{
    bool      good;
    unsigned  step;

    good = damage();
    shared->steps = 0;

    for (step = 1; good && shared->steps == 0; step++) {
        forget_zone();
        good = run(step, 1, take_less);
    }

    ok(good && step > 5, "a damaged record, and a death at each of %u steps of "
       "recovery: less is not shown", step - 2);

    if (!good) {
        note("step %u, death before that at \"%s\": %s", step - 1,
             shared->died_at, shared->wrong);
    }
}


int
main(int argc, char **argv)
{
    bool      good = true;
    unsigned  life, lost = 0, step;

    random_begin(argc, argv);

    if (!ok(prepare(), "a zone and a directory")) {
        return done();
    }

    forget_zone();

    for (life = 0; good && life < ORDERLY + RANDOM; life++) {
        step = life < ORDERLY ? life : 1 + (unsigned) random_below(1500);

        if (random_below(3) == 0) {
            forget_zone();
            lost++;
        }

        good = run(step, random_below(UINT64_MAX), live);
    }

    ok(good, "%u lives, before %u of which the zone was lost: each record "
       "once", life, lost);

    if (!good) {
        note("life %u, step %u, death before that at \"%s\": %s", life, step,
             shared->died_at, shared->wrong);
    }

    good = run(0, random_below(UINT64_MAX), live);
    ok(good, "and one to its end, of %llu steps",
       (unsigned long long) shared->steps);

    if (!good) {
        note("%s", shared->wrong);
    }

    ok(zone->left_series > RANDOM, "%llu series left in them",
       (unsigned long long) zone->left_series);

    test_damaged();
    clean_up();

    return done();
}
