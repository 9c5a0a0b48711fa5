/*
 * The dedicated process: for each exporter
 *
 *   waiting    polls the lease          ngx_http_flow_exporter_lease_handler
 *              takes the zone over      ngx_http_flow_exporter_take_over
 *   resting    after repeated deaths    (start timer)
 *   loading    state, names, librdkafka ngx_http_flow_exporter_start_handler
 *   consuming  Kafka -> pipeline        ngx_http_flow_exporter_consume_handler
 *              pipeline -> log -> zone  ngx_http_flow_exporter_proceed
 *   closing    commit, then _exit()     ngx_http_flow_exporter_exit
 *
 * Everything runs in nginx's event loop, where nothing waits for Kafka, and for
 * a disk only the start, which reads state and AS names, and the last commit.
 * In single process mode the same runs in the only process that there is.
 */

#include "ngx_http_flow_exporter_process.h"
#include "core/flow_text.h"


#define NGX_HTTP_FLOW_EXPORTER_LEASE_FIRST    20     /* ms between tries */
#define NGX_HTTP_FLOW_EXPORTER_LEASE_LAST   1000
#define NGX_HTTP_FLOW_EXPORTER_HOLDER_SAID    10     /* s */
#define NGX_HTTP_FLOW_EXPORTER_RETRY        5000     /* ms */
#define NGX_HTTP_FLOW_EXPORTER_WATCH        1000     /* ms */

#define NGX_HTTP_FLOW_EXPORTER_DEATHS          3     /* before it rests */
#define NGX_HTTP_FLOW_EXPORTER_REST_MAX       60     /* s */
#define NGX_HTTP_FLOW_EXPORTER_SETTLED        60     /* s, no crash loop */

/* Of the two seconds that a process has to end, for Kafka's answer, ms. */

#define NGX_HTTP_FLOW_EXPORTER_COMMIT_WAIT  1000


static ngx_http_flow_exporter_process_t *ngx_http_flow_exporter_create_process(
    ngx_cycle_t *cycle, ngx_http_flow_exporter_t *exporter);
static void ngx_http_flow_exporter_lease_handler(ngx_event_t *ev);
static void ngx_http_flow_exporter_wait(ngx_http_flow_exporter_process_t *fep,
    pid_t holder);
static void ngx_http_flow_exporter_take_over(
    ngx_http_flow_exporter_process_t *fep);
static ngx_msec_t ngx_http_flow_exporter_rest(
    ngx_http_flow_exporter_process_t *fep, flow_zone_death_t *death);
static void ngx_http_flow_exporter_watch_handler(ngx_event_t *ev);
static void ngx_http_flow_exporter_close(
    ngx_http_flow_exporter_process_t *fep);
static void ngx_http_flow_exporter_commit_offsets(
    ngx_http_flow_exporter_process_t *fep, int64_t until);
static void ngx_http_flow_exporter_leave(
    ngx_http_flow_exporter_process_t *fep);
static void ngx_http_flow_exporter_exit(void);


/* Of this process alone: workers have none. */

static ngx_http_flow_exporter_process_t  *ngx_http_flow_exporter_processes;

/* In which process it is registered: before librdkafka's own, and after. */

static ngx_pid_t                          ngx_http_flow_exporter_pids[2];


void
ngx_http_flow_exporter_start(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf)
{
    ngx_uint_t                         i;
    ngx_http_flow_exporter_t         **exporters;
    ngx_http_flow_exporter_process_t  *fep;

    exporters = fmcf->exporters.elts;

    for (i = 0; i < fmcf->exporters.nelts; i++) {

        if (exporters[i]->conf->lease.len == 0) {
            continue;
        }

        fep = ngx_http_flow_exporter_create_process(cycle, exporters[i]);
        if (fep == NULL) {
            return;
        }

        fep->next = ngx_http_flow_exporter_processes;
        ngx_http_flow_exporter_processes = fep;

        /* a timer, since in a reload the old cycle is still the present one */

        ngx_add_timer(&fep->lease_timer, 1);
        ngx_add_timer(&fep->watch_timer, NGX_HTTP_FLOW_EXPORTER_WATCH);
    }
}


