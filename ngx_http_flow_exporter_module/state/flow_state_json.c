/*
 * The command "show --json", by yajl's generator.
 *
 * Numbers that tell one counting from another are hexadecimal strings: JSON's
 * readers take numbers beyond 2^53 for others.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "flow_metrics.h"
#include "flow_state.h"
#include "flow_state_rows.h"
#include "flow_text.h"
#include "flow_zone_word.h"


typedef struct {
    yajl_gen  gen;
    bool      images;       /* only files of this kind */
} flow_state_json_t;


static void flow_state_json_lease(yajl_gen gen,
    const flow_lease_view_t *lease);
static void flow_state_json_position(yajl_gen gen, const char *key,
    const flow_position_t *position);
static void flow_state_json_files(yajl_gen gen, const flow_state_t *state,
    const char *key, bool images);
static void flow_state_json_file(void *data, const flow_store_view_t *view);
static void flow_state_json_offsets(yajl_gen gen, const flow_zone_t *zone);
static void flow_state_json_counter(void *data,
    const flow_state_counter_t *counter);
static void flow_state_json_series(yajl_gen gen,
    const flow_series_view_t *view);
static void flow_state_json_as(yajl_gen gen, const flow_series_view_t *view,
    const char *side, uint32_t number, flow_str_t name);
static void flow_state_json_key(yajl_gen gen, const char *key);
static void flow_state_json_text(yajl_gen gen, const char *key,
    const char *text);
static void flow_state_json_label(yajl_gen gen, const char *key,
    flow_str_t escaped);
static void flow_state_json_number(yajl_gen gen, const char *key,
    uint64_t number);
static void flow_state_json_flag(yajl_gen gen, const char *key, bool flag);
static void flow_state_json_print(void *data, const char *text, size_t len);


void
flow_state_show_json(const flow_state_t *state, const uint32_t *series,
    uint32_t count)
{
    uint32_t            i;
    yajl_gen            gen;
    flow_series_view_t  view;

    gen = yajl_gen_alloc(NULL);

    (void) yajl_gen_config(gen, yajl_gen_beautify, 1);
    (void) yajl_gen_config(gen, yajl_gen_indent_string, "  ");
    (void) yajl_gen_config(gen, yajl_gen_print_callback,
                           flow_state_json_print, NULL);

    (void) yajl_gen_map_open(gen);
    flow_state_json_text(gen, "exporter", state->name);
    flow_state_json_text(gen, "directory", state->directory);
    flow_state_json_lease(gen, &state->lease);
    flow_state_json_position(gen, "position", flow_store_end(state->store));
    flow_state_json_position(gen, "newest", flow_store_newest(state->store));
    flow_state_json_files(gen, state, "images", true);
    flow_state_json_files(gen, state, "logs", false);
    flow_state_json_offsets(gen, state->zone);

    flow_state_json_key(gen, "counters");
    (void) yajl_gen_array_open(gen);
    flow_state_counters(state->zone, flow_state_json_counter, gen);
    (void) yajl_gen_array_close(gen);

    flow_state_json_key(gen, "series");
    (void) yajl_gen_array_open(gen);

    for (i = 0; i < count; i++) {
        if (flow_zone_read_series(state->zone, series[i], &view)) {
            flow_state_json_series(gen, &view);
        }
    }

    (void) yajl_gen_array_close(gen);
    (void) yajl_gen_map_close(gen);

    yajl_gen_free(gen);
}


static void
flow_state_json_lease(yajl_gen gen, const flow_lease_view_t *lease)
{
    flow_state_json_key(gen, "lease");
    (void) yajl_gen_map_open(gen);

    flow_state_json_flag(gen, "held", lease->held);
    flow_state_json_number(gen, "holder", (uint64_t) lease->holder);
    flow_state_json_number(gen, "taken", (uint64_t) lease->taken / 1000);
    flow_state_json_number(gen, "epoch", lease->state.epoch);
    flow_state_json_flag(gen, "marked", lease->state.marked);

    (void) yajl_gen_map_close(gen);
}


static void
flow_state_json_position(yajl_gen gen, const char *key,
    const flow_position_t *position)
{
    char  lineage[17];

    (void) snprintf(lineage, sizeof(lineage), "%016" PRIx64,
                    position->lineage);

    flow_state_json_key(gen, key);
    (void) yajl_gen_map_open(gen);

    flow_state_json_text(gen, "lineage", lineage);
    flow_state_json_number(gen, "epoch", position->epoch);
    flow_state_json_number(gen, "number", position->number);

    (void) yajl_gen_map_close(gen);
}


static void
flow_state_json_files(yajl_gen gen, const flow_state_t *state,
    const char *key, bool images)
{
    flow_state_json_t  json = { gen, images };

    flow_state_json_key(gen, key);
    (void) yajl_gen_array_open(gen);
    flow_store_each(state->store, flow_state_json_file, &json);
    (void) yajl_gen_array_close(gen);
}


