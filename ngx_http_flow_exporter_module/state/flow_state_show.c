/*
 * The command "show": what the state files have, as text; as JSON in
 * flow_state_json.c.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow_metrics.h"
#include "flow_state.h"
#include "flow_state_rows.h"
#include "flow_text.h"
#include "flow_zone_word.h"


/* "2026-01-31T00:00:00Z" */

#define FLOW_STATE_TIME  32


static uint32_t *flow_state_sort(const flow_state_t *state, bool by_bytes,
    uint32_t *count);
static int flow_state_compare_bytes(const void *one, const void *other,
    void *zone);
static int flow_state_compare_as(const void *one, const void *other,
    void *zone);
static int flow_state_compare(uint64_t one, uint64_t other);
static void flow_state_show_text(const flow_state_t *state,
    const uint32_t *series, uint32_t count);
static void flow_state_show_lease(const flow_state_t *state);
static void flow_state_show_file(void *data, const flow_store_view_t *view);
static void flow_state_show_offsets(const flow_zone_t *zone);
static void flow_state_show_counter(void *data,
    const flow_state_counter_t *counter);
static void flow_state_show_series(const flow_zone_t *zone,
    const uint32_t *series, uint32_t count);
static void flow_state_show_as(const flow_series_view_t *view,
    uint32_t number, flow_str_t name, char after);
static void flow_state_print(flow_str_t escaped);
static void flow_state_time(int64_t time, char *text);


