/*
 * The table of metric families, in the order of a scrape: the flow series
 * first, as the Go exporter shows them, then the exporter's own.
 *
 * Who adds a counter to the zone adds a row here; flow_render.c needs no
 * change.
 */

#include "flow_metrics.h"

#include <assert.h>


#define flow_metric_series(name, direction, help)                             \
    { name, "counter", help, "", FLOW_SCOPE_SERIES, FLOW_VALUE_U64,           \
      direction, NULL, false }

/* Where an entry of a scope's table keeps a value. */

#define flow_zone_at(field)       (uint32_t) offsetof(flow_zone_t, field)
#define flow_topic_at(field)      (uint32_t) offsetof(flow_topic_t, field)
#define flow_partition_at(field)  (uint32_t) offsetof(flow_partition_t, field)
#define flow_host_at(field)       (uint32_t) offsetof(flow_host_t, field)
#define flow_error_at(field)      (uint32_t) offsetof(flow_kafka_error_t, field)


const char *const  flow_message_result_names[] = {
    [FLOW_MESSAGE_DECODED] = "decoded",
    [FLOW_MESSAGE_TOMBSTONE] = "tombstone",
    [FLOW_MESSAGE_REFUSED] = "refused"
};

const char *const  flow_result_names[] = {
    [FLOW_RESULT_RECEIVE] = "receive",
    [FLOW_RESULT_TRANSMIT] = "transmit",
    [FLOW_RESULT_TRANSIT] = "transit",
    [FLOW_RESULT_SKIPPED] = "skipped",
    [FLOW_RESULT_INVALID] = "invalid"
};

const char *const  flow_skip_names[] = {
    [FLOW_SKIP_EVENT_TYPE] = "event_type",
    [FLOW_SKIP_NO_COUNTERS] = "no_counters"
};

const char *const  flow_reason_names[] = {
    [FLOW_REASON_BAD_JSON] = "bad_json",
    [FLOW_REASON_NOT_OBJECT] = "not_object",
    [FLOW_REASON_TOO_DEEP] = "too_deep",
    [FLOW_REASON_MISSING_SOURCE_AS] = "missing_source_as",
    [FLOW_REASON_MISSING_DESTINATION_AS] = "missing_destination_as",
    [FLOW_REASON_MISSING_BYTES] = "missing_bytes",
    [FLOW_REASON_NOT_NUMBER] = "not_number",
    [FLOW_REASON_NEGATIVE] = "negative",
    [FLOW_REASON_FRACTIONAL] = "fractional",
    [FLOW_REASON_OVERFLOW] = "overflow",
    [FLOW_REASON_AS_RANGE] = "as_range"
};

