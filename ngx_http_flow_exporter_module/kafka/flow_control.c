/*
 * Step 0, the part that waits: metadata, offset queries and the stopping of
 * partitions, in a thread of their own.  See flow_control.h.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_text.h"
#include "flow_control.h"
#include "flow_query.h"


/* Milliseconds. */

#define FLOW_CONTROL_REFRESH  30000
#define FLOW_CONTROL_RETRY     1000

/* How often a metadata request is tried before no broker answers. */

#define FLOW_CONTROL_TRIES        3


typedef struct {
    flow_control_topic_t  answer;
    bool                  fresh;
} flow_control_slot_t;


typedef struct {
    flow_job_t   *first;
    flow_job_t  **end;
} flow_job_list_t;


struct flow_control_s {
    rd_kafka_t               *kafka;
    rd_kafka_topic_t *const  *topics;
    uint32_t                  topic_count;
    int                       wake;
    pthread_t                 thread;

    /* under the mutex */
    pthread_mutex_t           mutex;
    pthread_cond_t            condition;
    bool                      closing;
    flow_job_list_t           pending;
    flow_job_list_t           done;
    int64_t                   metadata_due;
    uint32_t                  refreshes;
    bool                      metadata_fresh;
    rd_kafka_resp_err_t       metadata_error;
    flow_control_slot_t      *slots;
    char                      cluster[FLOW_CONSUME_CLUSTER];
    bool                      cluster_fresh;

    /* NULL: nothing is to be fetched at once */
    rd_kafka_topic_partition_list_t  *fetch;
};


static int flow_control_start(flow_control_t *control, flow_error_t *error);
static void *flow_control_run(void *data);
static void flow_control_work(flow_control_t *control, flow_job_t *job,
    bool metadata, rd_kafka_topic_partition_list_t *fetch);
static flow_job_t *flow_control_next_locked(flow_control_t *control,
    int64_t now);
static void flow_control_wait_locked(flow_control_t *control);
static void flow_control_metadata(flow_control_t *control);
static bool flow_control_note_locked(flow_control_t *control, uint32_t topic,
    const flow_control_topic_t *answer);
static void flow_control_hurry_locked(flow_control_t *control);
static void flow_control_wake(flow_control_t *control);


static void
flow_control_empty(flow_job_list_t *list)
{
    list->first = NULL;
    list->end = &list->first;
}


static void
flow_control_fetch_nothing(flow_control_t *control)
{
    if (control->fetch != NULL) {
        rd_kafka_topic_partition_list_destroy(control->fetch);
        control->fetch = NULL;
    }
}


static void
flow_control_append(flow_job_list_t *list, flow_job_t *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}


flow_control_t *
flow_control_create(rd_kafka_t *kafka, rd_kafka_topic_t *const *topics,
    uint32_t topic_count, int wake, flow_error_t *error)
{
    flow_control_t  *control;

    control = calloc(1, sizeof(flow_control_t));

    if (control == NULL) {
        flow_error_set(error, "no memory for the control thread");
        return NULL;
    }

    control->kafka = kafka;
    control->topics = topics;
    control->topic_count = topic_count;
    control->wake = wake;
    flow_control_empty(&control->pending);
    flow_control_empty(&control->done);
    control->metadata_due = flow_consume_clock();
    control->slots = calloc(topic_count, sizeof(flow_control_slot_t));

    if (control->slots == NULL) {
        flow_error_set(error, "no memory for the control thread");

    } else if (flow_control_start(control, error) == FLOW_OK) {
        return control;
    }

    free(control->slots);
    free(control);

    return NULL;
}


/* Signals are the business of nginx's main thread. */

static int
flow_control_start(flow_control_t *control, flow_error_t *error)
{
    int                 rc;
    sigset_t            all, old;
    pthread_condattr_t  attributes;

    pthread_mutex_init(&control->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&control->condition, &attributes);
    pthread_condattr_destroy(&attributes);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    rc = pthread_create(&control->thread, NULL, flow_control_run, control);

    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (rc == 0) {
        return FLOW_OK;
    }

    pthread_cond_destroy(&control->condition);
    pthread_mutex_destroy(&control->mutex);

    flow_error_set(error, "pthread_create() failed: %s", strerror(rc));

    return FLOW_ERROR;
}