int
flow_state_show(flow_state_t *state, const flow_state_show_t *show,
    flow_error_t *error)
{
    uint32_t  *series, count;

    if (flow_state_look(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    series = flow_state_sort(state, show->by_bytes, &count);

    if (series == NULL) {
        flow_error_set(error, "no memory for the list of series");
        return FLOW_STATE_FAILED;
    }

    if (show->json) {
        flow_state_show_json(state, series, count);

    } else {
        flow_state_show_text(state, series, count);
    }

    free(series);

    return FLOW_STATE_DONE;
}


/* Indexes of the series that are shown; the caller frees. */

static uint32_t *
flow_state_sort(const flow_state_t *state, bool by_bytes, uint32_t *count)
{
    uint32_t            i, *series;
    flow_series_view_t  view;

    series = malloc((flow_zone_get(&state->zone->series) + 1)
                    * sizeof(uint32_t));
    if (series == NULL) {
        return NULL;
    }

    *count = 0;

    for (i = 0; i < flow_zone_get(&state->zone->series); i++) {
        if (flow_zone_read_series(state->zone, i, &view)) {
            series[(*count)++] = i;
        }
    }

    qsort_r(series, *count, sizeof(uint32_t),
            by_bytes ? flow_state_compare_bytes : flow_state_compare_as,
            state->zone);

    return series;
}


/* The most first. */

static int
flow_state_compare_bytes(const void *one, const void *other, void *zone)
{
    int                   result;
    const flow_series_t  *series;

    series = flow_zone_series(zone);

    result = flow_state_compare(
                 flow_zone_get(&series[*(const uint32_t *) other].bytes),
                 flow_zone_get(&series[*(const uint32_t *) one].bytes));

    return result != 0 ? result : flow_state_compare_as(one, other, zone);
}


static int
flow_state_compare_as(const void *one, const void *other, void *zone)
{
    int                 result;
    flow_series_view_t  left, right;

    (void) flow_zone_read_series(zone, *(const uint32_t *) one, &left);
    (void) flow_zone_read_series(zone, *(const uint32_t *) other, &right);

    result = flow_state_compare(left.direction, right.direction);

    if (result == 0) {
        result = flow_state_compare(left.source_as, right.source_as);
    }

    if (result == 0) {
        result = flow_state_compare(left.destination_as,
                                    right.destination_as);
    }

    return result != 0 ? result
                       : flow_state_compare(*(const uint32_t *) one,
                                            *(const uint32_t *) other);
}


static int
flow_state_compare(uint64_t one, uint64_t other)
{
    return (one > other) - (one < other);
}


static void
flow_state_show_text(const flow_state_t *state, const uint32_t *series,
    uint32_t count)
{
    const flow_position_t  *end, *newest;

    end = flow_store_end(state->store);
    newest = flow_store_newest(state->store);

    printf("exporter \"%s\" in \"%s\"\n", state->name, state->directory);
    flow_state_show_lease(state);

    printf("position: lineage %016" PRIx64 ", epoch %" PRIu64 ", number %"
           PRIu64 "\n", end->lineage, end->epoch, end->number);

    if (flow_position_compare(newest, end) > 0) {
        printf("damaged: there was epoch %" PRIu64 ", number %" PRIu64 "\n",
               newest->epoch, newest->number);
    }

    printf("\nFILE\tBYTES\tWRITTEN\n");
    flow_store_each(state->store, flow_state_show_file, NULL);

    printf("\nTOPIC\tPARTITION\tNEXT OFFSET\n");
    flow_state_show_offsets(state->zone);

    printf("\nCOUNTER\tOF\tVALUE\n");
    flow_state_counters(state->zone, flow_state_show_counter, NULL);

    printf("\nDIRECTION\tSOURCE AS\tDESTINATION AS\tHOSTNAME\tBYTES\n");
    flow_state_show_series(state->zone, series, count);
}


static void
flow_state_show_lease(const flow_state_t *state)
{
    char                      taken[FLOW_STATE_TIME];
    const flow_lease_view_t  *lease = &state->lease;

    if (lease->holder == 0) {
        printf("lease: not known\n");
        return;
    }

    flow_state_time(lease->taken, taken);

    if (lease->held) {
        printf("lease: held by process %d since %s, which may be writing\n",
               (int) lease->holder, taken);

    } else {
        printf("lease: not held, last taken by process %d at %s\n",
               (int) lease->holder, taken);
    }

    if (lease->state.marked) {
        printf("marked: more was shown once than the state files have\n");
    }
}


static void
flow_state_show_file(void *data, const flow_store_view_t *view)
{
    char  written[FLOW_STATE_TIME];

    (void) data;

    flow_state_time(view->time, written);
    printf("%s\t%" PRIu64 "\t%s\n", view->name, view->bytes, written);
}


static void
flow_state_show_offsets(const flow_zone_t *zone)
{
    uint32_t                 i;
    const flow_partition_t  *partitions;

    partitions = flow_zone_partitions(zone);

    for (i = 0; i < flow_zone_get(&zone->partitions); i++) {

        if (flow_zone_get(&partitions[i].next_offset) == -1) {

            /* forgotten */

            continue;
        }

        flow_state_print(flow_state_topic(zone,
                             flow_zone_get(&partitions[i].topic)));
        printf("\t%" PRId32 "\t%" PRId64 "\n",
               flow_zone_get(&partitions[i].partition),
               flow_zone_get(&partitions[i].next_offset));
    }
}


static void
flow_state_show_counter(void *data, const flow_state_counter_t *counter)
{
    bool  both;

    (void) data;

    both = counter->of.len != 0 && counter->label[0] != '\0';

    printf("%s\t", counter->name);
    flow_state_print(counter->of);
    printf("%s%s\t%" PRIu64 "\n", both ? " " : "", counter->label,
           counter->value);
}


static void
flow_state_show_series(const flow_zone_t *zone, const uint32_t *series,
    uint32_t count)
{
    uint32_t            i;
    flow_series_view_t  view;

    for (i = 0; i < count; i++) {
        if (!flow_zone_read_series(zone, series[i], &view)) {
            continue;
        }

        printf("%s\t", flow_result_names[view.direction]);
        flow_state_show_as(&view, view.source_as, view.source_name, '\t');
        flow_state_show_as(&view, view.destination_as, view.destination_name,
                           '\t');
        flow_state_print(view.hostname);
        printf("\t%" PRIu64 "\n", view.bytes);
    }
}


static void
flow_state_show_as(const flow_series_view_t *view, uint32_t number,
    flow_str_t name, char after)
{
    if (view->overflow) {
        printf("other%c", after);
        return;
    }

    printf("%" PRIu32, number);

    if (name.len != 0) {
        putchar(' ');
        flow_state_print(name);
    }

    putchar(after);
}


/* What would steer a terminal, or end a column, does not get there. */

static void
flow_state_print(flow_str_t escaped)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < escaped.len; i++) {
        c = (unsigned char) escaped.data[i];

        if (c == 0xc2 && i + 1 < escaped.len
            && (unsigned char) escaped.data[i + 1] < 0xa0)
        {
            /* U+0080 to U+009F are controls, too */

            putchar('?');
            i++;
            continue;
        }

        putchar(c < 0x20 || c == 0x7f ? '?' : c);
    }
}


static void
flow_state_time(int64_t time, char *text)
{
    time_t     seconds;
    struct tm  broken;

    seconds = (time_t) (time / 1000);

    if (gmtime_r(&seconds, &broken) == NULL
        || strftime(text, FLOW_STATE_TIME, "%Y-%m-%dT%H:%M:%SZ", &broken)
           == 0)
    {
        text[0] = '\0';
    }
}
