/*
 * flow_zone_writer: each name, number and series has one entry, which the next
 * writer finds as well; a table that is full says so; and a crash loop is told
 * from a death.
 */

#include "flow_zone_writer.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define KEYS  3000


typedef struct {
    uint32_t  direction;
    uint32_t  source;
    uint32_t  destination;
    uint32_t  host;
    uint32_t  entry;
} claimed_t;


static claimed_t  claimed[KEYS];


static uint32_t
claim(flow_zone_writer_t *writer, const claimed_t *key)
{
    char  name[16];

    snprintf(name, sizeof(name), "r%u\"\n", key->host);

    return flow_zone_claim_series(writer, (flow_direction_e) key->direction,
                                  key->source, key->destination,
                                  flow_zone_claim_host(writer, text(name)),
                                  NULL);
}


/* Against a plain list of keys. */

static void
test_claims(void)
{
    uint32_t             i, k, wrong = 0, distinct = 0;
    flow_zone_t         *zone = zone_create(2 << 20);
    flow_error_t         error;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);

    for (i = 0; i < KEYS; i++) {
        claimed_t  key = { (uint32_t) random_below(3),
                           (uint32_t) random_below(12),
                           (uint32_t) random_below(12),
                           (uint32_t) random_below(9), 0 };

        key.entry = claim(writer, &key);

        for (k = 0; k < distinct; k++) {
            if (memcmp(&claimed[k], &key, 4 * sizeof(uint32_t)) == 0) {
                break;
            }

            wrong += claimed[k].entry == key.entry;
        }

        wrong += k < distinct && claimed[k].entry != key.entry;

        if (k == distinct) {
            claimed[distinct++] = key;
        }
    }

    ok(wrong == 0, "%d claims of %u series: equal keys, equal entries", KEYS,
       distinct);
    ok(zone->series == 0 && zone->hosts == 0,
       "which nobody sees before a record names them");
    zone_show(writer);
    ok(zone->series == distinct + FLOW_DIRECTION_COUNT
       && zone->as_numbers == 12 + 1 && zone->hosts == 9 + 1,
       "and not an entry more");

    flow_zone_writer_destroy(writer);
    writer = flow_zone_writer_create(zone, &error);

    for (k = 0; k < distinct; k++) {
        wrong += claim(writer, &claimed[k]) != claimed[k].entry;
    }

    ok(wrong == 0 && zone->series == distinct + FLOW_DIRECTION_COUNT,
       "the next writer finds all of them");
    flow_zone_writer_destroy(writer);
}


static void
test_full(void)
{
    uint32_t             i, entry = 0, host;
    flow_zone_t         *zone = zone_create(FLOW_ZONE_SIZE_MIN);
    flow_error_t         error;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);

    const flow_zone_filled_t  *filled;

    host = flow_zone_claim_host(writer, text("h"));

    for (i = 1; entry != FLOW_ZONE_NONE; i++) {
        entry = flow_zone_claim_series(writer, FLOW_RECEIVE, i, 0, host,
                                       NULL);
    }

    filled = flow_zone_filled(writer);
    ok(filled->as_numbers == zone->capacity.as_numbers,
       "one AS number after another fills their table");

    for (i = 0, entry = 0; entry != FLOW_ZONE_NONE; i++) {
        entry = flow_zone_claim_series(writer, FLOW_TRANSIT, 1 + i % 1000,
                                       1 + i / 1000, host, NULL);
    }

    ok(filled->series == zone->capacity.series, "then the series fill theirs");
    ok(flow_zone_claim_series(writer, FLOW_RECEIVE, 1, 0, host, NULL)
       != FLOW_ZONE_NONE, "what has an entry is found all the same");

    for (i = 0, entry = 0; entry != FLOW_ZONE_NONE; i++) {
        char  name[300];

        memset(name, '"', 250);
        snprintf(name + 250, 50, "%u", i);
        entry = flow_zone_claim_host(writer, text(name));
    }

    ok(filled->hosts <= zone->capacity.hosts
       && filled->string_bytes <= zone->capacity.string_bytes,
       "hostnames end where their room does, after %u", i);

    for (i = 0, entry = 0; entry != FLOW_ZONE_NONE; i++) {
        entry = flow_zone_claim_partition(writer, 0, (int32_t) i, 5);
    }

    ok(filled->partitions == zone->capacity.partitions,
       "and partitions where theirs does");
    ok(flow_zone_find_partition(writer, 0, 7) == 7
       && flow_zone_find_partition(writer, 1, 7) == FLOW_ZONE_NONE,
       "a partition is found by topic and number");
    flow_zone_writer_destroy(writer);
}