void
flow_control_destroy(flow_control_t *control)
{
    pthread_mutex_lock(&control->mutex);
    control->closing = true;
    pthread_cond_signal(&control->condition);
    pthread_mutex_unlock(&control->mutex);

    pthread_join(control->thread, NULL);

    pthread_cond_destroy(&control->condition);
    pthread_mutex_destroy(&control->mutex);
    flow_control_fetch_nothing(control);
    free(control->slots);
    free(control);
}


void
flow_control_submit(flow_control_t *control, flow_job_t *job, int64_t delay)
{
    job->due = flow_consume_clock() + delay;

    pthread_mutex_lock(&control->mutex);
    flow_control_append(&control->pending, job);
    pthread_cond_signal(&control->condition);
    pthread_mutex_unlock(&control->mutex);
}


void
flow_control_fetch(flow_control_t *control,
    rd_kafka_topic_partition_list_t *partitions)
{
    pthread_mutex_lock(&control->mutex);
    flow_control_fetch_nothing(control);
    control->fetch = partitions;
    pthread_cond_signal(&control->condition);
    pthread_mutex_unlock(&control->mutex);
}


void
flow_control_refresh(flow_control_t *control)
{
    pthread_mutex_lock(&control->mutex);
    control->metadata_due = flow_consume_clock();
    control->metadata_fresh = false;
    control->refreshes++;
    pthread_cond_signal(&control->condition);
    pthread_mutex_unlock(&control->mutex);
}


flow_job_t *
flow_control_take_done(flow_control_t *control)
{
    flow_job_t  *jobs;

    pthread_mutex_lock(&control->mutex);
    jobs = control->done.first;
    flow_control_empty(&control->done);
    pthread_mutex_unlock(&control->mutex);

    return jobs;
}


bool
flow_control_take_metadata(flow_control_t *control,
    rd_kafka_resp_err_t *error)
{
    bool  fresh;

    pthread_mutex_lock(&control->mutex);
    fresh = control->metadata_fresh;
    *error = control->metadata_error;
    control->metadata_fresh = false;
    pthread_mutex_unlock(&control->mutex);

    return fresh;
}


bool
flow_control_take_cluster(flow_control_t *control, char *id)
{
    bool  fresh;

    pthread_mutex_lock(&control->mutex);
    fresh = control->cluster_fresh;
    memcpy(id, control->cluster, sizeof(control->cluster));
    control->cluster_fresh = false;
    pthread_mutex_unlock(&control->mutex);

    return fresh;
}


bool
flow_control_take_topic(flow_control_t *control, uint32_t topic,
    flow_control_topic_t *answer)
{
    bool                  fresh;
    flow_control_slot_t  *slot = &control->slots[topic];

    pthread_mutex_lock(&control->mutex);
    fresh = slot->fresh;
    *answer = slot->answer;
    slot->fresh = false;
    pthread_mutex_unlock(&control->mutex);

    return fresh;
}


static void *
flow_control_run(void *data)
{
    bool                              metadata;
    int64_t                           now;
    flow_job_t                       *job, *next;
    flow_control_t                   *control = data;
    rd_kafka_topic_partition_list_t  *fetch;

    pthread_mutex_lock(&control->mutex);

    while (!control->closing) {
        now = flow_consume_clock();
        job = flow_control_next_locked(control, now);

        metadata = control->metadata_due <= now;
        fetch = control->fetch;
        control->fetch = NULL;

        if (job == NULL && fetch == NULL && !metadata) {
            flow_control_wait_locked(control);
            continue;
        }

        pthread_mutex_unlock(&control->mutex);
        flow_control_work(control, job, metadata, fetch);
        pthread_mutex_lock(&control->mutex);

        for ( /* void */ ; job != NULL; job = next) {
            next = job->next;
            flow_control_append(&control->done, job);
        }

        flow_control_wake(control);
    }

    pthread_mutex_unlock(&control->mutex);

    return NULL;
}


/* What is quick goes first. */

