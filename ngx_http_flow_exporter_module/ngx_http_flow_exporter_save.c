/*
 * The way of a batch into the state files and the zone, in the dedicated
 * process:
 *
 *   commit is wanted    compose: a redo record in the zone's journal
 *     durable             append to the log, in a thread; then apply
 *     not durable         mark the lease file, once; then apply
 *   image is due        see ngx_http_flow_exporter_image.c
 *
 * One record is under way at a time; meanwhile the next batch is summed, and
 * when that is full no more messages are taken.
 *
 * ngx_http_flow_exporter_proceed() begins whatever is due: each handler of
 * a job that is done ends with it, and so does a full batch.
 */

#include "ngx_http_flow_exporter_process.h"


/* Between two tries to mark the lease file, ms. */

#define NGX_HTTP_FLOW_EXPORTER_MARK_RETRY  1000


static void ngx_http_flow_exporter_show(
    ngx_http_flow_exporter_process_t *fep);
static void ngx_http_flow_exporter_commit(
    ngx_http_flow_exporter_process_t *fep);
static ngx_int_t ngx_http_flow_exporter_compose(
    ngx_http_flow_exporter_process_t *fep);
static void ngx_http_flow_exporter_apply(
    ngx_http_flow_exporter_process_t *fep);
static int ngx_http_flow_exporter_run_append(void *data, flow_error_t *error);
static int ngx_http_flow_exporter_run_mark(void *data, flow_error_t *error);
static int ngx_http_flow_exporter_run_unmark(void *data, flow_error_t *error);
static ngx_uint_t ngx_http_flow_exporter_is_marked(
    ngx_http_flow_exporter_process_t *fep);
static void ngx_http_flow_exporter_appended(
    ngx_http_flow_exporter_process_t *fep, flow_save_t *save);
static void ngx_http_flow_exporter_marked(
    ngx_http_flow_exporter_process_t *fep, flow_save_t *save);
static void ngx_http_flow_exporter_unmarked(
    ngx_http_flow_exporter_process_t *fep, flow_save_t *save);


void
ngx_http_flow_exporter_proceed(ngx_http_flow_exporter_process_t *fep)
{
    if (fep->pipeline == NULL
        || fep->saving != ngx_http_flow_exporter_idle_e
        || fep->record.len != 0)
    {
        return;
    }

    ngx_http_flow_exporter_show(fep);

    if (ngx_http_flow_exporter_image_is_due(fep)) {
        ngx_http_flow_exporter_begin_image(fep);
        return;
    }

    if (fep->recovered.state.marked
        && fep->durable
        && !fep->withhold
        && (ngx_msec_int_t) (ngx_current_msec - fep->unmark_next) >= 0)
    {
        ngx_http_flow_exporter_save(fep, ngx_http_flow_exporter_unmarking_e,
                                    ngx_http_flow_exporter_run_unmark);
        return;
    }

    if (fep->commit && !fep->resting) {
        ngx_http_flow_exporter_commit(fep);
    }
}


/* Ends withholding, when all is counted that there was at the start. */

static void
ngx_http_flow_exporter_show(ngx_http_flow_exporter_process_t *fep)
{
    if (!fep->withhold
        || (!fep->caught_up
            && (!flow_assign_is_caught_up(fep->assign)
                || !flow_pipeline_is_empty(fep->pipeline))))
    {
        return;
    }

    fep->withhold = 0;
    atomic_store(&fep->zone->live, 1);

    ngx_log_error(NGX_LOG_NOTICE, fep->log, 0,
                  "flow exporter \"%V\": flow series are shown again",
                  &fep->exporter->name);
}


static void
ngx_http_flow_exporter_commit(ngx_http_flow_exporter_process_t *fep)
{
    if (ngx_http_flow_exporter_compose(fep) != NGX_OK) {
        return;
    }

    if (fep->durable) {
        ngx_http_flow_exporter_save(fep, ngx_http_flow_exporter_appending_e,
                                    ngx_http_flow_exporter_run_append);

    } else if (fep->store != NULL && !ngx_http_flow_exporter_is_marked(fep)) {
        ngx_http_flow_exporter_save(fep, ngx_http_flow_exporter_marking_e,
                                    ngx_http_flow_exporter_run_mark);

    } else {
        ngx_http_flow_exporter_apply(fep);

        if (fep->commit) {
            ngx_add_timer(&fep->commit_timer, 0);
        }
    }
}


/* NGX_DECLINED: there was nothing to compose, or no room for it. */

