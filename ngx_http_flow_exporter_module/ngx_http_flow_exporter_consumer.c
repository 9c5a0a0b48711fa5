/*
 * Consuming in the dedicated process: what happens between Kafka, the
 * pipeline and the zone, in rounds of bounded size; see
 * ngx_http_flow_exporter_process.c for what comes before and after.
 */

#include "ngx_http_flow_exporter_process.h"
#include "core/flow_metrics.h"
#include "core/flow_text.h"


#define NGX_HTTP_FLOW_EXPORTER_ROUND         256     /* messages a round */

#define NGX_HTTP_FLOW_EXPORTER_FULL_SAID      60     /* s between lines */


static void ngx_http_flow_exporter_load_names(
    ngx_http_flow_exporter_process_t *fep);
static ngx_int_t ngx_http_flow_exporter_open(
    ngx_http_flow_exporter_process_t *fep, flow_error_t *error);
static void ngx_http_flow_exporter_invalid(void *data,
    const flow_message_t *message, flow_reason_e reason);
static void ngx_http_flow_exporter_kafka_error(void *data, const char *name);
static void ngx_http_flow_exporter_kafka_connected(void *data,
    bool connected);
static void ngx_http_flow_exporter_kafka_log(void *data, flow_log_e level,
    const char *text);


void
ngx_http_flow_exporter_start_handler(ngx_event_t *ev)
{
    flow_error_t                       error;
    ngx_http_flow_exporter_process_t  *fep;

    fep = ev->data;

    if (ngx_http_flow_exporter_open_state(fep, &error) != NGX_OK
        || ngx_http_flow_exporter_open(fep, &error) != NGX_OK)
    {
        ngx_http_flow_exporter_close_consumer(fep);
        ngx_http_flow_exporter_close_state(fep);
        ngx_http_flow_exporter_retry(fep, ev, &error);
        return;
    }

    flow_zone_set_phase(fep->zone, FLOW_PHASE_LIVE);

    /* topics have a record of their own, before there is a batch */

    fep->commit = 1;
    ngx_http_flow_exporter_proceed(fep);

    fep->started = ngx_time();
    fep->settled = 0;
    fep->said.text[0] = '\0';

    ngx_log_error(NGX_LOG_NOTICE, fep->log, 0,
                  "flow exporter \"%V\": consuming", &fep->exporter->name);
}


/* Without its names an exporter still counts; old names stay as they are. */

static void
ngx_http_flow_exporter_load_names(ngx_http_flow_exporter_process_t *fep)
{
    ngx_str_t     *path;
    flow_error_t   error;

    path = &fep->exporter->conf->as_names;

    if (path->len != 0) {
        fep->names = flow_names_create((const char *) path->data, &error);

        if (fep->names == NULL) {
            ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                          "flow exporter \"%V\": no AS names: %s",
                          &fep->exporter->name, error.text);
            return;
        }
    }

    flow_zone_adopt_names(fep->writer, fep->names);
}