ngx_uint_t
ngx_http_flow_exporter_stop(void)
{
    int64_t                            until;
    ngx_http_flow_exporter_process_t  *fep;

    if (ngx_http_flow_exporter_processes == NULL) {
        return 0;
    }

    until = flow_consume_clock() + NGX_HTTP_FLOW_EXPORTER_COMMIT_WAIT;

    while (ngx_http_flow_exporter_processes != NULL) {
        fep = ngx_http_flow_exporter_processes;
        ngx_http_flow_exporter_processes = fep->next;

        if (fep->zone != NULL && flow_lease_check(&fep->lease) == FLOW_OK) {

            if (fep->pipeline != NULL) {
                ngx_http_flow_exporter_commit_last(fep);
            }

            ngx_http_flow_exporter_commit_offsets(fep, until);
        }

        ngx_http_flow_exporter_close(fep);

        if (fep->lease_timer.timer_set) {
            ngx_del_timer(&fep->lease_timer);
        }

        if (fep->watch_timer.timer_set) {
            ngx_del_timer(&fep->watch_timer);
        }

        ngx_free(fep);
    }

    return 1;
}


static ngx_http_flow_exporter_process_t *
ngx_http_flow_exporter_create_process(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter)
{
    ngx_http_flow_exporter_process_t  *fep;

    /* not from the cycle's pool: it may have to be stopped after the cycle */

    fep = ngx_calloc(sizeof(ngx_http_flow_exporter_process_t), cycle->log);
    if (fep == NULL) {
        return NULL;
    }

    fep->exporter = exporter;
    fep->log = &cycle->new_log;
    fep->lease_delay = NGX_HTTP_FLOW_EXPORTER_LEASE_FIRST;
    fep->waiting_since = ngx_time();
    fep->holder_said = ngx_time();

    flow_lease_init(&fep->lease, (const char *) exporter->conf->lease.data);

    fep->log_saver.done = ngx_http_flow_exporter_saved;
    fep->image_saver.done = ngx_http_flow_exporter_imaged;

    ngx_http_flow_exporter_init_watch(fep, &fep->kafka,
                                      ngx_http_flow_exporter_consume_handler);
    ngx_http_flow_exporter_init_watch(fep, &fep->log_saver.watch,
                                      ngx_http_flow_exporter_saver_handler);
    ngx_http_flow_exporter_init_watch(fep, &fep->image_saver.watch,
                                      ngx_http_flow_exporter_saver_handler);
    ngx_http_flow_exporter_init_event(fep, &fep->lease_timer,
                                      ngx_http_flow_exporter_lease_handler);
    ngx_http_flow_exporter_init_event(fep, &fep->start_timer,
                                      ngx_http_flow_exporter_start_handler);
    ngx_http_flow_exporter_init_event(fep, &fep->commit_timer,
                                      ngx_http_flow_exporter_commit_handler);
    ngx_http_flow_exporter_init_event(fep, &fep->watch_timer,
                                      ngx_http_flow_exporter_watch_handler);
    ngx_http_flow_exporter_init_event(fep, &fep->mark_timer,
                                      ngx_http_flow_exporter_mark_handler);

    return fep;
}


/* Until the lease is held, nothing is written into the zone. */

static void
ngx_http_flow_exporter_lease_handler(ngx_event_t *ev)
{
    pid_t                              holder;
    ngx_int_t                          rc;
    ngx_time_t                        *now;
    flow_error_t                       error;
    ngx_http_flow_exporter_process_t  *fep;

    fep = ev->data;
    now = ngx_timeofday();
    holder = 0;

    rc = flow_lease_take(&fep->lease, (int64_t) now->sec * 1000
                                      + (int64_t) now->msec,
                         &holder, &error);

    if (rc == FLOW_OK) {
        ngx_http_flow_exporter_take_over(fep);
        return;
    }

    if (rc == FLOW_AGAIN) {
        ngx_http_flow_exporter_wait(fep, holder);
        return;
    }

    ngx_http_flow_exporter_retry(fep, ev, &error);
}


static void
ngx_http_flow_exporter_wait(ngx_http_flow_exporter_process_t *fep,
    pid_t holder)
{
    if (ngx_time() - fep->holder_said >= NGX_HTTP_FLOW_EXPORTER_HOLDER_SAID) {
        fep->holder_said = ngx_time();

        ngx_log_error(NGX_LOG_NOTICE, fep->log, 0,
                      "flow exporter \"%V\": lease \"%V\" is held by process "
                      "%P, waiting for %T s", &fep->exporter->name,
                      &fep->exporter->conf->lease, (ngx_pid_t) holder,
                      ngx_time() - fep->waiting_since);
    }

    ngx_add_timer(&fep->lease_timer, fep->lease_delay);

    fep->lease_delay = ngx_min(fep->lease_delay * 2,
                               NGX_HTTP_FLOW_EXPORTER_LEASE_LAST);
}