static ngx_int_t
ngx_http_flow_exporter_compose(ngx_http_flow_exporter_process_t *fep)
{
    flow_publish_events_t  events;

    fep->commit = 0;

    if (fep->commit_timer.timer_set) {
        ngx_del_timer(&fep->commit_timer);
    }

    ngx_http_flow_exporter_turn(fep);

    if (flow_pipeline_is_empty(fep->pipeline)) {
        return NGX_DECLINED;
    }

    fep->commit_begun = ngx_http_flow_exporter_clock();

    if (flow_pipeline_compose(fep->pipeline, &fep->record, &events)
        != FLOW_OK)
    {
        if (!fep->room_said) {
            fep->room_said = 1;

            ngx_log_error(NGX_LOG_ALERT, fep->log, 0,
                          "flow exporter \"%V\": zone \"%V\" is too small for "
                          "its topics and partitions, nothing is counted",
                          &fep->exporter->name,
                          &fep->exporter->shm_zone->shm.name);
        }

        return NGX_DECLINED;
    }

    fep->caught_up = fep->withhold
                     && flow_assign_is_caught_up(fep->assign);

    fep->decided = events.decided;

    ngx_http_flow_exporter_log_events(fep, &events);

    if (fep->stalled) {
        fep->stalled = 0;
        fep->kafka.read.ready = 0;
        (void) ngx_handle_read_event(&fep->kafka.read, 0);
        ngx_post_event(&fep->kafka.read, &ngx_posted_next_events);
    }

    return NGX_OK;
}


static void
ngx_http_flow_exporter_apply(ngx_http_flow_exporter_process_t *fep)
{
    flow_pipeline_apply(fep->pipeline);
    fep->record.len = 0;

    if (!fep->durable) {

        /* no file has this record: only an image makes them whole again */

        fep->complete = 0;
    }

    flow_zone_pending(fep->writer)->commit_nanoseconds
        += ngx_http_flow_exporter_clock() - fep->commit_begun;

    if (flow_zone_has_renames(fep->writer)
        || (flow_zone_has_more_idle(fep->writer)
            && ngx_http_flow_exporter_expire(fep)))
    {
        fep->commit = 1;
    }
}


void
ngx_http_flow_exporter_save(ngx_http_flow_exporter_process_t *fep,
    ngx_http_flow_exporter_saving_e saving,
    int (*run)(void *data, flow_error_t *error))
{
    fep->saving = saving;
    fep->log_saver.job.run = run;
    fep->log_saver.job.data = fep;

    flow_saver_start(fep->log_saver.saver, &fep->log_saver.job);
}


/* In the thread of the log.  The process leaves alone what these look at. */

static int
ngx_http_flow_exporter_run_append(void *data, flow_error_t *error)
{
    ngx_http_flow_exporter_process_t *fep = data;

    return flow_store_append(fep->store, fep->record.data, error);
}


static int
ngx_http_flow_exporter_run_mark(void *data, flow_error_t *error)
{
    ngx_http_flow_exporter_process_t *fep = data;

    flow_lease_state_t  state = fep->recovered.state;

    state.marked = true;

    return flow_lease_write(&fep->lease, &state, error);
}


static int
ngx_http_flow_exporter_run_unmark(void *data, flow_error_t *error)
{
    ngx_http_flow_exporter_process_t *fep = data;

    flow_lease_state_t  state = fep->recovered.state;

    state.marked = false;

    return flow_lease_write(&fep->lease, &state, error);
}


void
ngx_http_flow_exporter_saved(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    ngx_http_flow_exporter_saving_e  saving;

    saving = fep->saving;
    fep->saving = ngx_http_flow_exporter_idle_e;

    switch (saving) {

    case ngx_http_flow_exporter_appending_e:
        ngx_http_flow_exporter_appended(fep, save);
        break;

    case ngx_http_flow_exporter_marking_e:
        ngx_http_flow_exporter_marked(fep, save);
        break;

    case ngx_http_flow_exporter_unmarking_e:
        ngx_http_flow_exporter_unmarked(fep, save);
        break;

    case ngx_http_flow_exporter_beginning_e:
        ngx_http_flow_exporter_begun(fep, save);
        break;

    default: /* ngx_http_flow_exporter_idle_e */
        break;
    }
}


/* True if the lease file is certain to tell that files lack what is shown. */

static ngx_uint_t
ngx_http_flow_exporter_is_marked(ngx_http_flow_exporter_process_t *fep)
{
    return fep->recovered.state.marked && !fep->mark_unsure;
}


