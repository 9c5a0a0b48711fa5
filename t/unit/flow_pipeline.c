/*
 * flow_pipeline: random messages in, and the zone shows what a plain sum over
 * them says; whatever is delivered twice, left out, or cut short by the end of
 * a process.  Publishing is seen through it.
 */

#include "flow_metrics.h"
#include "flow_pipeline.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define PARTITIONS  3
#define AS_NUMBERS  9
#define HOSTS       4
#define OWN         5


static flow_zone_t             *zone;
static flow_zone_writer_t      *writer;
static flow_pipeline_t         *pipeline;
static flow_error_t             error;
static uint64_t                 epoch;
static flow_publish_events_t    events;

static uint64_t  invalid, decoded, skipped, duplicates;

/* The reference: bytes by direction, AS numbers, host; and the offsets. */

static uint64_t  sums[FLOW_DIRECTION_COUNT][AS_NUMBERS][AS_NUMBERS][HOSTS];
static int64_t   next[PARTITIONS];
static uint64_t  saved_sums[FLOW_DIRECTION_COUNT][AS_NUMBERS][AS_NUMBERS]
                           [HOSTS];
static int64_t   saved_next[PARTITIONS];

static const uint32_t    own[] = { OWN };
static const flow_str_t  topics[] = { flow_string("flows"),
                                      flow_string("more") };


static void
count_invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;
    invalid++;
}


static void
open_pipeline(bool transit)
{
    flow_pipeline_conf_t  conf = {
        &flow_format_pmacct, NULL, { own, 1 }, transit, topics, 2,
        count_invalid, NULL
    };

    writer = flow_zone_writer_create(zone, &error);
    pipeline = flow_pipeline_create(&conf, writer, &error);
    flow_pipeline_set_epoch(pipeline, 1, ++epoch);
}


static void
close_pipeline(void)
{
    flow_pipeline_destroy(pipeline);
    flow_zone_writer_destroy(writer);
}


static flow_topic_t *
topic(void)
{
    return flow_zone_topics(zone);
}


static int
deliver(int32_t partition, int64_t offset, const char *value)
{
    flow_message_t  message = { 0, partition, offset, 1000 + offset,
                                text(value) };

    return flow_pipeline_message(pipeline, &message);
}


/* A message of one to three records, which the reference knows. */

static int
deliver_random(int32_t partition, int64_t offset, bool counted)
{
    char      value[512];
    size_t    len = 0;
    uint32_t  n = 1 + (uint32_t) random_below(3);

    while (n-- > 0) {
        uint32_t  s = (uint32_t) random_below(AS_NUMBERS);
        uint32_t  t = (uint32_t) random_below(AS_NUMBERS);
        uint32_t  h = (uint32_t) random_below(HOSTS);
        uint64_t  bytes = random_below(1000000);

        len += (size_t) snprintf(value + len, sizeof(value) - len,
                                 "{\"as_src\":%u,\"as_dst\":%u,\"bytes\":%llu,"
                                 "\"label\":\"h%u\"}\n", s, t,
                                 (unsigned long long) bytes, h);

        if (counted) {
            sums[s == OWN ? FLOW_TRANSMIT
                 : t == OWN ? FLOW_RECEIVE : FLOW_TRANSIT][s][t][h] += bytes;
        }
    }

    return deliver(partition, offset, value);
}


static uint32_t
count_wrong(void)
{
    char      name[8];
    uint32_t  d, s, t, h, wrong = 0;

    for (d = 0; d < FLOW_DIRECTION_COUNT; d++) {
        for (s = 0; s < AS_NUMBERS; s++) {
            for (t = 0; t < AS_NUMBERS; t++) {
                for (h = 0; h < HOSTS; h++) {
                    snprintf(name, sizeof(name), "h%u", h);
                    wrong += zone_bytes(zone, d, s, t, name)
                             != sums[d][s][t][h];
                }
            }
        }
    }

    return wrong;
}


/* Some messages: most in order, some again, some after a jump. */