static void
flow_state_json_file(void *data, const flow_store_view_t *view)
{
    const flow_state_json_t  *json = data;

    if (view->image != json->images) {
        return;
    }

    (void) yajl_gen_map_open(json->gen);

    flow_state_json_text(json->gen, "file", view->name);
    flow_state_json_number(json->gen, "bytes", view->bytes);
    flow_state_json_number(json->gen, "written",
                           (uint64_t) view->time / 1000);

    (void) yajl_gen_map_close(json->gen);
}


static void
flow_state_json_offsets(yajl_gen gen, const flow_zone_t *zone)
{
    uint32_t                 i;
    const flow_partition_t  *partitions;

    partitions = flow_zone_partitions(zone);

    flow_state_json_key(gen, "offsets");
    (void) yajl_gen_array_open(gen);

    for (i = 0; i < flow_zone_get(&zone->partitions); i++) {

        if (flow_zone_get(&partitions[i].next_offset) == -1) {

            /* forgotten */

            continue;
        }

        (void) yajl_gen_map_open(gen);

        flow_state_json_label(gen, "topic",
            flow_state_topic(zone, flow_zone_get(&partitions[i].topic)));
        flow_state_json_number(gen, "partition", (uint64_t)
                               flow_zone_get(&partitions[i].partition));
        flow_state_json_number(gen, "next_offset", (uint64_t)
                               flow_zone_get(&partitions[i].next_offset));

        (void) yajl_gen_map_close(gen);
    }

    (void) yajl_gen_array_close(gen);
}


static void
flow_state_json_counter(void *data, const flow_state_counter_t *counter)
{
    yajl_gen  gen = data;

    (void) yajl_gen_map_open(gen);

    flow_state_json_text(gen, "name", counter->name);

    if (counter->scope[0] != '\0') {
        flow_state_json_label(gen, counter->scope, counter->of);
    }

    if (counter->key[0] != '\0') {
        flow_state_json_text(gen, counter->key, counter->label);
    }

    flow_state_json_number(gen, "value", counter->value);

    (void) yajl_gen_map_close(gen);
}


static void
flow_state_json_series(yajl_gen gen, const flow_series_view_t *view)
{
    (void) yajl_gen_map_open(gen);

    flow_state_json_text(gen, "direction",
                         flow_result_names[view->direction]);
    flow_state_json_as(gen, view, "source", view->source_as,
                       view->source_name);
    flow_state_json_as(gen, view, "destination", view->destination_as,
                       view->destination_name);
    flow_state_json_label(gen, "hostname", view->hostname);
    flow_state_json_number(gen, "bytes", view->bytes);

    (void) yajl_gen_map_close(gen);
}


/* As in a scrape, where "other" is no number. */

static void
flow_state_json_as(yajl_gen gen, const flow_series_view_t *view,
    const char *side, uint32_t number, flow_str_t name)
{
    char  key[32];

    (void) snprintf(key, sizeof(key), "%s_as", side);

    if (view->overflow) {
        flow_state_json_text(gen, key, "other");

    } else {
        flow_state_json_number(gen, key, number);
    }

    (void) snprintf(key, sizeof(key), "%s_as_name", side);
    flow_state_json_label(gen, key, name);
}


static void
flow_state_json_key(yajl_gen gen, const char *key)
{
    (void) yajl_gen_string(gen, (const unsigned char *) key, strlen(key));
}


static void
flow_state_json_text(yajl_gen gen, const char *key, const char *text)
{
    flow_state_json_key(gen, key);
    flow_state_json_key(gen, text);
}


/* What was escaped for a scrape, as it was before; always UTF-8. */

static void
flow_state_json_label(yajl_gen gen, const char *key, flow_str_t escaped)
{
    bool        cut, repaired;
    char        c, clean[FLOW_LABEL_MAX], plain[FLOW_ESCAPED_MAX];
    size_t      i;
    flow_str_t  text = { 0, plain };

    for (i = 0; i < escaped.len; i++) {
        c = escaped.data[i];

        if (c == '\\' && i + 1 < escaped.len) {
            c = escaped.data[++i];

            if (c == 'n') {
                c = '\n';
            }
        }

        plain[text.len++] = c;
    }

    text.len = flow_text_clean_label(clean, text, &cut, &repaired);

    flow_state_json_key(gen, key);
    (void) yajl_gen_string(gen, (const unsigned char *) clean, text.len);
}


static void
flow_state_json_number(yajl_gen gen, const char *key, uint64_t number)
{
    char  digits[FLOW_DECIMAL_MAX];

    flow_state_json_key(gen, key);
    (void) yajl_gen_number(gen, digits, flow_text_decimal(digits, number));
}


static void
flow_state_json_flag(yajl_gen gen, const char *key, bool flag)
{
    flow_state_json_key(gen, key);
    (void) yajl_gen_bool(gen, flag);
}


static void
flow_state_json_print(void *data, const char *text, size_t len)
{
    (void) data;
    (void) fwrite(text, 1, len, stdout);
}