static void
flow_control_work(flow_control_t *control, flow_job_t *job, bool metadata,
    rd_kafka_topic_partition_list_t *fetch)
{
    if (fetch != NULL) {
        flow_query_wake(control->kafka, fetch);
        rd_kafka_topic_partition_list_destroy(fetch);
    }

    if (job != NULL) {
        flow_query_jobs(control->kafka, control->topics, job);

    } else if (metadata) {
        flow_control_metadata(control);
    }
}


/*
 * Takes the first job whose time has come, and with a question all others
 * that are due, for they are asked at once.  Metadata that is due goes before
 * them: without a broker no job can be done.
 */

static flow_job_t *
flow_control_next_locked(flow_control_t *control, int64_t now)
{
    flow_job_t       *job, *next;
    flow_job_list_t   taken, left;

    if (control->metadata_due <= now) {
        return NULL;
    }

    flow_control_empty(&taken);
    flow_control_empty(&left);

    for (job = control->pending.first; job != NULL; job = next) {
        next = job->next;

        if (job->due <= now
            && (taken.first == NULL
                || (taken.first->kind == FLOW_JOB_RESOLVE
                    && job->kind == FLOW_JOB_RESOLVE)))
        {
            flow_control_append(&taken, job);

        } else {
            flow_control_append(&left, job);
        }
    }

    control->pending.first = left.first;
    control->pending.end = left.first == NULL ? &control->pending.first
                                              : left.end;

    return taken.first;
}


static void
flow_control_wait_locked(flow_control_t *control)
{
    int64_t           due = control->metadata_due;
    flow_job_t       *job;
    struct timespec   until;

    for (job = control->pending.first; job != NULL; job = job->next) {
        due = job->due < due ? job->due : due;
    }

    until.tv_sec = (time_t) (due / 1000);
    until.tv_nsec = (long) (due % 1000) * 1000000;

    pthread_cond_timedwait(&control->condition, &control->mutex, &until);
}


static void
flow_control_metadata(flow_control_t *control)
{
    bool                   missing = false, changed = false;
    uint32_t               i = 0, refreshes, tries = 0;
    rd_kafka_resp_err_t    error = RD_KAFKA_RESP_ERR_NO_ERROR;
    flow_control_topic_t   answer;

    pthread_mutex_lock(&control->mutex);

    refreshes = control->refreshes;

    while (i < control->topic_count && tries < FLOW_CONTROL_TRIES
           && !control->closing)
    {
        pthread_mutex_unlock(&control->mutex);
        error = flow_query_topic(control->kafka, control->topics[i], &answer);
        pthread_mutex_lock(&control->mutex);

        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            tries++;
            continue;
        }

        missing |= answer.error != RD_KAFKA_RESP_ERR_NO_ERROR
                   || answer.partitions == 0;
        changed |= flow_control_note_locked(control, i++, &answer);
    }

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        control->cluster_fresh |= flow_query_cluster(control->kafka,
                                                     control->cluster);
    }

    missing |= error != RD_KAFKA_RESP_ERR_NO_ERROR;
    changed |= error != control->metadata_error;
    control->metadata_error = error;

    if (changed && error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        flow_control_hurry_locked(control);
    }

    if (refreshes == control->refreshes) {
        control->metadata_fresh = true;
        control->metadata_due = flow_consume_clock()
                                + (missing ? FLOW_CONTROL_RETRY
                                           : FLOW_CONTROL_REFRESH);
    }

    pthread_mutex_unlock(&control->mutex);
}


/* Returns true if the answer is not that of last time. */

static bool
flow_control_note_locked(flow_control_t *control, uint32_t topic,
    const flow_control_topic_t *answer)
{
    bool                  changed;
    flow_control_slot_t  *slot = &control->slots[topic];

    changed = answer->error != slot->answer.error
              || answer->partitions != slot->answer.partitions;

    slot->answer = *answer;
    slot->fresh = true;

    return changed;
}


/* What waits to be tried again has a new chance. */

static void
flow_control_hurry_locked(flow_control_t *control)
{
    flow_job_t  *job;

    for (job = control->pending.first; job != NULL; job = job->next) {
        job->due = 0;
    }
}


/* Cannot fail: an eventfd that is full is readable already. */

static void
flow_control_wake(flow_control_t *control)
{
    uint64_t  one = 1;

    (void) !write(control->wake, &one, sizeof(one));
}
