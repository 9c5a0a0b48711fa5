/*
 * Images of the counters, in the dedicated process: when one is due, a new log
 * is begun; then the zone is copied, and the copy is written in a thread while
 * counting goes on, into the new log.
 *
 * Where the state files do not have all that is counted, counting rests from
 * the copy until the image is written: then they have it.
 */

#include "ngx_http_flow_exporter_process.h"
#include "core/flow_image.h"
#include "core/flow_journal.h"
#include "core/flow_text.h"


/* An image is due when the log is larger than the last one, and than this. */

#define NGX_HTTP_FLOW_EXPORTER_LOG_MIN      (4 * 1024 * 1024)

/* The longest pause between tries while all is durable, ms. */

#define NGX_HTTP_FLOW_EXPORTER_IMAGE_PAUSE  300000


static int ngx_http_flow_exporter_run_begin(void *data, flow_error_t *error);
static int ngx_http_flow_exporter_run_image(void *data, flow_error_t *error);
static void ngx_http_flow_exporter_image_later(
    ngx_http_flow_exporter_process_t *fep, const char *what,
    flow_error_t *error);


ngx_uint_t
ngx_http_flow_exporter_image_is_due(ngx_http_flow_exporter_process_t *fep)
{
    uint64_t  most;

    if (fep->store == NULL
        || flow_saver_is_busy(fep->image_saver.saver)
        || (ngx_msec_int_t) (ngx_current_msec - fep->image_next) < 0)
    {
        return 0;
    }

    most = flow_store_image_bytes(fep->store);
    most = ngx_max(most, NGX_HTTP_FLOW_EXPORTER_LOG_MIN);

    return fep->image_wanted
           || (fep->durable && flow_store_log_bytes(fep->store) > most);
}


void
ngx_http_flow_exporter_begin_image(ngx_http_flow_exporter_process_t *fep)
{
    fep->first = flow_journal_position(fep->zone);
    fep->first.lineage = fep->recovered.lineage;
    fep->first.epoch = fep->recovered.state.epoch;
    fep->first.number++;

    ngx_http_flow_exporter_save(fep, ngx_http_flow_exporter_beginning_e,
                                ngx_http_flow_exporter_run_begin);
}


static int
ngx_http_flow_exporter_run_begin(void *data, flow_error_t *error)
{
    ngx_http_flow_exporter_process_t *fep = data;

    return flow_store_begin_log(fep->store, &fep->first, error);
}


/* The new log is there: the copy holds all that comes before it. */

void
ngx_http_flow_exporter_begun(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    if (save->result != FLOW_OK) {
        ngx_http_flow_exporter_image_later(fep, "no new log", &save->error);
        return;
    }

    if (fep->complete) {
        ngx_http_flow_exporter_set_durable(fep, 1);
    }

    fep->image = flow_image_create(fep->zone);

    if (fep->image == NULL) {
        flow_error_set(&save->error, "no memory");
        ngx_http_flow_exporter_image_later(fep, "no image", &save->error);
        return;
    }

    fep->image_wanted = 0;
    fep->image_whole = 1;
    fep->image_begun = ngx_http_flow_exporter_clock();
    fep->resting = !fep->complete;

    fep->image_saver.job.run = ngx_http_flow_exporter_run_image;
    fep->image_saver.job.data = fep;
    flow_saver_start(fep->image_saver.saver, &fep->image_saver.job);
}


/* In the thread of the image. */

static int
ngx_http_flow_exporter_run_image(void *data, flow_error_t *error)
{
    ngx_http_flow_exporter_process_t *fep = data;

    return flow_store_write_image(fep->store, fep->image, error);
}


void
ngx_http_flow_exporter_imaged(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    free(fep->image);
    fep->image = NULL;
    fep->resting = 0;

    if (save->result != FLOW_OK) {
        ngx_http_flow_exporter_image_later(fep, "no image", &save->error);
        return;
    }

    fep->image_said = NULL;
    fep->image_pause = NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY;

    atomic_store(&fep->zone->image_timestamp,
                 flow_store_image_time(fep->store));
    atomic_store(&fep->zone->image_bytes, flow_store_image_bytes(fep->store));
    atomic_store(&fep->zone->image_nanoseconds,
                 ngx_http_flow_exporter_clock() - fep->image_begun);

    if (fep->image_whole) {
        fep->complete = 1;
        ngx_http_flow_exporter_set_durable(fep, 1);
    }
}


void
ngx_http_flow_exporter_set_durable(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t durable)
{
    fep->durable = durable;
    atomic_store(&fep->zone->durable, (uint32_t) durable);

    ngx_http_flow_exporter_set_proven(fep, fep->proven && durable);

    if (durable && !fep->proven) {

        /* a record of its own, whether there are messages or not */

        flow_zone_pending(fep->writer)->any = true;
        fep->commit = 1;
    }
}


void
ngx_http_flow_exporter_set_proven(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t proven)
{
    fep->proven = proven;
    flow_zone_hold_names(fep->writer, fep->store != NULL && !proven);
}


static void
ngx_http_flow_exporter_image_later(ngx_http_flow_exporter_process_t *fep,
    const char *what, flow_error_t *error)
{
    /* while all is durable there is no hurry, and each try begins a log */

    fep->image_pause = fep->durable
                       ? ngx_min(fep->image_pause * 2,
                                 NGX_HTTP_FLOW_EXPORTER_IMAGE_PAUSE)
                       : NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY;

    fep->image_wanted = 1;
    fep->image_next = ngx_current_msec + fep->image_pause;

    if (fep->image_said != what) {
        fep->image_said = what;

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": %s: %s, trying again",
                      &fep->exporter->name, what, error->text);
    }
}
