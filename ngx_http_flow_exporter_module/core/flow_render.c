/*
 * Step 6: zone -> Prometheus text.  The last step, in the workers: it walks
 * the rows of flow_metrics[], of each the entries of its scope, of each the
 * values of the row's label, and writes a line each.
 *
 * A line that does not fit is taken back, and the cursor stays on it.
 */

#include "flow_render.h"

#include <string.h>

#include "flow_line.h"
#include "flow_metrics.h"
#include "flow_text.h"


/* Entries looked at by one call: keeps a worker less than a full buffer. */

#define FLOW_RENDER_ENTRIES  8192

#define flow_render_literal(buffer, text)                                     \
    flow_render_put(buffer, text, sizeof(text) - 1)


typedef struct {
    char  *last;       /* end of what is written */
    char  *end;        /* of the buffer */
    bool   full;       /* something found no room */
} flow_render_buffer_t;


static int flow_render_row(flow_render_t *render,
    flow_render_buffer_t *buffer, uint32_t *budget);
static void flow_render_skip(flow_render_t *render, uint32_t count,
    uint32_t *budget);
static int flow_render_entry(flow_render_t *render,
    flow_render_buffer_t *buffer);
static bool flow_render_series(flow_render_t *render,
    flow_render_buffer_t *buffer);
static bool flow_render_metric(flow_render_t *render,
    flow_render_buffer_t *buffer);
static void flow_render_header(const flow_render_t *render,
    flow_render_buffer_t *buffer);
static void flow_render_labels(const flow_render_t *render,
    flow_render_buffer_t *buffer);
static void flow_render_topic_labels(const flow_render_t *render,
    flow_render_buffer_t *buffer);
static bool flow_render_leads(const flow_metric_label_t *label);
static void flow_render_element(const flow_render_t *render,
    flow_render_buffer_t *buffer, const char *lead);
static void flow_render_label(flow_render_buffer_t *buffer, const char *lead,
    flow_str_t value);
static void flow_render_decimal(flow_render_buffer_t *buffer,
    uint64_t number);
static void flow_render_value(flow_render_buffer_t *buffer,
    const flow_metric_value_t *value);


static inline void
flow_render_put(flow_render_buffer_t *buffer, const char *data, size_t len)
{
    if (len > (size_t) (buffer->end - buffer->last)) {
        buffer->full = true;
        return;
    }

    memcpy(buffer->last, data, len);
    buffer->last += len;
}


static inline void
flow_render_text(flow_render_buffer_t *buffer, const char *text)
{
    flow_render_put(buffer, text, strlen(text));
}


static inline void
flow_render_string(flow_render_buffer_t *buffer, flow_str_t string)
{
    flow_render_put(buffer, string.data, string.len);
}


void
flow_render_start(flow_render_t *render, const flow_zone_t *zone,
    const flow_render_conf_t *conf, bool shown)
{
    memset(render, 0, sizeof(*render));

    render->zone = zone;
    render->conf = conf;
    render->shown = shown;
}


int
flow_render_fill(flow_render_t *render, char *buffer, size_t size,
    size_t *written)
{
    int                   rc;
    uint32_t              budget;
    const char           *family;
    flow_render_buffer_t  out = { buffer, buffer + size, false };

    rc = FLOW_OK;
    budget = FLOW_RENDER_ENTRIES;

    while (render->metric < flow_metric_count) {

        rc = flow_render_row(render, &out, &budget);
        if (rc != FLOW_OK) {
            break;
        }

        family = flow_metrics[render->metric++].name;
        render->item = 0;

        if (render->metric < flow_metric_count
            && strcmp(flow_metrics[render->metric].name, family) != 0)
        {
            render->header = false;
        }
    }

    *written = (size_t) (out.last - buffer);

    if (out.full && *written == 0) {
        return FLOW_ERROR;
    }

    return rc;
}


/* The rest of a row's lines: FLOW_OK, or FLOW_AGAIN. */

static int
flow_render_row(flow_render_t *render, flow_render_buffer_t *buffer,
    uint32_t *budget)
{
    uint32_t              count;
    const flow_metric_t  *row;

    row = &flow_metrics[render->metric];

    if (!render->shown && strcmp(row->type, "gauge") != 0) {
        return FLOW_OK;
    }

    count = flow_metrics_entries(render->zone, row);

    for ( ;; ) {

        if (row->scope == FLOW_SCOPE_SERIES) {
            flow_render_skip(render, count, budget);
        }

        if (render->item >= count) {
            return FLOW_OK;
        }

        if (*budget == 0) {
            return FLOW_AGAIN;
        }

        (*budget)--;

        if (flow_render_entry(render, buffer) != FLOW_OK) {
            return FLOW_AGAIN;
        }

        render->item++;
    }
}


