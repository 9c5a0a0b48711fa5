/*
 * The dedicated process: one of these a "flow_exporter" block.
 */

#ifndef NGX_HTTP_FLOW_EXPORTER_PROCESS_H
#define NGX_HTTP_FLOW_EXPORTER_PROCESS_H

#include "ngx_http_flow_exporter_conf.h"
#include "core/flow_recover.h"
#include "core/flow_saver.h"


typedef struct ngx_http_flow_exporter_process_s
    ngx_http_flow_exporter_process_t;

typedef void (*ngx_http_flow_exporter_done_pt)(
    ngx_http_flow_exporter_process_t *fep, flow_save_t *save);


/* A descriptor of ours that nginx watches. */

typedef struct {

    /* first, since nginx takes the data of an event for a connection */
    ngx_connection_t                   connection;

    ngx_event_t                        read;
    ngx_event_t                        write;
    ngx_http_flow_exporter_process_t  *process;
} ngx_http_flow_exporter_watch_t;


/* A thread that waits for the disk, and its job. */

typedef struct {

    /* first, since a watch is all that its handler gets */
    ngx_http_flow_exporter_watch_t     watch;

    flow_saver_t                      *saver;
    flow_save_t                        job;
    ngx_http_flow_exporter_done_pt     done;       /* what follows a job */
} ngx_http_flow_exporter_saver_t;


/* What the thread of the log is at. */

typedef enum {
    ngx_http_flow_exporter_idle_e = 0,
    ngx_http_flow_exporter_appending_e,   /* the composed record */
    ngx_http_flow_exporter_marking_e,     /* that it will not be in a log */
    ngx_http_flow_exporter_unmarking_e,
    ngx_http_flow_exporter_beginning_e    /* a new log, before an image */
} ngx_http_flow_exporter_saving_e;


struct ngx_http_flow_exporter_process_s {
    ngx_http_flow_exporter_watch_t     kafka;
    ngx_http_flow_exporter_saver_t     log_saver;
    ngx_http_flow_exporter_saver_t     image_saver;

    ngx_event_t                        lease_timer;
    ngx_event_t                        start_timer;
    ngx_event_t                        commit_timer;
    ngx_event_t                        watch_timer;
    ngx_event_t                        mark_timer;

    ngx_http_flow_exporter_t          *exporter;
    ngx_log_t                         *log;

    flow_lease_t                       lease;
    flow_zone_t                       *zone;
    flow_zone_writer_t                *writer;
    flow_store_t                      *store;      /* NULL: none */
    flow_recovered_t                   recovered;
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

    ngx_http_flow_exporter_saving_e    saving;
    flow_str_t                         record;     /* composed, not applied */
    flow_position_t                    first;      /* of a new log */
    char                              *image;      /* being written */
    ngx_msec_t                         image_next; /* not before */
    ngx_msec_t                         image_pause;
    const char                        *image_said; /* what failed last */
    ngx_msec_t                         unmark_next;
    uint64_t                           commit_begun;
    uint64_t                           image_begun;

    /* ns */
    uint64_t                           looked_at;  /* by the watch timer */
    uint64_t                           doubted_at; /* 0: never */
    uint64_t                           aged;       /* not a second yet */