static ngx_int_t
ngx_http_flow_exporter_open(ngx_http_flow_exporter_process_t *fep,
    flow_error_t *error)
{
    flow_assign_conf_t               assign;
    flow_pipeline_conf_t             pipeline;
    ngx_http_flow_exporter_conf_t   *fecf;

    fecf = fep->exporter->conf;

    ngx_http_flow_exporter_load_names(fep);

    pipeline = fecf->pipeline;
    pipeline.names = fep->names;
    pipeline.invalid = ngx_http_flow_exporter_invalid;
    pipeline.data = fep;

    fep->pipeline = flow_pipeline_create(&pipeline, fep->writer, error);
    if (fep->pipeline == NULL) {
        return NGX_ERROR;
    }

    flow_pipeline_set_epoch(fep->pipeline, fep->recovered.lineage,
                            fep->recovered.state.epoch);

    assign = fecf->assign;
    assign.error = ngx_http_flow_exporter_kafka_error;
    assign.connected = ngx_http_flow_exporter_kafka_connected;
    assign.log = ngx_http_flow_exporter_kafka_log;
    assign.data = fep;

    fep->assign = flow_assign_create(&assign, fep->pipeline, error);

    if (fep->assign == NULL) {
        return NGX_ERROR;
    }

    ngx_http_flow_exporter_register_exit(1);

    if (ngx_http_flow_exporter_watch(&fep->kafka,
                                     flow_assign_descriptor(fep->assign))
        != NGX_OK)
    {
        flow_error_set(error, "its descriptor cannot be watched");
        return NGX_ERROR;
    }

    /* what came before the descriptor was watched */

    ngx_post_event(&fep->kafka.read, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_http_flow_exporter_close_consumer(ngx_http_flow_exporter_process_t *fep)
{
    if (fep->commit_timer.timer_set) {
        ngx_del_timer(&fep->commit_timer);
    }

    ngx_http_flow_exporter_unwatch(&fep->kafka);

    if (fep->assign != NULL) {
        flow_assign_close(fep->assign);
        fep->assign = NULL;
    }

    flow_pipeline_destroy(fep->pipeline);
    fep->pipeline = NULL;

    flow_names_destroy(fep->names);
    fep->names = NULL;
}


void
ngx_http_flow_exporter_consume_handler(ngx_event_t *ev)
{
    ngx_int_t                          rc;
    ngx_http_flow_exporter_watch_t    *watch;
    ngx_http_flow_exporter_process_t  *fep;

    watch = ev->data;
    fep = watch->process;

    if (flow_pipeline_is_full(fep->pipeline)) {

        /*
         * Goes on when a record has been composed of it.  Where events have
         * levels, nginx does not look at the descriptor until then.
         */

        ev->ready = 1;
        (void) ngx_handle_read_event(ev, 0);

        fep->commit = 1;
        fep->stalled = 1;
        ngx_http_flow_exporter_proceed(fep);
        return;
    }

    rc = flow_assign_poll(fep->assign, NGX_HTTP_FLOW_EXPORTER_ROUND);

    if (rc != FLOW_OK && rc != FLOW_AGAIN) {
        ngx_log_error(NGX_LOG_ALERT, fep->log, 0,
                      "flow exporter \"%V\": no memory, starting again",
                      &fep->exporter->name);

        ngx_http_flow_exporter_give_up(fep);
        return;
    }

    if (rc == FLOW_AGAIN) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }

    if (!fep->commit
        && !fep->commit_timer.timer_set
        && !flow_pipeline_is_empty(fep->pipeline))
    {
        ngx_add_timer(&fep->commit_timer, fep->exporter->conf->commit);
    }
}


void
ngx_http_flow_exporter_commit_handler(ngx_event_t *ev)
{
    ngx_http_flow_exporter_process_t  *fep;

    fep = ev->data;

    fep->commit = 1;
    ngx_http_flow_exporter_proceed(fep);
}


void
ngx_http_flow_exporter_log_events(ngx_http_flow_exporter_process_t *fep,
    flow_publish_events_t *events)
{
    if (events->zone_full
        && ngx_time() - fep->full_said >= NGX_HTTP_FLOW_EXPORTER_FULL_SAID)
    {
        fep->full_said = ngx_time();

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": zone \"%V\" is full, new series "
                      "are counted as \"other\"", &fep->exporter->name,
                      &fep->exporter->shm_zone->shm.name);
    }

    if (events->wrapped && !fep->wrapped_said) {
        fep->wrapped_said = 1;

        ngx_log_error(NGX_LOG_WARN, fep->log, 0,
                      "flow exporter \"%V\": a counter passed 2^64 and begins "
                      "anew", &fep->exporter->name);
    }

    if (events->names_missed != 0) {
        ngx_log_error(NGX_LOG_WARN, fep->log, 0,
                      "flow exporter \"%V\": no room in zone \"%V\" for %uD "
                      "changed AS names", &fep->exporter->name,
                      &fep->exporter->shm_zone->shm.name,
                      events->names_missed);
    }
}


/* One line a second at the most: the counters have them all. */

static void
ngx_http_flow_exporter_invalid(void *data, const flow_message_t *message,
    flow_reason_e reason)
{
    ngx_http_flow_exporter_process_t *fep = data;

    const char  *topic;

    if (ngx_time() == fep->invalid_said) {
        fep->invalid_unsaid++;
        return;
    }

    topic = fep->exporter->conf->assign.consumer.topics[message->topic];

    ngx_log_error(NGX_LOG_WARN, fep->log, 0,
                  "flow exporter \"%V\": invalid record (%s) in topic \"%s\", "
                  "partition %D, offset %L, %ui more before",
                  &fep->exporter->name, flow_reason_names[reason], topic,
                  message->partition, (long long) message->offset,
                  fep->invalid_unsaid);

    fep->invalid_said = ngx_time();
    fep->invalid_unsaid = 0;
}


static void
ngx_http_flow_exporter_kafka_error(void *data, const char *name)
{
    ngx_http_flow_exporter_process_t *fep = data;

    flow_str_t  error;

    error.data = name;
    error.len = ngx_strlen(name);

    flow_zone_count_error(fep->writer, error);
    ngx_http_flow_exporter_doubt(fep);
}


static void
ngx_http_flow_exporter_kafka_connected(void *data, bool connected)
{
    ngx_http_flow_exporter_process_t *fep = data;

    flow_zone_set_connected(fep->zone, connected);
}


static void
ngx_http_flow_exporter_kafka_log(void *data, flow_log_e level,
    const char *text)
{
    ngx_http_flow_exporter_process_t *fep = data;

    static ngx_uint_t   levels[] = {
        NGX_LOG_ERR, NGX_LOG_WARN, NGX_LOG_NOTICE, NGX_LOG_INFO, NGX_LOG_DEBUG
    };

    ngx_log_error(levels[level], fep->log, 0, "flow exporter \"%V\": %s",
                  &fep->exporter->name, text);
}
