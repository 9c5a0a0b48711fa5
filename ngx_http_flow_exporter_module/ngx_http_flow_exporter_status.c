/*
 * Content handler of "flow_exporter_status": whether an exporter does its work,
 * for load balancers and probes.  Its reply is 200 where flows are counted,
 * Kafka answers and, where there is a limit, the lag is under it, and else
 * 503.  Either has the same document, on one line:
 *
 *     {"exporter": "default", "ready": true, "kafka_connected": true,
 *      "durable": true, "lag_records": 12, "lag_limit": 10000,
 *      "reasons": [],                         why it is 503, sentences
 *      "lease": {"held": true, "holder": 4711},
 *      "topics": [{"topic": "flows", "partitions": 4, "lag_records": 12}]}
 *
 * A lag, a limit and a holder may be null: not known, or none.  Topics are
 * those of which partitions are consumed.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_flow_exporter_module.h"
#include "core/flow_metrics.h"


/* At the most, the names of exporter and topics apart. */

#define NGX_HTTP_FLOW_EXPORTER_STATUS_SIZE  1024
#define NGX_HTTP_FLOW_EXPORTER_TOPIC_SIZE   128

#define NGX_HTTP_FLOW_EXPORTER_REASONS      3


/* A number as text, or where "null" could stand in its place. */

typedef u_char  ngx_http_flow_exporter_number_t[NGX_INT64_LEN + 1];


typedef struct {
    ngx_str_t                      name;            /* of a topic, escaped */
    uint64_t                       records;
    ngx_uint_t                     partitions;      /* that are consumed */
    unsigned                       known:1;         /* the end of each */
} ngx_http_flow_exporter_lag_t;


typedef struct {
    ngx_http_flow_exporter_t      *exporter;
    const flow_zone_t             *zone;
    uint64_t                       lag_limit;       /* 0: none */
    ngx_http_flow_exporter_lag_t   lag;             /* of all topics */
    ngx_http_flow_exporter_lag_t  *topics;
    ngx_uint_t                     topic_count;
    const char                    *reasons[NGX_HTTP_FLOW_EXPORTER_REASONS];
    ngx_uint_t                     reason_count;
    unsigned                       ready:1;
    unsigned                       connected:1;
} ngx_http_flow_exporter_status_t;


static ngx_int_t ngx_http_flow_exporter_status_lag(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status);
static void ngx_http_flow_exporter_status_add(
    ngx_http_flow_exporter_lag_t *lag, const flow_partition_t *partition);
static void ngx_http_flow_exporter_status_judge(
    ngx_http_flow_exporter_status_t *status);
static const char *ngx_http_flow_exporter_status_phase(
    ngx_http_flow_exporter_status_t *status);
static ngx_buf_t *ngx_http_flow_exporter_status_write(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status);
static size_t ngx_http_flow_exporter_status_size(
    ngx_http_flow_exporter_status_t *status);
static u_char *ngx_http_flow_exporter_status_reasons(u_char *p,
    ngx_http_flow_exporter_status_t *status);
static u_char *ngx_http_flow_exporter_status_topics(u_char *p,
    ngx_http_flow_exporter_status_t *status);
static ngx_int_t ngx_http_flow_exporter_status_names(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status);
static ngx_int_t ngx_http_flow_exporter_status_name(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status, ngx_uint_t topic);
static u_char *ngx_http_flow_exporter_status_number(
    ngx_http_flow_exporter_number_t text, ngx_uint_t known, uint64_t number);
static const char *ngx_http_flow_exporter_status_gauge(
    const _Atomic uint32_t *gauge);
static const char *ngx_http_flow_exporter_status_word(ngx_uint_t value);
static ngx_int_t ngx_http_flow_exporter_status_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_buf_t *b);
static ngx_int_t ngx_http_flow_exporter_status_no_store(
    ngx_http_request_t *r);


ngx_int_t
ngx_http_flow_exporter_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_buf_t                          *b;
    flow_zone_t                        *zone;
    ngx_http_flow_exporter_status_t     status;
    ngx_http_flow_exporter_loc_conf_t  *flcf;

    rc = ngx_http_flow_exporter_begin(r, &zone);

    if (rc != NGX_OK) {
        return rc;
    }

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_flow_exporter_module);

    ngx_memzero(&status, sizeof(ngx_http_flow_exporter_status_t));

    status.exporter = flcf->exporter;
    status.zone = zone;
    status.lag_limit = flcf->lag_limit;

    if (ngx_http_flow_exporter_status_lag(r, &status) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_flow_exporter_status_judge(&status);

    b = ngx_http_flow_exporter_status_write(r, &status);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_flow_exporter_status_send(r,
                                              status.reason_count == 0
                                              ? NGX_HTTP_OK
                                              : NGX_HTTP_SERVICE_UNAVAILABLE,
                                              b);
}


