/*
 * The dedicated process: one of these a "flow_exporter" block.
 */

#ifndef NGX_HTTP_FLOW_EXPORTER_PROCESS_H
#define NGX_HTTP_FLOW_EXPORTER_PROCESS_H

#include "ngx_http_flow_exporter_conf.h"
#include "core/flow_lease.h"


typedef struct ngx_http_flow_exporter_process_s
    ngx_http_flow_exporter_process_t;

struct ngx_http_flow_exporter_process_s {

    /* first, since nginx takes the data of an event for a connection */
    ngx_connection_t                   connection;

    ngx_event_t                        read;
    ngx_event_t                        write;
    ngx_event_t                        lease_timer;
    ngx_event_t                        start_timer;
    ngx_event_t                        commit_timer;
    ngx_event_t                        watch_timer;

    ngx_http_flow_exporter_t          *exporter;
    ngx_log_t                         *log;

    flow_lease_t                       lease;
    flow_zone_writer_t                *writer;
    flow_names_t                      *names;
    flow_pipeline_t                   *pipeline;
    flow_assign_t                     *assign;

    ngx_msec_t                         lease_delay;
    time_t                             waiting_since;
    time_t                             holder_said;
    time_t                             started;
    time_t                             invalid_said;
    ngx_uint_t                         invalid_unsaid;
    time_t                             full_said;
    flow_error_t                       said;       /* once per change */

    unsigned                           settled:1;
    unsigned                           wrapped_said:1;

    ngx_http_flow_exporter_process_t  *next;
};


/*
 * Makes the state directory and the lease files, and gives them to the
 * unprivileged user.  The master, at the commit point of a cycle; what fails
 * is logged, and the exporter has no lease then.
 */

void ngx_http_flow_exporter_prepare_state(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf);

/*
 * Starts all exporters of the cycle in this process; each waits for its
 * lease first.  Called once a process.
 */

void ngx_http_flow_exporter_start(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf);

/*
 * Single process mode: commits and ends all exporters of the old cycle, which
 * may take as long as flow_consume_close().  Returns true if there were any.
 */

ngx_uint_t ngx_http_flow_exporter_stop(void);

/*
 * Commits and leaves the zones in order: the last thing that a process does.
 */

void ngx_http_flow_exporter_finish(void);

/*
 * Has the process finish and _exit() when nginx ends it.  Called after each
 * rd_kafka_new(), so that it runs before what that has registered.
 */

void ngx_http_flow_exporter_register_exit(void);

/*
 * Ends consuming without a commit: whoever goes on gets those messages again.
 * The dedicated process ends, and nginx starts another one.
 */

void ngx_http_flow_exporter_give_up(ngx_http_flow_exporter_process_t *fep);

/* Says what is wrong, once a change, and starts the timer for another try. */

void ngx_http_flow_exporter_retry(ngx_http_flow_exporter_process_t *fep,
    ngx_event_t *timer, flow_error_t *error);


/* Consuming: handlers of the start timer, descriptor and commit timer. */

void ngx_http_flow_exporter_start_handler(ngx_event_t *ev);
void ngx_http_flow_exporter_consume_handler(ngx_event_t *ev);
void ngx_http_flow_exporter_commit_handler(ngx_event_t *ev);

/* Publishes what has been summed, and logs what came up. */

void ngx_http_flow_exporter_commit(ngx_http_flow_exporter_process_t *fep);

/* Ends consuming; nothing is committed. */

void ngx_http_flow_exporter_close_consumer(
    ngx_http_flow_exporter_process_t *fep);


#endif /* NGX_HTTP_FLOW_EXPORTER_PROCESS_H */