    unsigned                           commit:1;   /* is wanted */
    unsigned                           stalled:1;  /* for a full batch */
    unsigned                           image_wanted:1;
    unsigned                           image_whole:1;  /* with its logs */
    unsigned                           complete:1; /* files have it all */
    unsigned                           durable:1;  /* and a log is open */
    unsigned                           proven:1;   /* that log took a record */
    unsigned                           decided:1;  /* see flow_publish.h */
    unsigned                           resting:1;  /* for an image */
    unsigned                           withhold:1; /* flow series */
    unsigned                           caught_up:1;    /* record has it all */
    unsigned                           mark_unsure:1;  /* an unmark failed */
    unsigned                           mark_said:1;
    unsigned                           room_said:1;
    unsigned                           settled:1;
    unsigned                           wrapped_said:1;
    unsigned                           certain:1;  /* no flow was missed */

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
 * Has the process finish and _exit() when nginx ends it.  Called when there
 * is something to finish, and once more after rd_kafka_new(), so that it runs
 * before what that has registered ("kafka" is set then).
 */

void ngx_http_flow_exporter_register_exit(ngx_uint_t kafka);

/*
 * Ends consuming without a commit: whoever goes on gets those messages again.
 * The dedicated process ends, and nginx starts another one.
 */

void ngx_http_flow_exporter_give_up(ngx_http_flow_exporter_process_t *fep);

/* Says what is wrong, once a change, and starts the timer for another try. */

void ngx_http_flow_exporter_retry(ngx_http_flow_exporter_process_t *fep,
    ngx_event_t *timer, flow_error_t *error);


/* Events with "fep" as their data, which do not keep nginx from exiting. */

void ngx_http_flow_exporter_init_event(ngx_http_flow_exporter_process_t *fep,
    ngx_event_t *ev, ngx_event_handler_pt handler);

/* A descriptor's events, with the watch as their data; none is watched yet. */

void ngx_http_flow_exporter_init_watch(ngx_http_flow_exporter_process_t *fep,
    ngx_http_flow_exporter_watch_t *watch, ngx_event_handler_pt handler);

/*
 * Has nginx watch a descriptor, whose events have their handlers already;
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_flow_exporter_watch(ngx_http_flow_exporter_watch_t *watch,
    int descriptor);

/* Before the descriptor is closed. */

void ngx_http_flow_exporter_unwatch(ngx_http_flow_exporter_watch_t *watch);

/* A monotonic clock, nanoseconds. */

uint64_t ngx_http_flow_exporter_clock(void);


/* Consuming: handlers of the start timer, descriptor and commit timer. */

void ngx_http_flow_exporter_start_handler(ngx_event_t *ev);
void ngx_http_flow_exporter_consume_handler(ngx_event_t *ev);
void ngx_http_flow_exporter_commit_handler(ngx_event_t *ev);

/* State: recovery, records to the log and the zone, images. */

/*
 * Makes fep->zone what it is to go on from, and opens the state files; NGX_OK,
 * or NGX_ERROR with a sentence.
 */

ngx_int_t ngx_http_flow_exporter_open_state(
    ngx_http_flow_exporter_process_t *fep, flow_error_t *error);
void ngx_http_flow_exporter_close_state(
    ngx_http_flow_exporter_process_t *fep);

/* Handlers of its threads' descriptors, and of the timer of a mark. */

void ngx_http_flow_exporter_saver_handler(ngx_event_t *ev);
void ngx_http_flow_exporter_mark_handler(ngx_event_t *ev);

/* A job of the thread of the log is done, or an image is written. */

void ngx_http_flow_exporter_saved(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save);
void ngx_http_flow_exporter_imaged(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save);

/* A job for the thread of the log, which is idle. */

void ngx_http_flow_exporter_save(ngx_http_flow_exporter_process_t *fep,
    ngx_http_flow_exporter_saving_e saving,
    int (*run)(void *data, flow_error_t *error));

/* Images: true if one is due; begins one; goes on when its log is there. */

ngx_uint_t ngx_http_flow_exporter_image_is_due(
    ngx_http_flow_exporter_process_t *fep);
void ngx_http_flow_exporter_begin_image(
    ngx_http_flow_exporter_process_t *fep);
void ngx_http_flow_exporter_begun(ngx_http_flow_exporter_process_t *fep,
    flow_save_t *save);

/* Between two tries to get to durable state files again, ms. */

#define NGX_HTTP_FLOW_EXPORTER_IMAGE_RETRY  5000

/*
 * Notes, and shows, whether the state files have all that is counted.  What
 * could not be taken back is decided only when a log has taken a record.
 */

void ngx_http_flow_exporter_set_durable(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t durable);
void ngx_http_flow_exporter_set_proven(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t proven);

/*
 * Expiry: time has passed, in which all flows were "seen", or not; an error of
 * Kafka's leaves that in doubt; what is idle is to leave with the next record,
 * if there is any; and a record is about to be composed.
 */

void ngx_http_flow_exporter_age(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t seen);
void ngx_http_flow_exporter_doubt(ngx_http_flow_exporter_process_t *fep);
ngx_uint_t ngx_http_flow_exporter_expire(
    ngx_http_flow_exporter_process_t *fep);
void ngx_http_flow_exporter_turn(ngx_http_flow_exporter_process_t *fep);

/* Begins what is due: a commit that is wanted, an image. */

void ngx_http_flow_exporter_proceed(ngx_http_flow_exporter_process_t *fep);

/* Commits all that has been summed, and waits for it: the last commit. */

void ngx_http_flow_exporter_commit_last(
    ngx_http_flow_exporter_process_t *fep);

/* What a commit met, for the log. */

void ngx_http_flow_exporter_log_events(ngx_http_flow_exporter_process_t *fep,
    flow_publish_events_t *events);

/* Ends consuming; nothing is committed. */

void ngx_http_flow_exporter_close_consumer(
    ngx_http_flow_exporter_process_t *fep);


#endif /* NGX_HTTP_FLOW_EXPORTER_PROCESS_H */
