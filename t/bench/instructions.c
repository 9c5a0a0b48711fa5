/*
 * What "make bench-instructions" has callgrind count, see t/bench/count:
 *
 *   instructions pipeline|yajl RECORDS EACH SERIES
 *
 * Only what happens inside measured_...() is counted; all of it has happened
 * once before, so that every series is there and every buffer has its size.
 * Prints the divisors of the counts: records, bytes of a scrape, series; and
 * of the last redo record its bytes and the series that it touches.
 */

#include "bare_yajl.h"
#include "core.h"


#define ZONE_SIZE  (64 * 1024 * 1024)


__attribute__((noinline))
static void
measured_pipeline(core_t *core, core_input_t *input)
{
    core_run(core, input);
}


__attribute__((noinline))
static uint64_t
measured_render(const core_t *core)
{
    return core_render(core);
}


static void
parse(yajl_handle handle, const core_input_t *input)
{
    uint64_t  i;

    for (i = 0; i < input->count; i++) {
        core_require(bare_yajl_parse(handle, input->messages[i].data,
                                     input->messages[i].len),
                     "yajl", "bad JSON");
    }
}


__attribute__((noinline))
static void
measured_yajl(yajl_handle handle, const core_input_t *input)
{
    parse(handle, input);
}


int
main(int argc, char **argv)
{
    core_t        core;
    uint64_t      scrape = 0;
    yajl_handle   handle;
    core_input_t  input;

    core_require(argc == 5, "usage",
                 "instructions pipeline|yajl RECORDS EACH SERIES");

    core_input_create(&input, strtoull(argv[2], NULL, 10),
                      (uint32_t) strtoul(argv[3], NULL, 10),
                      (uint32_t) strtoul(argv[4], NULL, 10));
    core_open(&core, ZONE_SIZE, NULL);

    core_run(&core, &input);

    if (strcmp(argv[1], "yajl") == 0) {
        handle = bare_yajl_create();
        core_require(handle != NULL, "yajl", "no memory");
        parse(handle, &input);
        measured_yajl(handle, &input);
        yajl_free(handle);

    } else {
        measured_pipeline(&core, &input);
        (void) core_render(&core);
        scrape = measured_render(&core);
    }

    printf("records %llu\nscrape %llu\nseries %u\nlog %zu\ntouched %zu\n",
           (unsigned long long) input.records, (unsigned long long) scrape,
           core.zone->series, core.record.len, core_touched(&core));

    core_close(&core);
    core_input_destroy(&input);

    return 0;
}