/* Goes on to a series of the row's direction, without looking at others. */

static void
flow_render_skip(flow_render_t *render, uint32_t count, uint32_t *budget)
{
    uint32_t              direction;
    const flow_series_t  *series;

    direction = flow_metrics[render->metric].offset;
    series = flow_zone_series(render->zone);

    while (*budget != 0 && render->item < count
           && atomic_load_explicit(&series[render->item].direction,
                                   memory_order_relaxed) != direction)
    {
        (*budget)--;
        render->item++;
    }
}


/* The rest of an entry's lines, one a value of the row's label. */

static int
flow_render_entry(flow_render_t *render, flow_render_buffer_t *buffer)
{
    char                 *start;
    bool                  shown;
    uint32_t              elements;
    const flow_metric_t  *row;

    row = &flow_metrics[render->metric];
    elements = row->label != NULL ? row->label->count : 1;

    for ( /* void */ ; render->element < elements; render->element++) {
        start = buffer->last;

        shown = row->scope == FLOW_SCOPE_SERIES
                ? flow_render_series(render, buffer)
                : flow_render_metric(render, buffer);

        if (buffer->full) {
            buffer->last = start;
            return FLOW_AGAIN;
        }

        if (shown) {
            render->header = true;
        }
    }

    render->element = 0;

    return FLOW_OK;
}


/* A line of a flow family, or false where the entry has none. */

static bool
flow_render_series(flow_render_t *render, flow_render_buffer_t *buffer)
{
    char                  line[FLOW_LINE_MAX];
    flow_str_t            name;
    const flow_metric_t  *row;
    flow_series_view_t    view;

    row = &flow_metrics[render->metric];

    if (!flow_zone_read_series(render->zone, render->item, &view)
        || view.direction != row->offset)
    {
        return false;
    }

    flow_render_header(render, buffer);

    name.data = row->name;
    name.len = strlen(row->name);

    if (buffer->end - buffer->last >= FLOW_LINE_MAX) {
        buffer->last += flow_line_write(buffer->last, name, &view);
        return true;
    }

    flow_render_put(buffer, line, flow_line_write(line, name, &view));

    return true;
}


/* A line of the exporter's own, or false where there is nothing to show. */

static bool
flow_render_metric(flow_render_t *render, flow_render_buffer_t *buffer)
{
    const flow_metric_t  *row;
    flow_metric_value_t   value;

    row = &flow_metrics[render->metric];

    if (!flow_metrics_value(render->zone, row, render->item, render->element,
                            &value))
    {
        return false;
    }

    if (row->value == FLOW_VALUE_LIVE && !render->shown) {
        value.number = 0;
    }

    flow_render_header(render, buffer);
    flow_render_text(buffer, row->name);
    flow_render_text(buffer, row->suffix);

    flow_render_labels(render, buffer);
    flow_render_value(buffer, &value);

    return true;
}


/* HELP and TYPE, before the first line of a family. */

static void
flow_render_header(const flow_render_t *render, flow_render_buffer_t *buffer)
{
    const flow_metric_t  *row;

    if (render->header) {
        return;
    }

    row = &flow_metrics[render->metric];

    flow_render_literal(buffer, "# HELP ");
    flow_render_text(buffer, row->name);
    flow_render_literal(buffer, " ");
    flow_render_text(buffer, row->help);
    flow_render_literal(buffer, "\n# TYPE ");
    flow_render_text(buffer, row->name);
    flow_render_literal(buffer, " ");
    flow_render_text(buffer, row->type);
    flow_render_literal(buffer, "\n");
}


/* Labels in the order of their names. */

