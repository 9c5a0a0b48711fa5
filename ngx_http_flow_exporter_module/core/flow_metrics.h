/*
 * The one table of metric families: what a scrape shows, in which order.
 *
 * A family's scope says over what it has one line each, and with which
 * labels beside "exporter" (the flow families have labels of their own and no
 * "exporter"); "offset" is where the value lies in the entry of that scope.
 */

#ifndef FLOW_METRICS_H
#define FLOW_METRICS_H

#include "flow_zone.h"


typedef enum {
    FLOW_SCOPE_SERIES = 0,     /* flow series of direction "offset" */
    FLOW_SCOPE_BUILD,          /* 1, labels version, nginx, librdkafka */
    FLOW_SCOPE_ZONE,           /* one line, from the zone's header */
    FLOW_SCOPE_ZONE_LIST,      /* one line a value of label->name */
    FLOW_SCOPE_ERROR,          /* label error */
    FLOW_SCOPE_TOPIC,          /* label topic */
    FLOW_SCOPE_TOPIC_LIST,     /* labels topic and label->name */
    FLOW_SCOPE_PARTITION,      /* labels topic, partition */
    FLOW_SCOPE_HOST            /* label hostname */
} flow_scope_e;


typedef enum {
    FLOW_VALUE_U64 = 0,
    FLOW_VALUE_U32,
    FLOW_VALUE_SERIES,         /* uint32_t, less the overflow series */
    FLOW_VALUE_NAMED,          /* uint32_t, less the entry "other" */
    FLOW_VALUE_STRINGS,        /* string_bytes, less what is out of use */
    FLOW_VALUE_OFFSET,         /* int64_t; -1: no line */
    FLOW_VALUE_END,            /* end_offset; no line while it is not known,
                                  or nobody consumes the partition */
    FLOW_VALUE_LAG,            /* end_offset less next_offset; no line where
                                  there is none of end_offset */
    FLOW_VALUE_MILLISECONDS,   /* int64_t, shown in seconds; -1: no line */
    FLOW_VALUE_NANOSECONDS,    /* uint64_t, shown in seconds */
    FLOW_VALUE_SECONDS,        /* int64_t; negative: no line */
    FLOW_VALUE_LIVE            /* phase: 1 if live, else 0 */
} flow_value_e;


/* A label whose values are known beforehand; values[i] names element i. */

typedef struct {
    const char        *name;
    const char *const *values;
    uint32_t           count;
} flow_metric_label_t;


typedef struct {
    const char                 *name;
    const char                 *type;
    const char                 *help;
    const char                 *suffix;   /* of the line's name, or "" */
    flow_scope_e                scope;
    flow_value_e                value;
    uint32_t                    offset;
    const flow_metric_label_t  *label;
    bool                        names;    /* only with a source of AS names */
} flow_metric_t;


/*
 * A row with the same name as the one before belongs to the same family
 * (commit_duration_seconds has the suffixes _sum and _count): HELP and TYPE
 * stand once.
 */

extern const flow_metric_t  flow_metrics[];
extern const uint32_t       flow_metric_count;


/* What a line shows: number / unit, where unit is a power of ten. */

typedef struct {
    uint64_t  number;
    uint64_t  unit;
} flow_metric_value_t;


/* How many entries the row's scope has now, never beyond its table. */

uint32_t flow_metrics_entries(const flow_zone_t *zone,
    const flow_metric_t *row);

/* True if the row's lines have the label topic. */

bool flow_metrics_has_topic(const flow_metric_t *row);

/*
 * Reads what the row shows of an entry ("item") and of a value of its label
 * ("element", 0 where there is none).  Returns false where there is no line.
 * Not for FLOW_SCOPE_SERIES.
 */

bool flow_metrics_value(const flow_zone_t *zone, const flow_metric_t *row,
    uint32_t item, uint32_t element, flow_metric_value_t *value);

/*
 * How far a partition's next offset is behind its end.  Returns false where
 * that is not known: nobody consumes it, or its end has not been told yet.
 */

bool flow_metrics_lag(const flow_partition_t *partition, uint64_t *lag);

/*
 * Words for the enums of flow_record.h, as labels and log lines show them.
 */

extern const char *const  flow_message_result_names[];
extern const char *const  flow_result_names[];
extern const char *const  flow_skip_names[];
extern const char *const  flow_reason_names[];


#endif /* FLOW_METRICS_H */