#define flow_words_complete(words, count)                                     \
    static_assert(sizeof(words) / sizeof(words[0]) == (count),                \
                  "a value without a word in " #words)

flow_words_complete(flow_message_result_names, FLOW_MESSAGE_RESULT_COUNT);
flow_words_complete(flow_result_names, FLOW_RESULT_COUNT);
flow_words_complete(flow_skip_names, FLOW_SKIP_COUNT);
flow_words_complete(flow_reason_names, FLOW_REASON_COUNT);


static const void *flow_metrics_base(const flow_zone_t *zone,
    flow_scope_e scope, uint32_t item);
static int64_t flow_metrics_unused(const flow_zone_t *zone,
    const flow_metric_t *row);
static bool flow_metrics_partition_value(const flow_metric_t *row,
    const flow_partition_t *partition, uint64_t *number);


static const flow_metric_label_t  flow_message_results = {
    "result", flow_message_result_names, FLOW_MESSAGE_RESULT_COUNT
};

static const flow_metric_label_t  flow_results = {
    "result", flow_result_names, FLOW_RESULT_COUNT
};

static const flow_metric_label_t  flow_skips = {
    "reason", flow_skip_names, FLOW_SKIP_COUNT
};

static const flow_metric_label_t  flow_directions = {
    "direction", flow_result_names, FLOW_DIRECTION_COUNT
};

static const flow_metric_label_t  flow_reasons = {
    "reason", flow_reason_names, FLOW_REASON_COUNT
};


const flow_metric_t  flow_metrics[] = {

    flow_metric_series("flow_receive_bytes_total", FLOW_RECEIVE,
                       "Bytes received."),
    flow_metric_series("flow_transmit_bytes_total", FLOW_TRANSMIT,
                       "Bytes transferred."),
    flow_metric_series("flow_transit_bytes_total", FLOW_TRANSIT,
                       "Bytes between two foreign AS."),

    { "flow_exporter_build_info", "gauge",
      "Versions of the module and of what it runs with; always 1.", "",
      FLOW_SCOPE_BUILD, FLOW_VALUE_U64, 0, NULL, false },

    { "flow_exporter_ready", "gauge",
      "Whether flows are being counted.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_LIVE, flow_zone_at(phase), NULL, false },

    { "flow_exporter_durable", "gauge",
      "Whether what is counted is in the state files when it is shown.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U32, flow_zone_at(durable), NULL, false },

    { "flow_exporter_lease_held", "gauge",
      "Whether a flow exporter process holds the lease.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U32, flow_zone_at(lease_held), NULL, false },

    { "flow_exporter_kafka_connected", "gauge",
      "Whether at least one Kafka broker answers.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U32, flow_zone_at(kafka_connected), NULL,
      false },

    { "flow_exporter_starts_total", "counter",
      "Flow exporter processes that began to count.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(starts), NULL, false },

    { "flow_exporter_messages_total", "counter",
      "Kafka messages counted, by what became of them.", "",
      FLOW_SCOPE_TOPIC_LIST, FLOW_VALUE_U64, flow_topic_at(messages),
      &flow_message_results, false },

    { "flow_exporter_message_bytes_total", "counter",
      "Bytes of the values of Kafka messages.", "",
      FLOW_SCOPE_TOPIC, FLOW_VALUE_U64, flow_topic_at(message_bytes), NULL,
      false },

    { "flow_exporter_records_total", "counter",
      "Records in messages, by what became of them.", "",
      FLOW_SCOPE_ZONE_LIST, FLOW_VALUE_U64, flow_zone_at(records),
      &flow_results, false },

    { "flow_exporter_skipped_records_total", "counter",
      "Records that are no flows, by reason.", "",
      FLOW_SCOPE_ZONE_LIST, FLOW_VALUE_U64, flow_zone_at(skipped),
      &flow_skips, false },

    { "flow_exporter_invalid_records_total", "counter",
      "Records that could not be counted, by reason.", "",
      FLOW_SCOPE_ZONE_LIST, FLOW_VALUE_U64, flow_zone_at(invalid),
      &flow_reasons, false },

    { "flow_exporter_cut_labels_total", "counter",
      "Records whose hostname was too long and was cut.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(cut_labels), NULL, false },

    { "flow_exporter_repaired_labels_total", "counter",
      "Records whose hostname was not UTF-8 and was repaired.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(repaired_labels), NULL,
      false },

    { "flow_exporter_overflow_records_total", "counter",
      "Records whose series found no room in the zone.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(overflow_records), NULL,
      false },

    { "flow_exporter_left_series_total", "counter",
      "Flow series that have expired.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(left_series), NULL,
      false },

    { "flow_exporter_left_bytes_total", "counter",
      "What flow series that have expired had as their value.", "",
      FLOW_SCOPE_ZONE_LIST, FLOW_VALUE_U64, flow_zone_at(left_bytes),
      &flow_directions, false },

    { "flow_exporter_next_offset", "gauge",
      "First offset of the partition that is not counted yet.", "",
      FLOW_SCOPE_PARTITION, FLOW_VALUE_OFFSET, flow_partition_at(next_offset),
      NULL, false },

    { "flow_exporter_end_offset", "gauge",
      "Offset that the partition's next message will have.", "",
      FLOW_SCOPE_PARTITION, FLOW_VALUE_END, flow_partition_at(end_offset),
      NULL, false },

    { "flow_exporter_lag_records", "gauge",
      "Offsets of the partition that are still to be counted.", "",
      FLOW_SCOPE_PARTITION, FLOW_VALUE_LAG, flow_partition_at(end_offset),
      NULL, false },

    { "flow_exporter_gap_offsets_total", "counter",
      "Offsets that Kafka no longer had when they were to be read.", "",
      FLOW_SCOPE_TOPIC, FLOW_VALUE_U64, flow_topic_at(gap_offsets), NULL,
      false },

    { "flow_exporter_skipped_offsets_total", "counter",
      "Offsets that hold no message.", "",
      FLOW_SCOPE_TOPIC, FLOW_VALUE_U64, flow_topic_at(skipped_offsets), NULL,
      false },

    { "flow_exporter_duplicate_messages_total", "counter",
      "Messages that were delivered again and left out.", "",
      FLOW_SCOPE_TOPIC, FLOW_VALUE_U64, flow_topic_at(duplicate_messages),
      NULL, false },

    { "flow_exporter_kafka_errors_total", "counter",
      "Errors of Kafka, by librdkafka's name of them.", "",
      FLOW_SCOPE_ERROR, FLOW_VALUE_U64, flow_error_at(count), NULL, false },

    { "flow_exporter_last_flow_timestamp_seconds", "gauge",
      "When the newest message with flows of this hostname was produced.", "",
      FLOW_SCOPE_HOST, FLOW_VALUE_MILLISECONDS, flow_host_at(timestamp), NULL,
      false },

    { "flow_exporter_series", "gauge",
      "Flow series in the zone, those of overflow left out.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_SERIES, flow_zone_at(series), NULL, false },

    { "flow_exporter_series_capacity", "gauge",
      "Flow series that the zone has room for.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_SERIES, flow_zone_at(capacity.series), NULL,
      false },

    { "flow_exporter_as_numbers", "gauge",
      "AS numbers in the zone.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NAMED, flow_zone_at(as_numbers), NULL,
      false },

    { "flow_exporter_as_numbers_capacity", "gauge",
      "AS numbers that the zone has room for.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NAMED, flow_zone_at(capacity.as_numbers),
      NULL, false },

    { "flow_exporter_hostnames", "gauge",
      "Hostnames in the zone.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NAMED, flow_zone_at(hosts), NULL, false },

    { "flow_exporter_hostnames_capacity", "gauge",
      "Hostnames that the zone has room for.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NAMED, flow_zone_at(capacity.hosts), NULL,
      false },

    { "flow_exporter_string_bytes", "gauge",
      "Bytes in use of the zone's room for label values.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_STRINGS, flow_zone_at(string_bytes), NULL,
      false },

    { "flow_exporter_string_bytes_capacity", "gauge",
      "Bytes of the zone's room for label values.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(capacity.string_bytes),
      NULL, false },

    { "flow_exporter_commits_total", "counter",
      "Batches added to the counters.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(commits), NULL, false },

    { "flow_exporter_commit_failures_total", "counter",
      "Batches that could not be written to the state files.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(commit_failures), NULL,
      false },

    { "flow_exporter_log_bytes_total", "counter",
      "Bytes appended to the log in the state directory.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(log_bytes), NULL, false },

    { "flow_exporter_commit_duration_seconds", "summary",
      "Time that adding batches to the counters took.", "_sum",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NANOSECONDS,
      flow_zone_at(commit_nanoseconds), NULL, false },

    { "flow_exporter_commit_duration_seconds", "summary",
      "Time that adding batches to the counters took.", "_count",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(commits), NULL, false },

    { "flow_exporter_image_timestamp_seconds", "gauge",
      "When the newest image of the counters was written.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_MILLISECONDS, flow_zone_at(image_timestamp),
      NULL, false },

    { "flow_exporter_image_bytes", "gauge",
      "Size of the newest image.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(image_bytes), NULL,
      false },

    { "flow_exporter_image_duration_seconds", "gauge",
      "Time that writing the newest image took.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_NANOSECONDS,
      flow_zone_at(image_nanoseconds), NULL, false },

    { "flow_exporter_as_names", "gauge",
      "AS numbers that have a name.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_U64, flow_zone_at(as_names), NULL, true },

    { "flow_exporter_as_names_timestamp_seconds", "gauge",
      "When the file of AS names was made.", "",
      FLOW_SCOPE_ZONE, FLOW_VALUE_SECONDS, flow_zone_at(as_names_timestamp),
      NULL, true }
};

const uint32_t  flow_metric_count = sizeof(flow_metrics)
                                    / sizeof(flow_metrics[0]);


uint32_t
flow_metrics_entries(const flow_zone_t *zone, const flow_metric_t *row)
{
    uint32_t                 capacity;
    uint32_t                 count;
    const _Atomic uint32_t  *filled;

    switch (row->scope) {

    case FLOW_SCOPE_SERIES:
        filled = &zone->series;
        capacity = zone->capacity.series;
        break;

    case FLOW_SCOPE_ERROR:
        filled = &zone->errors;
        capacity = FLOW_ZONE_ERRORS;
        break;

    case FLOW_SCOPE_TOPIC:
    case FLOW_SCOPE_TOPIC_LIST:
        filled = &zone->topics;
        capacity = zone->capacity.topics;
        break;

    case FLOW_SCOPE_PARTITION:
        filled = &zone->partitions;
        capacity = zone->capacity.partitions;
        break;

    case FLOW_SCOPE_HOST:
        filled = &zone->hosts;
        capacity = zone->capacity.hosts;
        break;

    case FLOW_SCOPE_BUILD:
    case FLOW_SCOPE_ZONE:
    case FLOW_SCOPE_ZONE_LIST:
    default:
        return !row->names
               || atomic_load_explicit(&zone->as_names_loaded,
                                       memory_order_acquire) != 0;
    }

    count = atomic_load_explicit(filled, memory_order_acquire);

    return count < capacity ? count : capacity;
}


bool
flow_metrics_has_topic(const flow_metric_t *row)
{
    return row->scope == FLOW_SCOPE_TOPIC
           || row->scope == FLOW_SCOPE_TOPIC_LIST
           || row->scope == FLOW_SCOPE_PARTITION;
}


bool
flow_metrics_value(const flow_zone_t *zone, const flow_metric_t *row,
    uint32_t item, uint32_t element, flow_metric_value_t *value)
{
    int64_t      number;
    const void  *base, *word;

    base = flow_metrics_base(zone, row->scope, item);
    word = (const char *) base + row->offset;
    value->unit = 1;

    if (row->scope == FLOW_SCOPE_BUILD) {
        value->number = 1;
        return true;
    }

    switch (row->value) {

    case FLOW_VALUE_U64:
    case FLOW_VALUE_NANOSECONDS:
        value->number = atomic_load_explicit((const _Atomic uint64_t *) word
                                             + element, memory_order_relaxed);
        if (row->value == FLOW_VALUE_NANOSECONDS) {
            value->unit = 1000000000;
        }

        return true;

    case FLOW_VALUE_SERIES:
    case FLOW_VALUE_NAMED:
        number = atomic_load_explicit((const _Atomic uint32_t *) word,
                                      memory_order_relaxed);
        number -= row->value == FLOW_VALUE_SERIES ? FLOW_DIRECTION_COUNT : 1;
        number -= flow_metrics_unused(zone, row);

        value->number = number < 0 ? 0 : (uint64_t) number;

        return true;

    case FLOW_VALUE_STRINGS:
        value->number = atomic_load_explicit(&zone->string_bytes,
                                             memory_order_relaxed)
                        - atomic_load_explicit(&zone->unused_string_bytes,
                                               memory_order_relaxed);
        return true;

    case FLOW_VALUE_U32:
    case FLOW_VALUE_LIVE:
        value->number = atomic_load_explicit((const _Atomic uint32_t *) word,
                                             memory_order_relaxed);
        if (row->value == FLOW_VALUE_LIVE) {
            value->number = value->number == FLOW_PHASE_LIVE;
        }

        return true;

    case FLOW_VALUE_END:
    case FLOW_VALUE_LAG:
        return flow_metrics_partition_value(row, base, &value->number);

    case FLOW_VALUE_OFFSET:
    case FLOW_VALUE_MILLISECONDS:
    case FLOW_VALUE_SECONDS:
    default:
        number = atomic_load_explicit((const _Atomic int64_t *) word,
                                      memory_order_acquire);
        if (row->value == FLOW_VALUE_MILLISECONDS) {
            value->unit = 1000;
        }

        value->number = (uint64_t) number;

        return number >= 0;
    }
}


/*
 * The end is older than the next offset where records were counted since the
 * broker was asked: nothing lags then.
 */

bool
flow_metrics_lag(const flow_partition_t *partition, uint64_t *lag)
{
    int64_t  next, end;

    if (!atomic_load_explicit(&partition->consumed, memory_order_acquire)) {
        return false;
    }

    end = atomic_load_explicit(&partition->end_offset, memory_order_relaxed);
    next = atomic_load_explicit(&partition->next_offset,
                                memory_order_relaxed);

    if (end < 0 || next < 0) {
        return false;
    }

    *lag = next < end ? (uint64_t) (end - next) : 0;

    return true;
}


/* The entry that a row's offset counts from. */

static const void *
flow_metrics_base(const flow_zone_t *zone, flow_scope_e scope, uint32_t item)
{
    switch (scope) {

    case FLOW_SCOPE_ERROR:
        return &zone->kafka_errors[item];

    case FLOW_SCOPE_TOPIC:
    case FLOW_SCOPE_TOPIC_LIST:
        return &flow_zone_topics(zone)[item];

    case FLOW_SCOPE_PARTITION:
        return &flow_zone_partitions(zone)[item];

    case FLOW_SCOPE_HOST:
        return &flow_zone_hosts(zone)[item];

    case FLOW_SCOPE_SERIES:
    case FLOW_SCOPE_BUILD:
    case FLOW_SCOPE_ZONE:
    case FLOW_SCOPE_ZONE_LIST:
    default:
        return zone;
    }
}


/* Entries that a count at the start of a table includes, but not its row. */

static int64_t
flow_metrics_unused(const flow_zone_t *zone, const flow_metric_t *row)
{
    switch (row->offset) {

    case flow_zone_at(series):
        return atomic_load_explicit(&zone->unused_series,
                                    memory_order_relaxed);

    case flow_zone_at(as_numbers):
        return atomic_load_explicit(&zone->unused_as_numbers,
                                    memory_order_relaxed);

    case flow_zone_at(hosts):
        return atomic_load_explicit(&zone->unused_hosts,
                                    memory_order_relaxed);

    default:
        return 0;
    }
}


static bool
flow_metrics_partition_value(const flow_metric_t *row,
    const flow_partition_t *partition, uint64_t *number)
{
    int64_t  end;

    if (row->value == FLOW_VALUE_LAG) {
        return flow_metrics_lag(partition, number);
    }

    if (!atomic_load_explicit(&partition->consumed, memory_order_acquire)) {
        return false;
    }

    end = atomic_load_explicit(&partition->end_offset, memory_order_relaxed);

    *number = (uint64_t) end;

    return end >= 0;
}