static uint32_t
run_messages(uint32_t count)
{
    int32_t   p;
    uint32_t  wrong = 0;

    while (count-- > 0) {
        p = (int32_t) random_below(PARTITIONS);

        if (next[p] > 0 && random_below(5) == 0) {
            duplicates++;
            wrong += deliver_random(p, (int64_t) random_below((uint64_t)
                                                              next[p]), false)
                     != FLOW_OK;
            continue;
        }

        if (random_below(10) == 0) {
            skipped += 3;
            next[p] += 3;
        }

        wrong += deliver_random(p, next[p]++, true) != FLOW_OK;
        decoded++;
    }

    return wrong;
}


/*
 * Lives of a process, of which some end without a commit: the next one gets
 * other messages at those offsets, and only they count.
 */

static void
test_lives(void)
{
    bool      committed = false;
    int32_t   p;
    uint32_t  life, wrong = 0, ends = 0;

    zone = zone_create(1 << 20);

    for (life = 0; life < 60; life++) {
        open_pipeline(true);

        for (p = 0; p < PARTITIONS; p++) {
            wrong += flow_pipeline_next_offset(pipeline, 0, p)
                     != (committed ? next[p] : -1);
            wrong += !committed
                     && flow_pipeline_begin(pipeline, 0, p, 0, &error)
                        != FLOW_OK;
        }

        if (random_below(3) != 0) {
            wrong += run_messages(100);
            zone_commit(pipeline, &events);
            wrong += !flow_pipeline_is_empty(pipeline);
            committed = true;

        } else {
            const uint64_t  counts[] = { decoded, skipped, duplicates };

            memcpy(saved_sums, sums, sizeof(sums));
            memcpy(saved_next, next, sizeof(next));
            wrong += run_messages(100);
            memcpy(sums, saved_sums, sizeof(sums));
            memcpy(next, saved_next, sizeof(next));
            decoded = counts[0];
            skipped = counts[1];
            duplicates = counts[2];
            ends++;
        }

        close_pipeline();
        wrong += count_wrong();
    }

    ok(wrong == 0, "%u lives, %u of them cut short: every sum and offset",
       life, ends);
    ok(topic()->messages[FLOW_MESSAGE_DECODED] == decoded
       && topic()->skipped_offsets == skipped
       && topic()->duplicate_messages == duplicates,
       "messages, offsets left out and duplicates are counted");
}


static void
test_results(void)
{
    static const char  value[] =
        "{\"as_src\":1,\"as_dst\":5,\"bytes\":1}"
        "{\"as_src\":5,\"as_dst\":1,\"bytes\":2}"
        "{\"as_src\":1,\"as_dst\":2,\"bytes\":4}"
        "{\"event_type\":\"purge_init\"}"
        "{\"as_src\":1,\"as_dst\":2,\"bytes\":-4}";

    zone = zone_create(1 << 20);
    open_pipeline(false);
    invalid = 0;

    (void) !flow_pipeline_begin(pipeline, 0, 0, 10, &error);
    ok(deliver(0, 10, value) == FLOW_OK && zone->commits == 0
       && zone->partitions == 0 && zone->series == 0,
       "before the commit nothing is seen");
    zone_commit(pipeline, &events);

    ok(zone->records[FLOW_RESULT_RECEIVE] == 1
       && zone->records[FLOW_RESULT_TRANSMIT] == 1
       && zone->records[FLOW_RESULT_TRANSIT] == 1
       && zone->records[FLOW_RESULT_SKIPPED] == 1
       && zone->records[FLOW_RESULT_INVALID] == 1
       && zone->skipped[FLOW_SKIP_EVENT_TYPE] == 1
       && zone->invalid[FLOW_REASON_NEGATIVE] == 1 && invalid == 1,
       "one record of each result");
    ok(zone_total(zone) == 3, "without \"transit\" it has no series");
    ok(zone->commits == 1 && flow_zone_partitions(zone)[0].next_offset == 11
       && topic()->message_bytes == sizeof(value) - 1, "one commit");
    ok(flow_zone_hosts(zone)[1].timestamp == 1010,
       "the host was last heard of then");
    close_pipeline();
}