/* Of each topic and of all, in one pass through the partitions. */

static ngx_int_t
ngx_http_flow_exporter_status_lag(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status)
{
    uint32_t                 topic;
    ngx_uint_t               i, count;
    const flow_zone_t       *zone;
    const flow_partition_t  *partition;

    zone = status->zone;

    /* an entry's topic was there before the entry */

    count = atomic_load_explicit(&zone->partitions, memory_order_acquire);
    count = ngx_min(count, zone->capacity.partitions);

    status->topic_count = atomic_load_explicit(&zone->topics,
                                               memory_order_acquire);
    status->topic_count = ngx_min(status->topic_count,
                                  zone->capacity.topics);

    status->topics = ngx_pcalloc(r->pool,
                                 (status->topic_count + 1)
                                 * sizeof(ngx_http_flow_exporter_lag_t));
    if (status->topics == NULL) {
        return NGX_ERROR;
    }

    partition = flow_zone_partitions(zone);

    for (i = 0; i < count; i++) {

        topic = atomic_load_explicit(&partition[i].topic,
                                     memory_order_relaxed);

        if (topic < status->topic_count
            && atomic_load_explicit(&partition[i].consumed,
                                    memory_order_relaxed))
        {
            ngx_http_flow_exporter_status_add(&status->topics[topic],
                                              &partition[i]);
            ngx_http_flow_exporter_status_add(&status->lag, &partition[i]);
        }
    }

    return ngx_http_flow_exporter_status_names(r, status);
}