static void
test_errors(void)
{
    char                 name[80];
    uint32_t             i;
    uint64_t             total = 0;
    flow_zone_t         *zone = zone_create(FLOW_ZONE_SIZE_MIN);
    flow_error_t         error;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);

    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%u_an_error_with_a_very_long_name_that_"
                 "does_not_fit", i % 50);
        flow_zone_count_error(writer, text(name));
    }

    zone_show(writer);

    for (i = 0; i < zone->errors; i++) {
        total += zone->kafka_errors[i].count;
    }

    ok(zone->errors == FLOW_ZONE_ERRORS && total == 100,
       "100 errors of 50 kinds are all counted");
    ok(strcmp(zone->kafka_errors[FLOW_ZONE_ERRORS - 1].name, "other") == 0,
       "those without room as \"other\"");
    flow_zone_writer_destroy(writer);
}


/* One life of a writer: it takes over, is live, and reads "offsets" more. */

static uint32_t
live(flow_zone_t *zone, int64_t offsets, bool orderly)
{
    flow_error_t         error;
    flow_zone_death_t    death;
    flow_zone_writer_t  *writer;

    flow_zone_look_back(zone, &death);
    flow_zone_set_phase(zone, FLOW_PHASE_LOADING);
    writer = flow_zone_writer_create(zone, &error);
    flow_zone_set_phase(zone, FLOW_PHASE_LIVE);
    zone_show(writer);
    flow_zone_partitions(zone)[0].next_offset += offsets;

    if (orderly) {
        flow_zone_set_phase(zone, FLOW_PHASE_CLOSING);
    }

    flow_zone_writer_destroy(writer);

    return death.deaths;
}


static void
test_deaths(void)
{
    flow_zone_t         *zone = zone_create(FLOW_ZONE_SIZE_MIN);
    flow_error_t         error;
    flow_zone_death_t    death;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);

    (void) flow_zone_claim_topic(writer, text("flows"));
    (void) flow_zone_claim_partition(writer, 0, 3, 100);
    zone_show(writer);
    zone->starts = 0;
    flow_zone_writer_destroy(writer);

    ok(live(zone, 0, false) == 0, "the first start follows no death");
    ok(live(zone, 0, false) == 1, "a death");
    ok(live(zone, 0, false) == 2, "another one at the same offsets");
    ok(live(zone, 5, false) == 3, "and another, which made progress");
    ok(live(zone, 0, true) == 0, "after progress the count begins anew");
    ok(live(zone, 0, false) == 0, "an orderly end is no death");
    ok(zone->starts == 6, "each start is counted");

    zone->decoding = 0;
    zone->decoding_offset = 105;
    flow_zone_look_back(zone, &death);
    ok(death.topic.len == 5 && memcmp(death.topic.data, "flows", 5) == 0
       && death.partition == 3 && death.offset == 105,
       "the record that was being decoded is named");

    flow_zone_forget_deaths(zone);
    ok(zone->deaths == 0, "deaths are forgotten");
}


/* Memory that others can write is not believed. */

static void
test_unsound(void)
{
    size_t             i;
    unsigned           wrong = 0;
    flow_zone_t       *zone = zone_create(FLOW_ZONE_SIZE_MIN);
    flow_error_t       error;
    flow_zone_death_t  death;

    _Atomic uint32_t *const  counts[] = {
        &zone->topics, &zone->partitions, &zone->hosts, &zone->as_numbers,
        &zone->series, &zone->errors
    };

    ok(flow_zone_is_sound(zone), "a zone is sound");

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        atomic_store(counts[i], UINT32_MAX);
        zone->decoding = 1 << 30;

        wrong += flow_zone_is_sound(zone);
        flow_zone_look_back(zone, &death);
        wrong += death.topic.len != 0;
        wrong += flow_zone_writer_create(zone, &error) != NULL;

        atomic_store(counts[i], 0);
    }

    zone->string_bytes = zone->capacity.string_bytes + 1;
    wrong += flow_zone_is_sound(zone);
    ok(wrong == 0, "a table beyond its capacity is not walked through");
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_claims();
    test_full();
    test_errors();
    test_deaths();
    test_unsound();

    free(zone_memory);

    return done();
}
