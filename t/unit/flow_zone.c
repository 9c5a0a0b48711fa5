/*
 * flow_zone: the tables of a zone of any size lie in it one behind the other;
 * another's memory is no zone; and a reader never sees half of a series.
 */

#include <pthread.h>

#include "flow_text.h"
#include "flow_zone.h"
#include "flow_zone_writer.h"
#include "tap.h"
#include "zones.h"


#define SERIES  20000


static void
test_layout(void)
{
    size_t                size, wrong = 0, sizes = 0;
    flow_zone_capacity_t  c;

    for (size = FLOW_ZONE_SIZE_MIN; size < 64u << 20; size += 1048573) {
        flow_zone_t        *zone = zone_create((size + 4095) & ~4095ul);
        flow_zone_tables_t  t = zone->tables;

        c = zone->capacity;
        sizes++;

        wrong += t.topics < sizeof(flow_zone_t)
                 || t.partitions < t.topics + c.topics * sizeof(flow_topic_t)
                 || t.hosts < t.partitions
                              + c.partitions * sizeof(flow_partition_t)
                 || t.as_numbers < t.hosts + c.hosts * sizeof(flow_host_t)
                 || t.series < t.as_numbers
                               + c.as_numbers * sizeof(flow_as_t)
                 || t.arena < t.series + c.series * sizeof(flow_series_t)
                 || t.arena + c.string_bytes > zone->size
                 || (t.topics | t.partitions | t.hosts | t.as_numbers
                     | t.series | t.arena) % 64 != 0
                 || c.series < 2 * FLOW_DIRECTION_COUNT;
    }

    ok(wrong == 0, "zones of %zu sizes: no table runs into another", sizes);
    ok(flow_zone_capacity(FLOW_ZONE_SIZE_MIN - 1, &c) == FLOW_DECLINED,
       "a size that is too small is refused");
}


static void
test_attach(void)
{
    size_t        size = 1 << 20;
    flow_zone_t  *zone = zone_create(size);

    ok(flow_zone_attach(zone, size) == zone, "a zone is found again");
    ok(flow_zone_attach(zone, size + 64) == NULL, "not with another size");

    zone->version++;
    ok(flow_zone_attach(zone, size) == NULL, "not of another version");
    zone->version--;

    zone->capacity.series++;
    ok(flow_zone_attach(zone, size) == NULL, "not with other capacities");
    zone->capacity.series--;

    zone->tables.arena += 64;
    ok(flow_zone_attach(zone, size) == NULL, "not with other tables");
    zone->tables.arena -= 64;

    zone->magic++;
    ok(flow_zone_attach(zone, size) == NULL, "nor what is no zone");
}


static void
test_strings(void)
{
    flow_zone_t  *zone = zone_create(1 << 20);
    uint32_t      last = (uint32_t) (zone->capacity.string_bytes / 4);

    memcpy(flow_zone_arena(zone) + 4, "\xfe\x01", 2);
    memcpy(flow_zone_arena(zone) + 8, "\xff\x01", 2);
    memcpy(flow_zone_arena(zone) + 4ul * (last - 1), "\x10\x00", 2);

    ok(flow_zone_string(zone, 0).len == 0, "reference 0 is empty");
    ok(flow_zone_string(zone, 1).len == FLOW_ESCAPED_MAX,
       "the longest label is shown");
    ok(flow_zone_string(zone, 2).len == 0, "what is longer is none");
    ok(flow_zone_string(zone, last - 1).len == 0,
       "a string that would end outside is empty");
    ok(flow_zone_string(zone, last).len == 0
       && flow_zone_string(zone, UINT32_MAX).len == 0,
       "a reference outside is empty");
}


static void
test_odd(void)
{
    flow_zone_t         *zone = zone_create(1 << 20);
    flow_error_t         error;
    flow_series_view_t   view;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);
    uint32_t             host = flow_zone_claim_host(writer, text("h"));
    uint32_t             entry = flow_zone_claim_series(writer, FLOW_RECEIVE,
                                                        1, 2, host, NULL);

    ok(flow_zone_read_series(zone, entry, &view), "a series is read");

    flow_zone_series(zone)[entry].sequence++;
    ok(!flow_zone_read_series(zone, entry, &view),
       "one that stays in the middle of a change is not waited for");
    flow_zone_writer_destroy(writer);
}


/* Claims series whose parts all tell the same number, and counts in them. */

static void *
write_series(void *data)
{
    char                 name[32];
    uint32_t             i, host, entry;
    flow_zone_writer_t  *writer = data;
    flow_series_t       *series = flow_zone_series(flow_zone_of(writer));

    for (i = 1; i <= SERIES; i++) {
        snprintf(name, sizeof(name), "host%u", i % 100);
        host = flow_zone_claim_host(writer, text(name));
        entry = flow_zone_claim_series(writer, FLOW_RECEIVE, i, i, host,
                                       NULL);

        zone_show(writer);

        if (entry != FLOW_ZONE_NONE) {
            atomic_store_explicit(&series[entry].bytes, i,
                                  memory_order_relaxed);
        }
    }

    return NULL;
}


static void
test_readers(void)
{
    char                 name[32];
    uint32_t             i, count, torn = 0, rounds = 0;
    pthread_t            thread;
    flow_zone_t         *zone = zone_create(4 << 20);
    flow_error_t         error;
    flow_series_view_t   v;
    flow_zone_writer_t  *writer = flow_zone_writer_create(zone, &error);

    pthread_create(&thread, NULL, write_series, writer);

    do {
        count = atomic_load_explicit(&zone->series, memory_order_acquire);
        rounds++;

        for (i = FLOW_DIRECTION_COUNT; i < count; i++) {
            if (!flow_zone_read_series(zone, i, &v)) {
                continue;
            }

            snprintf(name, sizeof(name), "host%u", v.source_as % 100);

            torn += v.source_as != v.destination_as
                    || (v.bytes != 0 && v.bytes != v.source_as)
                    || v.direction != FLOW_RECEIVE
                    || v.hostname.len != strlen(name)
                    || memcmp(v.hostname.data, name, v.hostname.len) != 0;
        }
    } while (count < SERIES + FLOW_DIRECTION_COUNT);

    pthread_join(thread, NULL);

    ok(torn == 0, "%u looks at a zone that grows: every series is whole",
       rounds);
    flow_zone_writer_destroy(writer);
}


int
main(void)
{
    test_layout();
    test_attach();
    test_strings();
    test_odd();
    test_readers();

    free(zone_memory);

    return done();
}