static void
ngx_http_flow_exporter_take_over(ngx_http_flow_exporter_process_t *fep)
{
    flow_error_t       error;
    flow_zone_death_t  death;

    fep->zone = ngx_http_flow_exporter_zone(fep->exporter);

    if (fep->zone == NULL) {
        flow_error_set(&error, "its zone is damaged");
        flow_lease_close(&fep->lease);
        ngx_http_flow_exporter_retry(fep, &fep->lease_timer, &error);
        return;
    }

    flow_zone_look_back(fep->zone, &death);

    /* from here on a death counts as one, that while loading too */

    ngx_http_flow_exporter_register_exit(0);

    flow_zone_set_phase(fep->zone, FLOW_PHASE_LOADING);
    flow_zone_set_connected(fep->zone, false);

    ngx_add_timer(&fep->start_timer,
                  ngx_http_flow_exporter_rest(fep, &death));
}


/*
 * nginx respawns a process that dies at once, however often: after some
 * deaths at the same offsets it is for us to slow down.
 */

static ngx_msec_t
ngx_http_flow_exporter_rest(ngx_http_flow_exporter_process_t *fep,
    flow_zone_death_t *death)
{
    ngx_str_t   topic;
    ngx_uint_t  seconds, doublings;

    if (death->topic.len != 0) {
        topic.len = death->topic.len;
        topic.data = (u_char *) death->topic.data;

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": the process before this one died "
                      "at topic \"%V\", partition %D, offset %L",
                      &fep->exporter->name, &topic, death->partition,
                      (long long) death->offset);
    }

    if (death->deaths < NGX_HTTP_FLOW_EXPORTER_DEATHS) {
        return 1;
    }

    doublings = ngx_min(death->deaths - NGX_HTTP_FLOW_EXPORTER_DEATHS, 6);
    seconds = ngx_min((ngx_uint_t) 1 << doublings,
                      NGX_HTTP_FLOW_EXPORTER_REST_MAX);

    ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                  "flow exporter \"%V\": %uD processes died without progress, "
                  "resting for %ui s", &fep->exporter->name, death->deaths,
                  seconds);

    return seconds * 1000;
}


/* What has to be looked at now and then. */

static void
ngx_http_flow_exporter_watch_handler(ngx_event_t *ev)
{
    ngx_http_flow_exporter_process_t  *fep;

    fep = ev->data;

    ngx_add_timer(ev, NGX_HTTP_FLOW_EXPORTER_WATCH);

    /* a master that was killed cannot end its children */

    if (ngx_process == NGX_PROCESS_HELPER && getppid() != ngx_parent) {
        ngx_log_error(NGX_LOG_NOTICE, fep->log, 0,
                      "flow exporter \"%V\": the master process is gone, "
                      "exiting", &fep->exporter->name);
        exit(0);
    }

    if (fep->lease.descriptor != -1
        && flow_lease_check(&fep->lease) != FLOW_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, fep->log, 0,
                      "flow exporter \"%V\": lease file \"%V\" was removed or "
                      "replaced, starting again", &fep->exporter->name,
                      &fep->exporter->conf->lease);

        ngx_http_flow_exporter_give_up(fep);
        return;
    }

    if (fep->assign == NULL) {
        return;
    }

    ngx_http_flow_exporter_age(fep, flow_assign_refresh_ends(fep->assign));

    if (fep->durable) {
        flow_assign_commit(fep->assign);
    }

    if (!fep->settled
        && ngx_time() - fep->started >= NGX_HTTP_FLOW_EXPORTER_SETTLED)
    {
        fep->settled = 1;
        flow_zone_forget_deaths(fep->zone);
    }

    ngx_http_flow_exporter_proceed(fep);
}


/*
 * What has been summed since the last commit is left: whoever goes on gets
 * those messages again.
 */

