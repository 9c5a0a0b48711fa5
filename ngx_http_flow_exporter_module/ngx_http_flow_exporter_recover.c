/*
 * What the dedicated process goes on from when it has the lease: zone and
 * state files; and the threads that will wait for the disk.
 */

#include "ngx_http_flow_exporter_process.h"
#include "core/flow_text.h"

#include <sys/random.h>


static ngx_int_t ngx_http_flow_exporter_recover(
    ngx_http_flow_exporter_process_t *fep, flow_error_t *error);
static uint64_t ngx_http_flow_exporter_random(void);
static ngx_int_t ngx_http_flow_exporter_open_saver(
    ngx_http_flow_exporter_saver_t *saver, flow_error_t *error);
static void ngx_http_flow_exporter_close_saver(
    ngx_http_flow_exporter_saver_t *saver);
static void ngx_http_flow_exporter_log_recovered(
    ngx_http_flow_exporter_process_t *fep);


ngx_int_t
ngx_http_flow_exporter_open_state(ngx_http_flow_exporter_process_t *fep,
    flow_error_t *error)
{
    ngx_http_flow_exporter_conf_t  *fecf;

    fecf = fep->exporter->conf;

    if (fecf->state.len != 0) {
        fep->store = flow_store_open((const char *) fecf->state.data,
                                     (const char *) fep->exporter->name.data,
                                     error);
        if (fep->store == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_flow_exporter_recover(fep, error) != NGX_OK) {
        return NGX_ERROR;
    }

    fep->writer = flow_zone_writer_create(fep->zone, error);
    if (fep->writer == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_flow_exporter_open_saver(&fep->log_saver, error) != NGX_OK
        || ngx_http_flow_exporter_open_saver(&fep->image_saver, error)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    fep->complete = fep->store != NULL
                    && !fep->recovered.unsettled
                    && (fep->recovered.how == FLOW_RECOVERED_KEPT
                        || fep->recovered.how == FLOW_RECOVERED_LOADED);
    fep->image_wanted = fep->store != NULL;
    fep->image_next = ngx_current_msec;
    fep->image_pause = NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY;
    fep->image_said = NULL;
    fep->unmark_next = ngx_current_msec;
    fep->withhold = fep->recovered.withhold;

    ngx_http_flow_exporter_log_recovered(fep);
    ngx_http_flow_exporter_set_durable(fep, 0);

    return NGX_OK;
}


/* "nginx -t" may not have been asked whether the files find room. */

static ngx_int_t
ngx_http_flow_exporter_recover(ngx_http_flow_exporter_process_t *fep,
    flow_error_t *error)
{
    ngx_str_t  *dir;

    if (flow_recover(fep->zone, fep->store, &fep->lease,
                     ngx_http_flow_exporter_random(), &fep->recovered, error)
        == FLOW_OK)
    {
        return NGX_OK;
    }

    dir = &fep->exporter->conf->state;

    if (dir->len != 0) {
        (void) ngx_http_flow_exporter_check_room(fep->exporter, dir, error);
    }

    return NGX_ERROR;
}


void
ngx_http_flow_exporter_close_state(ngx_http_flow_exporter_process_t *fep)
{
    if (fep->mark_timer.timer_set) {
        ngx_del_timer(&fep->mark_timer);
    }

    ngx_http_flow_exporter_close_saver(&fep->log_saver);
    ngx_http_flow_exporter_close_saver(&fep->image_saver);

    free(fep->image);
    fep->image = NULL;

    flow_zone_writer_destroy(fep->writer);
    fep->writer = NULL;

    if (fep->store != NULL) {
        flow_store_close(fep->store);
        fep->store = NULL;
    }

    fep->saving = ngx_http_flow_exporter_idle_e;
    fep->record.len = 0;
    fep->commit = 0;
    fep->stalled = 0;
    fep->caught_up = 0;
    fep->mark_said = 0;
    fep->mark_unsure = 0;
    fep->durable = 0;
    fep->resting = 0;
    fep->image_whole = 0;
    fep->proven = 0;
    fep->certain = 0;
    fep->doubted_at = 0;
}


/* Any number but 0: of a lineage, of a zone. */

static uint64_t
ngx_http_flow_exporter_random(void)
{
    uint64_t  number;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK)
        != (ssize_t) sizeof(number))
    {
        number = (uint64_t) ngx_random() << 32
                 ^ ngx_http_flow_exporter_clock();
    }

    return number | 1;
}


static ngx_int_t
ngx_http_flow_exporter_open_saver(ngx_http_flow_exporter_saver_t *saver,
    flow_error_t *error)
{
    saver->saver = flow_saver_create(error);
    if (saver->saver == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_flow_exporter_watch(&saver->watch,
                                     flow_saver_descriptor(saver->saver))
        != NGX_OK)
    {
        flow_error_set(error, "a thread's descriptor cannot be watched");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_flow_exporter_saver_handler(ngx_event_t *ev)
{
    flow_save_t                       *save;
    ngx_http_flow_exporter_saver_t    *saver;
    ngx_http_flow_exporter_process_t  *fep;

    saver = ev->data;
    fep = saver->watch.process;

    save = flow_saver_done(saver->saver);

    if (save != NULL) {
        saver->done(fep, save);
        ngx_http_flow_exporter_proceed(fep);
    }
}


static void
ngx_http_flow_exporter_close_saver(ngx_http_flow_exporter_saver_t *saver)
{
    if (saver->saver != NULL) {
        ngx_http_flow_exporter_unwatch(&saver->watch);
        flow_saver_destroy(saver->saver);
        saver->saver = NULL;
    }
}


static void
ngx_http_flow_exporter_log_recovered(ngx_http_flow_exporter_process_t *fep)
{
    static ngx_str_t  how[] = {
        ngx_string("counting begins at zero"),
        ngx_string("goes on with the counters of its zone"),
        ngx_string("goes on with the counters of its zone, which are not in "
                   "the state files"),
        ngx_string("goes on with the counters of its state files")
    };

    if (fep->recovered.damaged) {
        ngx_log_error(NGX_LOG_ALERT, fep->log, 0,
                      "flow exporter \"%V\": the journal of zone \"%V\" is "
                      "damaged", &fep->exporter->name,
                      &fep->exporter->shm_zone->shm.name);
    }

    ngx_log_error(NGX_LOG_NOTICE, fep->log, 0, "flow exporter \"%V\": %V",
                  &fep->exporter->name, &how[fep->recovered.how]);

    if (fep->recovered.unsettled) {
        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": %s; counting goes on, but would "
                      "not survive", &fep->exporter->name,
                      fep->recovered.trouble.text);
    }

    if (fep->withhold) {
        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": more was counted once than the "
                      "state files have; flow series are withheld until all "
                      "that Kafka has is counted", &fep->exporter->name);
    }
}
