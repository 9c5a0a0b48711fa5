/*
 * The thread that waits for the disk; see flow_saver.h.
 *
 *   owner    start: job = save, wake the thread
 *   thread   run the job, done = true, write to the descriptor
 *   owner    done: read the descriptor, job = NULL
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "flow_saver.h"
#include "flow_text.h"


struct flow_saver_s {
    pthread_t        thread;
    pthread_mutex_t  mutex;        /* of what follows */
    pthread_cond_t   changed;
    flow_save_t     *job;          /* the owner's; NULL: none */
    bool             done;
    bool             ending;
    int              descriptor;
};


static int flow_saver_start_thread(flow_saver_t *saver);
static void *flow_saver_thread(void *data);
static flow_save_t *flow_saver_take_back(flow_saver_t *saver, bool wait);


flow_saver_t *
flow_saver_create(flow_error_t *error)
{
    int            rc;
    flow_saver_t  *saver;

    saver = calloc(1, sizeof(flow_saver_t));
    if (saver == NULL) {
        flow_error_set(error, "no memory for a thread");
        return NULL;
    }

    saver->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (saver->descriptor == -1) {
        flow_error_set(error, "eventfd() failed (%d: %s)", errno,
                       strerror(errno));
        free(saver);
        return NULL;
    }

    (void) pthread_mutex_init(&saver->mutex, NULL);
    (void) pthread_cond_init(&saver->changed, NULL);

    rc = flow_saver_start_thread(saver);

    if (rc != 0) {
        flow_error_set(error, "pthread_create() failed (%d: %s)", rc,
                       strerror(rc));
        (void) pthread_cond_destroy(&saver->changed);
        (void) pthread_mutex_destroy(&saver->mutex);
        (void) close(saver->descriptor);
        free(saver);
        return NULL;
    }

    return saver;
}


void
flow_saver_destroy(flow_saver_t *saver)
{
    if (saver == NULL) {
        return;
    }

    (void) pthread_mutex_lock(&saver->mutex);
    saver->ending = true;
    (void) pthread_cond_broadcast(&saver->changed);
    (void) pthread_mutex_unlock(&saver->mutex);

    (void) pthread_join(saver->thread, NULL);

    (void) pthread_cond_destroy(&saver->changed);
    (void) pthread_mutex_destroy(&saver->mutex);
    (void) close(saver->descriptor);
    free(saver);
}


int
flow_saver_descriptor(const flow_saver_t *saver)
{
    return saver->descriptor;
}


void
flow_saver_start(flow_saver_t *saver, flow_save_t *save)
{
    (void) pthread_mutex_lock(&saver->mutex);
    saver->job = save;
    saver->done = false;
    (void) pthread_cond_broadcast(&saver->changed);
    (void) pthread_mutex_unlock(&saver->mutex);
}


flow_save_t *
flow_saver_done(flow_saver_t *saver)
{
    return flow_saver_take_back(saver, false);
}


flow_save_t *
flow_saver_wait(flow_saver_t *saver)
{
    return flow_saver_take_back(saver, true);
}


/* The owner alone sets and clears the job. */

bool
flow_saver_is_busy(const flow_saver_t *saver)
{
    return saver->job != NULL;
}


/* A thread starts with the signals blocked that its creator has blocked. */

static int
flow_saver_start_thread(flow_saver_t *saver)
{
    int       rc;
    sigset_t  all, before;

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    rc = pthread_create(&saver->thread, NULL, flow_saver_thread, saver);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    return rc;
}


static void *
flow_saver_thread(void *data)
{
    uint64_t       one = 1;
    flow_save_t   *job;
    flow_saver_t  *saver = data;

    (void) pthread_mutex_lock(&saver->mutex);

    for ( ;; ) {
        while (!saver->ending && (saver->job == NULL || saver->done)) {
            (void) pthread_cond_wait(&saver->changed, &saver->mutex);
        }

        if (saver->job == NULL || saver->done) {
            break;
        }

        job = saver->job;

        (void) pthread_mutex_unlock(&saver->mutex);
        job->result = job->run(job->data, &job->error);
        (void) pthread_mutex_lock(&saver->mutex);

        saver->done = true;
        (void) pthread_cond_broadcast(&saver->changed);

        while (write(saver->descriptor, &one, sizeof(one)) == -1
               && errno == EINTR)
        {
            /* again */
        }
    }

    (void) pthread_mutex_unlock(&saver->mutex);

    return NULL;
}


static flow_save_t *
flow_saver_take_back(flow_saver_t *saver, bool wait)
{
    ssize_t       n;
    uint64_t      count;
    flow_save_t  *job;

    (void) pthread_mutex_lock(&saver->mutex);

    while (wait && saver->job != NULL && !saver->done) {
        (void) pthread_cond_wait(&saver->changed, &saver->mutex);
    }

    job = NULL;

    if (saver->job != NULL && saver->done) {
        job = saver->job;
        saver->job = NULL;
        saver->done = false;

        do {
            n = read(saver->descriptor, &count, sizeof(count));
        } while (n == -1 && errno == EINTR);
    }

    (void) pthread_mutex_unlock(&saver->mutex);

    return job;
}