static void
flow_render_labels(const flow_render_t *render, flow_render_buffer_t *buffer)
{
    flow_str_t                 string;
    const flow_host_t         *host;
    const flow_metric_t       *row;
    const flow_render_conf_t  *conf;
    const flow_kafka_error_t  *error;

    conf = render->conf;
    row = &flow_metrics[render->metric];

    if (row->scope == FLOW_SCOPE_ERROR) {
        error = &render->zone->kafka_errors[render->item];
        string.data = error->name;
        string.len = strnlen(error->name, sizeof(error->name));

        flow_render_label(buffer, "{error=\"", string);
        flow_render_label(buffer, ",exporter=\"", conf->exporter);

    } else if (flow_render_leads(row->label)) {
        flow_render_element(render, buffer, "{");
        flow_render_label(buffer, ",exporter=\"", conf->exporter);

    } else {
        flow_render_label(buffer, "{exporter=\"", conf->exporter);
    }

    if (row->scope == FLOW_SCOPE_HOST) {
        host = &flow_zone_hosts(render->zone)[render->item];
        string = flow_zone_string(render->zone,
                                  atomic_load_explicit(&host->name,
                                                       memory_order_acquire));
        flow_render_label(buffer, ",hostname=\"", string);
    }

    if (row->scope == FLOW_SCOPE_BUILD) {
        flow_render_label(buffer, ",librdkafka=\"", conf->librdkafka);
        flow_render_label(buffer, ",nginx=\"", conf->nginx);
        flow_render_label(buffer, ",version=\"", conf->version);
    }

    flow_render_topic_labels(render, buffer);

    flow_render_literal(buffer, "} ");
}


/* Labels of which some stand alone and some beside a topic. */

static void
flow_render_topic_labels(const flow_render_t *render,
    flow_render_buffer_t *buffer)
{
    uint32_t                 topic;
    flow_str_t               name;
    const flow_metric_t     *row;
    const flow_topic_t      *topics;
    const flow_partition_t  *partition;

    row = &flow_metrics[render->metric];
    topic = render->item;

    if (row->scope == FLOW_SCOPE_PARTITION) {
        partition = &flow_zone_partitions(render->zone)[render->item];
        topic = atomic_load_explicit(&partition->topic, memory_order_relaxed);

        flow_render_literal(buffer, ",partition=\"");
        flow_render_decimal(buffer, (uint32_t)
                            atomic_load_explicit(&partition->partition,
                                                 memory_order_relaxed));
        flow_render_literal(buffer, "\"");
    }

    if (row->label != NULL && !flow_render_leads(row->label)) {
        flow_render_element(render, buffer, ",");
    }

    if (flow_metrics_has_topic(row)
        && topic < render->zone->capacity.topics)
    {
        topics = flow_zone_topics(render->zone);
        name = flow_zone_string(render->zone,
                                atomic_load_explicit(&topics[topic].name,
                                                     memory_order_acquire));
        flow_render_label(buffer, ",topic=\"", name);
    }
}


/* True for a label that stands before "exporter". */

static bool
flow_render_leads(const flow_metric_label_t *label)
{
    return label != NULL && strcmp(label->name, "exporter") < 0;
}


/* The label whose values are known beforehand. */

static void
flow_render_element(const flow_render_t *render,
    flow_render_buffer_t *buffer, const char *lead)
{
    const flow_metric_label_t  *label;

    label = flow_metrics[render->metric].label;

    flow_render_text(buffer, lead);
    flow_render_text(buffer, label->name);
    flow_render_literal(buffer, "=\"");
    flow_render_text(buffer, label->values[render->element]);
    flow_render_literal(buffer, "\"");
}


/* "lead" is what stands between the value before and this one. */

static void
flow_render_label(flow_render_buffer_t *buffer, const char *lead,
    flow_str_t value)
{
    flow_render_text(buffer, lead);
    flow_render_string(buffer, value);
    flow_render_literal(buffer, "\"");
}


/* The end of a line: its number, with all digits of its unit. */

static void
flow_render_value(flow_render_buffer_t *buffer,
    const flow_metric_value_t *value)
{
    char    fraction[FLOW_DECIMAL_MAX];
    size_t  len;

    flow_render_decimal(buffer, value->number / value->unit);

    if (value->unit != 1) {
        len = flow_text_decimal(fraction,
                                value->unit + value->number % value->unit);

        /* a unit is a power of ten: the first digit is its 1 */

        fraction[0] = '.';
        flow_render_put(buffer, fraction, len);
    }

    flow_render_literal(buffer, "\n");
}


static void
flow_render_decimal(flow_render_buffer_t *buffer, uint64_t number)
{
    char  digits[FLOW_DECIMAL_MAX];

    flow_render_put(buffer, digits, flow_text_decimal(digits, number));
}