static void
ngx_http_flow_exporter_appended(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    flow_zone_pending_t  *pending;

    pending = flow_zone_pending(fep->writer);

    if (save->result == FLOW_OK) {
        pending->log_bytes += fep->record.len;
        ngx_http_flow_exporter_set_proven(fep, 1);
        ngx_http_flow_exporter_apply(fep);
        return;
    }

    if (fep->decided) {

        /* applied, it would be lost with the zone, and not be repeated */

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": %s, starting again",
                      &fep->exporter->name, save->error.text);

        ngx_http_flow_exporter_give_up(fep);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                  "flow exporter \"%V\": %s; counting goes on, but would not "
                  "survive", &fep->exporter->name, save->error.text);

    /* the next record tells of it, whether there are messages or not */

    pending->commit_failures++;
    pending->any = true;
    fep->commit = 1;

    fep->complete = 0;
    fep->image_whole = 0;
    fep->image_wanted = 1;
    fep->image_next = ngx_current_msec + NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY;
    ngx_http_flow_exporter_set_durable(fep, 0);

    if (ngx_http_flow_exporter_is_marked(fep)) {
        ngx_http_flow_exporter_apply(fep);
        return;
    }

    fep->mark_said = 0;
    ngx_http_flow_exporter_save(fep, ngx_http_flow_exporter_marking_e,
                                ngx_http_flow_exporter_run_mark);
}


/* What no log has is shown only when the lease file tells so. */

static void
ngx_http_flow_exporter_marked(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    if (save->result == FLOW_OK) {
        fep->mark_said = 0;
        fep->mark_unsure = 0;
        fep->recovered.state.marked = true;
        ngx_http_flow_exporter_apply(fep);
        return;
    }

    if (!fep->mark_said) {
        fep->mark_said = 1;

        ngx_log_error(NGX_LOG_ALERT, fep->log, 0,
                      "flow exporter \"%V\": %s; counting rests",
                      &fep->exporter->name, save->error.text);
    }

    ngx_add_timer(&fep->mark_timer, NGX_HTTP_FLOW_EXPORTER_MARK_RETRY);
}


void
ngx_http_flow_exporter_mark_handler(ngx_event_t *ev)
{
    ngx_http_flow_exporter_save(ev->data, ngx_http_flow_exporter_marking_e,
                                ngx_http_flow_exporter_run_mark);
}


/* Until then a restart would withhold flow series for nothing. */

static void
ngx_http_flow_exporter_unmarked(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save)
{
    if (save->result == FLOW_OK) {
        fep->mark_said = 0;
        fep->mark_unsure = 0;
        fep->recovered.state.marked = false;

        ngx_log_error(NGX_LOG_NOTICE, fep->log, 0,
                      "flow exporter \"%V\": the state files have all that is "
                      "counted again", &fep->exporter->name);
        return;
    }

    /* the file may have either word now */

    fep->mark_unsure = 1;
    fep->unmark_next = ngx_current_msec + NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY;

    if (!fep->mark_said) {
        fep->mark_said = 1;

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": %s, trying again every %d s",
                      &fep->exporter->name, save->error.text,
                      NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY / 1000);
    }
}


/*
 * What cannot be made durable is left: whoever goes on gets those messages
 * again.
 */

void
ngx_http_flow_exporter_commit_last(ngx_http_flow_exporter_process_t *fep)
{
    int           rc;
    flow_save_t  *save;

    save = flow_saver_wait(fep->log_saver.saver);

    if (save != NULL
        && save->result == FLOW_OK
        && fep->record.len != 0
        && fep->saving != ngx_http_flow_exporter_idle_e)
    {
        if (fep->saving == ngx_http_flow_exporter_marking_e) {
            fep->recovered.state.marked = true;
        }

        ngx_http_flow_exporter_apply(fep);
    }

    fep->saving = ngx_http_flow_exporter_idle_e;

    if (fep->record.len != 0
        || fep->resting
        || (fep->store != NULL
            && !fep->durable
            && !ngx_http_flow_exporter_is_marked(fep))
        || ngx_http_flow_exporter_compose(fep) != NGX_OK)
    {
        return;
    }

    rc = FLOW_OK;

    if (fep->durable) {
        rc = ngx_http_flow_exporter_run_append(fep, &fep->said);
    }

    if (rc == FLOW_OK) {
        flow_pipeline_apply(fep->pipeline);

    } else {
        ngx_log_error(NGX_LOG_ERR, fep->log, 0, "flow exporter \"%V\": %s",
                      &fep->exporter->name, fep->said.text);
    }
}