void
ngx_http_flow_exporter_give_up(ngx_http_flow_exporter_process_t *fep)
{
    if (ngx_process == NGX_PROCESS_HELPER) {
        _exit(1);
    }

    ngx_http_flow_exporter_close(fep);

    ngx_add_timer(&fep->lease_timer, NGX_HTTP_FLOW_EXPORTER_RETRY);
}


/* Everything that was opened since the lease was taken, in reverse. */

static void
ngx_http_flow_exporter_close(ngx_http_flow_exporter_process_t *fep)
{
    if (fep->start_timer.timer_set) {
        ngx_del_timer(&fep->start_timer);
    }

    ngx_http_flow_exporter_close_consumer(fep);
    ngx_http_flow_exporter_close_state(fep);

    if (fep->zone != NULL && flow_lease_check(&fep->lease) == FLOW_OK) {
        ngx_http_flow_exporter_leave(fep);
    }

    fep->zone = NULL;
    flow_lease_close(&fep->lease);
}


/* In order: who is next to consume a partition starts where this one ends. */

static void
ngx_http_flow_exporter_commit_offsets(ngx_http_flow_exporter_process_t *fep,
    int64_t until)
{
    const char  *group;

    group = fep->exporter->conf->assign.consumer.group;

    if (fep->durable && fep->assign != NULL) {
        flow_assign_commit_last(fep->assign, until - flow_consume_clock());

    } else if (group != NULL) {
        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": the last offsets are not "
                      "committed for group \"%s\"", &fep->exporter->name,
                      group);
    }
}


/* The last words in the zone; a successor finds an orderly end. */

static void
ngx_http_flow_exporter_leave(ngx_http_flow_exporter_process_t *fep)
{
    flow_zone_set_connected(fep->zone, false);
    flow_zone_set_phase(fep->zone, FLOW_PHASE_CLOSING);
}


void
ngx_http_flow_exporter_register_exit(ngx_uint_t kafka)
{
    if (ngx_http_flow_exporter_pids[kafka] != ngx_pid) {
        ngx_http_flow_exporter_pids[kafka] = ngx_pid;
        (void) atexit(ngx_http_flow_exporter_exit);
    }
}


/*
 * nginx ends its helpers by exit(0) and calls no hook.  What librdkafka has
 * open ends with the process: its threads, and the lease with them.
 */

static void
ngx_http_flow_exporter_exit(void)
{
    if (ngx_getpid() != ngx_http_flow_exporter_pids[0]) {
        return;
    }

    ngx_http_flow_exporter_finish();

#if !(NGX_HTTP_FLOW_EXPORTER_TEARDOWN)
    _exit(0);
#endif
}


/*
 * rd_kafka_destroy() could hang on one message that is still held, and the
 * time is short: only builds for leak checkers free everything.
 */

void
ngx_http_flow_exporter_finish(void)
{
#if (NGX_HTTP_FLOW_EXPORTER_TEARDOWN)

    (void) ngx_http_flow_exporter_stop();

#else

    int64_t                            until;
    ngx_http_flow_exporter_process_t  *fep;

    until = flow_consume_clock() + NGX_HTTP_FLOW_EXPORTER_COMMIT_WAIT;

    while (ngx_http_flow_exporter_processes != NULL) {
        fep = ngx_http_flow_exporter_processes;
        ngx_http_flow_exporter_processes = fep->next;

        if (fep->zone == NULL
            || flow_lease_check(&fep->lease) != FLOW_OK)
        {
            continue;
        }

        if (fep->pipeline != NULL) {
            ngx_http_flow_exporter_commit_last(fep);
        }

        ngx_http_flow_exporter_commit_offsets(fep, until);
        ngx_http_flow_exporter_leave(fep);
    }

#endif
}


/* Says what is wrong once, and tries again later. */

void
ngx_http_flow_exporter_retry(ngx_http_flow_exporter_process_t *fep,
    ngx_event_t *timer, flow_error_t *error)
{
    if (ngx_strcmp(fep->said.text, error->text) != 0) {
        fep->said = *error;

        ngx_log_error(NGX_LOG_ERR, fep->log, 0,
                      "flow exporter \"%V\": %s, trying again every %d s",
                      &fep->exporter->name, error->text,
                      NGX_HTTP_FLOW_EXPORTER_RETRY / 1000);
    }

    ngx_add_timer(timer, NGX_HTTP_FLOW_EXPORTER_RETRY);
}
