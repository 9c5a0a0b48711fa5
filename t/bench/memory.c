/*
 * Times of core/ alone, over memory:
 *
 *   memory scale SERIES           CPU seconds a record, and a scrape byte;
 *                                 scrape bytes, log bytes a touched series
 *   memory image SERIES DIRECTORY seconds of copy, write and load; bytes
 *   memory names FILE             CPU seconds of the load; AS numbers
 */

#include <time.h>

#include "core.h"
#include "flow_image.h"
#include "flow_journal.h"
#include "flow_store.h"


#define CPU        CLOCK_PROCESS_CPUTIME_ID
#define WALL       CLOCK_MONOTONIC
#define RECORDS    400000      /* at the least, of a measurement */
#define ZONE_SIZE  (512 * 1024 * 1024)


static double
seconds(clockid_t clock)
{
    struct timespec  now;

    clock_gettime(clock, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


/* A zone with that many series; the input stays for who wants more of it. */

static void
fill(core_t *core, core_input_t *input, uint32_t series)
{
    uint64_t  rounds = 1 + (RECORDS - 1) / series;

    core_open(core, ZONE_SIZE, NULL);
    core_input_create(input, rounds * series, 1, series);
    core_run(core, input);
}


static void
scale(uint32_t series)
{
    core_t        core;
    double        begun, records, scrape;
    uint64_t      bytes;
    core_input_t  input;

    fill(&core, &input, series);

    begun = seconds(CPU);
    core_run(&core, &input);
    records = (seconds(CPU) - begun) / (double) input.records;

    (void) core_render(&core);

    begun = seconds(CPU);
    bytes = core_render(&core);
    scrape = (seconds(CPU) - begun) / (double) bytes;

    printf("%.12f %.12f %llu %.1f\n", records, scrape,
           (unsigned long long) bytes,
           (double) core.record.len / (double) core_touched(&core));
}


static int
load(void *data, const char *bytes, flow_error_t *error)
{
    flow_zone_t  *zone = data;

    if (flow_journal_check(zone, bytes, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    flow_journal_replay(zone, bytes);

    return FLOW_OK;
}


static void
image(uint32_t series, const char *directory)
{
    char          *copy;
    core_t         core;
    double         begun, copied, written, loaded;
    flow_zone_t   *zone;
    flow_error_t   error;
    core_input_t   input;
    flow_store_t  *store;

    fill(&core, &input, series);

    begun = seconds(WALL);
    copy = flow_image_create(core.zone);
    copied = seconds(WALL) - begun;
    core_require(copy != NULL, "image", "no memory");

    store = flow_store_open(directory, "bench", &error);
    core_require(store != NULL, "store", error.text);

    begun = seconds(WALL);
    core_require(flow_store_write_image(store, copy, &error) == FLOW_OK,
                 "write", error.text);
    written = seconds(WALL) - begun;
    flow_store_close(store);

    zone = core_zone(ZONE_SIZE);
    begun = seconds(WALL);
    store = flow_store_open(directory, "bench", &error);
    core_require(store != NULL, "store", error.text);
    core_require(flow_store_scan(store, &error) == FLOW_OK
                 && flow_store_replay(store, NULL, load, zone, &error)
                    == FLOW_OK, "load", error.text);
    loaded = seconds(WALL) - begun;

    core_require(zone->series == core.zone->series, "load", "not the same");

    printf("%.6f %.6f %.6f %llu\n", copied, written, loaded,
           (unsigned long long) flow_store_image_bytes(store));
}


static void
names(const char *path)
{
    double         begun;
    flow_error_t   error;
    flow_names_t  *found;

    begun = seconds(CPU);
    found = flow_names_create(path, &error);
    core_require(found != NULL, "names", error.text);

    printf("%.6f %zu\n", seconds(CPU) - begun, flow_names_count(found));
}


int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "scale") == 0) {
        scale((uint32_t) strtoul(argv[2], NULL, 10));

    } else if (argc == 4 && strcmp(argv[1], "image") == 0) {
        image((uint32_t) strtoul(argv[2], NULL, 10), argv[3]);

    } else if (argc == 3 && strcmp(argv[1], "names") == 0) {
        names(argv[2]);

    } else {
        core_require(false, "memory", "wrong arguments");
    }

    return 0;
}
