/*
 * flow_aggregate: the sums of a batch are those of a plain list, and nothing
 * is lost where its room ends.
 */

#include <string.h>

#include "flow_aggregate.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define DIRECTIONS  FLOW_DIRECTION_COUNT
#define AS_NUMBERS  11
#define HOSTS       7


/* The reference: one place for each key that can be. */

static struct {
    uint64_t  bytes;
    uint64_t  records;
} sums[DIRECTIONS][AS_NUMBERS][AS_NUMBERS][HOSTS];

static int64_t  newest[HOSTS];

static const flow_batch_limits_t  limits = {
    .sums = 65536,
    .sums_full = 16384,
    .hosts = 4096,
    .hosts_full = 1024,
    .host_bytes = 262144,
    .host_bytes_full = 65536
};


static void
add(flow_batch_t *batch, uint32_t direction, uint32_t source,
    uint32_t destination, const char *hostname, uint64_t bytes, int64_t when)
{
    flow_record_t  record = { bytes, source, destination, text(hostname),
                              false, false };

    flow_aggregate_add(batch, (flow_direction_e) direction, &record, when);
}


static void
add_random(flow_batch_t *batch)
{
    char      name[8];
    int64_t   when = (int64_t) random_below(1000);
    uint32_t  d = (uint32_t) random_below(DIRECTIONS);
    uint32_t  s = (uint32_t) random_below(AS_NUMBERS);
    uint32_t  t = (uint32_t) random_below(AS_NUMBERS);
    uint32_t  h = (uint32_t) random_below(HOSTS);
    uint64_t  bytes = random_below(1 << 20);

    /* host 0 has no name */

    snprintf(name, sizeof(name), "h%u", h);
    name[h == 0 ? 0 : 2] = '\0';
    add(batch, d, s, t, name, bytes, when);

    sums[d][s][t][h].bytes += bytes;
    sums[d][s][t][h].records++;
    newest[h] = when > newest[h] ? when : newest[h];
}


static uint32_t
count_wrong(const flow_batch_t *batch)
{
    uint32_t  i, h, wrong = 0;

    for (i = 0; i < batch->sum_count; i++) {
        const flow_sum_t         *sum = &batch->sums[i];
        const flow_batch_host_t  *host = &batch->hosts[sum->key.host];

        h = host->name.len == 0 ? 0 : (uint32_t) (host->name.data[1] - '0');

        wrong += sum->bytes != sums[sum->key.direction][sum->key.source_as]
                                   [sum->key.destination_as][h].bytes
                 || sum->records != sums[sum->key.direction]
                                        [sum->key.source_as]
                                        [sum->key.destination_as][h].records
                 || host->timestamp != newest[h];

        /* a key that came twice is wrong at its second place */

        sums[sum->key.direction][sum->key.source_as]
            [sum->key.destination_as][h].records = 0;
    }

    return wrong;
}


static void
test_sums(void)
{
    uint32_t       i, round, wrong = 0;
    flow_batch_t  *batch = flow_aggregate_create(1, &limits);

    for (round = 0; round < 20; round++) {
        memset(sums, 0, sizeof(sums));
        memset(newest, 0xff, sizeof(newest));

        for (i = 0; i < 5000; i++) {
            add_random(batch);
        }

        wrong += count_wrong(batch);
        flow_aggregate_reset(batch);
        wrong += batch->sum_count != 0 || batch->host_count != 0;
    }

    ok(wrong == 0, "%u batches of 5000 records: every sum is right", round);
    flow_aggregate_destroy(batch);
}


/* One message that is larger than any batch. */

static void
test_overflow(void)
{
    char           name[16];
    uint32_t       i, d;
    uint64_t       bytes = 0, records = 0;
    flow_batch_t  *batch = flow_aggregate_create(1, &limits);

    for (i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "host%u", i % 5000);
        add(batch, i % DIRECTIONS, i, i + 1, name, i, -1);
    }

    for (i = 0; i < batch->sum_count; i++) {
        bytes += batch->sums[i].bytes;
        records += batch->sums[i].records;
    }

    for (d = 0; d < DIRECTIONS; d++) {
        ok(batch->overflow[d].records > 0, "direction %u has overflow", d);
        bytes += batch->overflow[d].bytes;
        records += batch->overflow[d].records;
    }

    ok(bytes == UINT64_C(99999) * 50000 && records == 100000,
       "sums and overflow are the whole");
    ok(flow_aggregate_is_full(batch), "the batch is full");

    flow_aggregate_reset(batch);
    ok(!flow_aggregate_is_full(batch) && flow_aggregate_is_empty(batch)
       && batch->overflow[0].records == 0, "and empty when it is reset");
    flow_aggregate_destroy(batch);
}


static void
test_wrap(void)
{
    flow_batch_t  *batch = flow_aggregate_create(1, &limits);

    add(batch, 0, 1, 2, "h", UINT64_MAX, -1);
    ok(!batch->wrapped, "2^64 - 1 has room");
    add(batch, 0, 1, 2, "h", 1, -1);
    ok(batch->wrapped && batch->sums[0].bytes == 0,
       "2^64 begins anew, and is told");
    flow_aggregate_destroy(batch);
}


static void
test_advances(void)
{
    int32_t        p;
    uint32_t       i, wrong = 0;
    int64_t        next[2][300] = { { 0 } };
    flow_batch_t  *batch = flow_aggregate_create(2, &limits);

    for (i = 0; i < 20000; i++) {
        uint32_t  topic = (uint32_t) random_below(2);

        p = (int32_t) random_below(300);
        next[topic][p]++;
        wrong += flow_aggregate_advance(batch, topic, p, next[topic][p])
                 == NULL;
    }

    for (i = 0; i < batch->advance_count; i++) {
        const flow_advance_t  *advance = &batch->advances[i];

        wrong += advance->to != next[advance->topic][advance->partition];
    }

    ok(wrong == 0 && batch->advance_count == 600,
       "each partition advances to its last offset, once");
    flow_aggregate_destroy(batch);
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_sums();
    test_overflow();
    test_wrap();
    test_advances();

    return done();
}