static ngx_int_t
ngx_http_flow_exporter_status_names(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status)
{
    ngx_uint_t  i;

    for (i = 0; i < status->topic_count; i++) {

        if (status->topics[i].partitions != 0
            && ngx_http_flow_exporter_status_name(r, status, i) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_flow_exporter_status_add(ngx_http_flow_exporter_lag_t *lag,
    const flow_partition_t *partition)
{
    uint64_t  records;

    if (lag->partitions++ == 0) {
        lag->known = 1;
    }

    if (flow_metrics_lag(partition, &records)) {
        lag->records += records;

    } else {
        lag->known = 0;
    }
}


/* "ready" and "connected" are what flow_exporter_metrics shows. */

static void
ngx_http_flow_exporter_status_judge(ngx_http_flow_exporter_status_t *status)
{
    const char  *reason;

    reason = ngx_http_flow_exporter_status_phase(status);

    if (reason != NULL) {
        status->reasons[status->reason_count++] = reason;
    }

    status->ready = reason == NULL;
    status->connected = atomic_load_explicit(&status->zone->kafka_connected,
                                             memory_order_relaxed) != 0;

    if (!status->connected) {
        status->reasons[status->reason_count++] = "no Kafka broker answers";
    }

    if (status->lag_limit == 0) {
        return;
    }

    if (!status->lag.known) {
        status->reasons[status->reason_count++] = "the lag is not known";

    } else if (status->lag.records >= status->lag_limit) {
        status->reasons[status->reason_count++] =
            "the lag is not under the limit";
    }
}


/* Why flows are not counted, or may not be shown; NULL: they are. */

static const char *
ngx_http_flow_exporter_status_phase(ngx_http_flow_exporter_status_t *status)
{
    const flow_zone_t  *zone;

    zone = status->zone;

    switch (atomic_load_explicit(&zone->phase, memory_order_acquire)) {

    case FLOW_PHASE_LIVE:
        break;

    case FLOW_PHASE_LOADING:
        return "the process is loading, or rests after an error";

    case FLOW_PHASE_CLOSING:
        return "the process has ended";

    case FLOW_PHASE_WAITING:
    default:
        return "no process has counted here yet";
    }

    if (ngx_http_flow_exporter_shown(status->exporter, zone)) {
        return NULL;
    }

    return atomic_load_explicit(&zone->live, memory_order_relaxed)
           ? "the lease names another zone"
           : "flow series are withheld until Kafka has told them again";
}


static ngx_buf_t *
ngx_http_flow_exporter_status_write(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status)
{
    u_char                             *p;
    ngx_buf_t                          *b;
    ngx_pid_t                           holder;
    ngx_http_flow_exporter_number_t     lag, limit, process;

    b = ngx_create_temp_buf(r->pool,
                            ngx_http_flow_exporter_status_size(status));
    if (b == NULL) {
        return NULL;
    }

    holder = ngx_http_flow_exporter_holder(status->exporter);

    p = ngx_sprintf(b->last, "{\"exporter\": \"%V\", \"ready\": %s, "
        "\"kafka_connected\": %s, \"durable\": %s, \"lag_records\": %s, "
        "\"lag_limit\": %s, \"reasons\": [",
        &status->exporter->name,
        ngx_http_flow_exporter_status_word(status->ready),
        ngx_http_flow_exporter_status_word(status->connected),
        ngx_http_flow_exporter_status_gauge(&status->zone->durable),
        ngx_http_flow_exporter_status_number(lag, status->lag.known,
                                             status->lag.records),
        ngx_http_flow_exporter_status_number(limit, status->lag_limit != 0,
                                             status->lag_limit));

    p = ngx_http_flow_exporter_status_reasons(p, status);

    p = ngx_sprintf(p, "], \"lease\": {\"held\": %s, \"holder\": %s}, "
        "\"topics\": [",
        ngx_http_flow_exporter_status_gauge(&status->zone->lease_held),
        ngx_http_flow_exporter_status_number(process, holder > 0,
                                             (uint64_t) holder));

    p = ngx_http_flow_exporter_status_topics(p, status);

    b->last = ngx_sprintf(p, "]}\n");

    return b;
}


static size_t
ngx_http_flow_exporter_status_size(ngx_http_flow_exporter_status_t *status)
{
    size_t      size;
    ngx_uint_t  i;

    size = NGX_HTTP_FLOW_EXPORTER_STATUS_SIZE + status->exporter->name.len;

    for (i = 0; i < status->topic_count; i++) {

        size += NGX_HTTP_FLOW_EXPORTER_TOPIC_SIZE
                + status->topics[i].name.len;
    }

    return size;
}


static u_char *
ngx_http_flow_exporter_status_reasons(u_char *p,
    ngx_http_flow_exporter_status_t *status)
{
    ngx_uint_t  i;

    for (i = 0; i < status->reason_count; i++) {
        p = ngx_sprintf(p, "%s\"%s\"", i == 0 ? "" : ", ",
                        status->reasons[i]);
    }

    return p;
}


static u_char *
ngx_http_flow_exporter_status_topics(u_char *p,
    ngx_http_flow_exporter_status_t *status)
{
    const char                       *comma;
    ngx_uint_t                        i;
    ngx_http_flow_exporter_lag_t     *lag;
    ngx_http_flow_exporter_number_t   records;

    comma = "";

    for (i = 0; i < status->topic_count; i++) {
        lag = &status->topics[i];

        if (lag->partitions == 0) {
            continue;
        }

        p = ngx_sprintf(p, "%s{\"topic\": \"%V\", \"partitions\": %ui, "
                        "\"lag_records\": %s}", comma, &lag->name,
                        lag->partitions,
                        ngx_http_flow_exporter_status_number(records,
                                                             lag->known,
                                                             lag->records));
        comma = ", ";
    }

    return p;
}


/* Copied: the zone may be laid out anew while the reply is written. */

static ngx_int_t
ngx_http_flow_exporter_status_name(ngx_http_request_t *r,
    ngx_http_flow_exporter_status_t *status, ngx_uint_t topic)
{
    u_char      *copy;
    uint32_t     reference;
    ngx_str_t   *name;
    flow_str_t   string;

    reference = atomic_load_explicit(
                        &flow_zone_topics(status->zone)[topic].name,
                        memory_order_relaxed);

    string = flow_zone_string(status->zone, reference);
    name = &status->topics[topic].name;

    copy = ngx_pnalloc(r->pool, string.len * 7);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    /* a byte becomes six at the most */

    ngx_memcpy(copy, string.data, string.len);
    name->data = copy + string.len;
    name->len = (u_char *) ngx_escape_json(name->data, copy, string.len)
                - name->data;

    return NGX_OK;
}


static u_char *
ngx_http_flow_exporter_status_number(ngx_http_flow_exporter_number_t text,
    ngx_uint_t known, uint64_t number)
{
    if (!known) {
        return (u_char *) "null";
    }

    *ngx_sprintf(text, "%uL", number) = '\0';

    return text;
}


static const char *
ngx_http_flow_exporter_status_gauge(const _Atomic uint32_t *gauge)
{
    return ngx_http_flow_exporter_status_word(
                         atomic_load_explicit(gauge, memory_order_relaxed));
}


static const char *
ngx_http_flow_exporter_status_word(ngx_uint_t value)
{
    return value ? "true" : "false";
}


static ngx_int_t
ngx_http_flow_exporter_status_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_flow_exporter_status_no_store(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_flow_exporter_status_no_store(ngx_http_request_t *r)
{
    ngx_table_elt_t  *header;

    header = ngx_list_push(&r->headers_out.headers);
    if (header == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(header, sizeof(ngx_table_elt_t));

    header->hash = 1;
    ngx_str_set(&header->key, "Cache-Control");
    ngx_str_set(&header->value, "no-store");

    return NGX_OK;
}
