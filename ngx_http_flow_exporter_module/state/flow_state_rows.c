/*
 * Rows that both forms of "show" have; see flow_state_rows.h.
 */

#include <string.h>

#include "flow_metrics.h"
#include "flow_state_rows.h"
#include "flow_zone_word.h"


static void flow_state_describe(const flow_zone_t *zone,
    const flow_metric_t *row, uint32_t item, uint32_t element,
    flow_state_counter_t *counter);


/* What the table has as a counter is one that the state files have. */

void
flow_state_counters(const flow_zone_t *zone,
    void (*handler)(void *data, const flow_state_counter_t *counter),
    void *data)
{
    uint32_t              i, item, element, elements;
    flow_metric_value_t   value;
    const flow_metric_t  *row;
    flow_state_counter_t  counter;

    for (i = 0; i < flow_metric_count; i++) {
        row = &flow_metrics[i];

        if (row->scope == FLOW_SCOPE_SERIES
            || strcmp(row->type, "counter") != 0)
        {
            continue;
        }

        elements = row->label == NULL ? 1 : row->label->count;

        for (item = 0; item < flow_metrics_entries(zone, row); item++) {
            for (element = 0; element < elements; element++) {

                if (!flow_metrics_value(zone, row, item, element, &value)) {
                    continue;
                }

                flow_state_describe(zone, row, item, element, &counter);
                counter.value = value.number / value.unit;
                handler(data, &counter);
            }
        }
    }
}


flow_str_t
flow_state_topic(const flow_zone_t *zone, uint32_t topic)
{
    return flow_zone_string(zone,
                            flow_zone_get(&flow_zone_topics(zone)[topic].name));
}


static void
flow_state_describe(const flow_zone_t *zone, const flow_metric_t *row,
    uint32_t item, uint32_t element, flow_state_counter_t *counter)
{
    memset(counter, 0, sizeof(*counter));

    counter->name = row->name;
    counter->scope = "";
    counter->key = "";
    counter->label = "";

    if (flow_metrics_has_topic(row)) {
        counter->scope = "topic";
        counter->of = flow_state_topic(zone, item);

    } else if (row->scope == FLOW_SCOPE_ERROR) {
        counter->scope = "error";
        counter->of.data = zone->kafka_errors[item].name;
        counter->of.len = strlen(counter->of.data);
    }

    if (row->label != NULL) {
        counter->key = row->label->name;
        counter->label = row->label->values[element];
    }
}