static void
test_offsets(void)
{
    uint64_t           lag;
    flow_partition_t  *slot;

    zone = zone_create(1 << 20);
    open_pipeline(false);

    ok(!flow_pipeline_is_new(pipeline, 0, 0),
       "a partition of an unknown topic is not new");
    ok(flow_pipeline_topic(pipeline, 0, 2) == FLOW_OK
       && flow_pipeline_topic(pipeline, 0, 2) == FLOW_DECLINED,
       "a number of partitions is told once");
    ok(!flow_pipeline_is_new(pipeline, 0, 1)
       && flow_pipeline_is_new(pipeline, 0, 2), "a third one is new");
    ok(flow_pipeline_topic(pipeline, 1, 0) == FLOW_OK
       && flow_pipeline_is_new(pipeline, 1, 0),
       "and all of a topic that was absent");

    (void) !flow_pipeline_begin(pipeline, 0, 0, 100, &error);
    slot = flow_zone_partitions(zone);
    zone_commit(pipeline, &events);
    ok(slot->next_offset == 100 && slot->last == -1
       && !flow_pipeline_is_new(pipeline, 0, 0),
       "the first offset is kept with the next record");

    (void) !flow_pipeline_begin(pipeline, 0, 0, 150, &error);
    zone_commit(pipeline, &events);
    ok(slot->next_offset == 150 && topic()->gap_offsets == 50,
       "a jump over what is gone is a gap");

    (void) !flow_pipeline_begin(pipeline, 0, 0, 20, &error);
    zone_commit(pipeline, &events);
    ok(slot->next_offset == 20 && topic()->gap_offsets == 50,
       "one backwards is none");

    flow_pipeline_take(pipeline, 0, 0);
    ok(slot->consumed && !flow_metrics_lag(slot, &lag),
       "its lag is not known before its end is");
    flow_pipeline_set_end(pipeline, 0, 0, 23);
    flow_pipeline_take(pipeline, 0, 0);
    ok(flow_metrics_lag(slot, &lag) && lag == 3,
       "and stays known when it is taken again");

    (void) !flow_pipeline_end(pipeline, 0, 0, 25);
    zone_commit(pipeline, &events);
    ok(slot->next_offset == 25 && slot->end_offset == 25
       && topic()->skipped_offsets == 5,
       "the end lies beyond marks that are no messages");
    ok(flow_pipeline_end(pipeline, 0, 1, 25) == FLOW_OK,
       "an end of a partition that is not consumed is nothing");
    close_pipeline();
}


/* More series than a zone holds: shown and overflow are the whole. */

static void
test_full(void)
{
    char      value[160];
    int64_t   i;
    uint32_t  told = 0;
    uint64_t  bytes = 0;
    bool      full = false;

    zone = zone_create(FLOW_ZONE_SIZE_MIN);
    open_pipeline(true);
    (void) !flow_pipeline_begin(pipeline, 0, 0, 0, &error);

    for (i = 0; i < 40000; i++) {
        snprintf(value, sizeof(value),
                 "{\"as_src\":%lld,\"as_dst\":%lld,\"bytes\":%lld,"
                 "\"label\":\"%lld\"}", (long long) i / 2, (long long) i % 7,
                 (long long) i, (long long) i % 1000);
        bytes += (uint64_t) i;

        if (deliver(0, i, value) == FLOW_AGAIN) {
            full |= flow_pipeline_is_full(pipeline);
            zone_commit(pipeline, &events);
            told += events.zone_full;
        }
    }

    zone_commit(pipeline, &events);

    ok(told + events.zone_full > 0 && zone->overflow_records > 0,
       "the zone is full");
    ok(zone_total(zone) == bytes, "and all bytes are in it");
    ok(full && zone->commits > 1, "batches that are full were told of");

    zone_commit(pipeline, &events);
    ok(!events.zone_full, "it is told once");
    close_pipeline();
}


static void
test_wrap(void)
{
    zone = zone_create(FLOW_ZONE_SIZE_MIN);
    open_pipeline(false);
    (void) !flow_pipeline_begin(pipeline, 0, 0, 0, &error);

    (void) !deliver(0, 0, "{\"as_src\":5,\"as_dst\":1,"
                          "\"bytes\":18446744073709551615}");
    zone_commit(pipeline, &events);
    ok(!events.wrapped && zone_total(zone) == UINT64_MAX, "2^64 - 1");

    (void) !deliver(0, 1, "{\"as_src\":5,\"as_dst\":1,\"bytes\":3}");
    zone_commit(pipeline, &events);
    ok(events.wrapped && zone_total(zone) == 2, "a counter that passed 2^64");
    close_pipeline();
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_lives();
    test_results();
    test_offsets();
    test_full();
    test_wrap();

    free(zone_memory);

    return done();
}
