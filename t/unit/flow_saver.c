/*
 * flow_saver: a job is done in another thread, which says so by a descriptor
 * and leaves signals alone; two savers serve one store.
 */

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "flow_saver.h"
#include "disk.h"
#include "stores.h"


#define RECORDS  500
#define IMAGES   20

/* Milliseconds, for what takes microseconds. */

#define BOUND    60000


static volatile sig_atomic_t  handled_by_main;
static pthread_t              main_thread;


static void
handle(int signal)
{
    (void) signal;

    handled_by_main = pthread_equal(pthread_self(), main_thread);
}


static bool
is_readable(const flow_saver_t *saver, int milliseconds)
{
    struct pollfd  entry = { .fd = flow_saver_descriptor(saver),
                             .events = POLLIN };

    return poll(&entry, 1, milliseconds) == 1;
}


/* As an event loop waits. */

static flow_save_t *
wait_readable(flow_saver_t *saver)
{
    return is_readable(saver, BOUND) ? flow_saver_done(saver) : NULL;
}


static int
run_begin(void *data, flow_error_t *sentence)
{
    return flow_store_begin_log(store, data, sentence);
}


static int
run_append(void *data, flow_error_t *sentence)
{
    return flow_store_append(store, data, sentence);
}


static int
run_image(void *data, flow_error_t *sentence)
{
    return flow_store_write_image(store, data, sentence);
}


static void
start(flow_saver_t *saver, flow_save_t *save,
    int (*run)(void *data, flow_error_t *sentence), void *data)
{
    memset(save, 0, sizeof(*save));
    save->run = run;
    save->data = data;

    flow_saver_start(saver, save);
}


static void
test_jobs(flow_saver_t *saver)
{
    char             *record, *image;
    flow_save_t       save;
    flow_position_t   position;

    ok(!is_readable(saver, 0) && flow_saver_done(saver) == NULL
       && flow_saver_wait(saver) == NULL && !flow_saver_is_busy(saver),
       "nothing is done before the first job");

    position = next_position();
    start(saver, &save, run_begin, &position);
    ok(flow_saver_is_busy(saver), "busy from a job's start");
    ok(wait_readable(saver) == &save && save.result == FLOW_OK,
       "a log is begun");
    ok(!is_readable(saver, 0) && flow_saver_done(saver) == NULL
       && !flow_saver_is_busy(saver), "a job is given back once");

    image = image_of(now_counted(), 100);
    start(saver, &save, run_image, image);
    ok(flow_saver_wait(saver) == &save && save.result == FLOW_OK
       && !is_readable(saver, 0), "an image is written, and waited for");
    free(image);

    record = count(&position, 50);
    start(saver, &save, run_append, record);
    ok(wait_readable(saver) == &save && save.result == FLOW_OK,
       "a record is appended");
    free(record);

    position = (flow_position_t) { LINEAGE, 0, 0 };
    start(saver, &save, run_begin, &position);
    ok(wait_readable(saver) == &save && save.result == FLOW_ERROR
       && save.error.text[0] != '\0', "what fails has its sentence: %s",
       save.error.text);
}


/* The thread takes no signal of the process. */

static void
test_signals(flow_saver_t *saver)
{
    sigset_t          set;
    flow_save_t       save;
    flow_position_t   position = next_position();
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handle;
    main_thread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);

    /* the main thread does not take it yet, the other must not */

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);

    start(saver, &save, run_begin, &position);
    flow_saver_wait(saver);

    pthread_sigmask(SIG_UNBLOCK, &set, NULL);

    ok(handled_by_main, "a signal is the main thread's");
}


static void
start_image(flow_saver_t *saver, flow_save_t *save, char **image)
{
    free(*image);
    *image = image_of(now_counted(), 20000);
    start(saver, save, run_image, *image);
}


static bool
append_by(flow_saver_t *saver, bool begins_log)
{
    bool              right = true;
    char             *record;
    flow_save_t       save;
    flow_position_t   position = next_position();

    if (begins_log) {
        start(saver, &save, run_begin, &position);
        right = flow_saver_wait(saver)->result == FLOW_OK;
    }

    record = count(&position, 100);
    start(saver, &save, run_append, record);
    (void) flow_store_log_bytes(store);
    right &= flow_saver_wait(saver)->result == FLOW_OK;
    free(record);

    return right;
}


/* Records by one saver, images by another, as fast as both can. */

static void
test_two(flow_saver_t *records, flow_saver_t *images)
{
    char         *image = NULL;
    unsigned      i, written = 0, wrong = 0;
    flow_save_t   save, *ended;

    start_image(images, &save, &image);

    for (i = 0; i < RECORDS || written < IMAGES; i++) {

        if (counted_end == POSITIONS_MAX - 2) {
            break;
        }

        wrong += !append_by(records, i % 50 == 0);
        ended = flow_saver_done(images);

        if (ended != NULL) {
            wrong += ended->result != FLOW_OK;
            written++;
            start_image(images, &save, &image);
        }
    }

    wrong += flow_saver_wait(images)->result != FLOW_OK;
    free(image);

    ok(wrong == 0, "records and images side by side");
}


int
main(int argc, char **argv)
{
    flow_saver_t  *records, *images;

    random_begin(argc, argv);

    if (!make_directory()) {
        ok(false, "a directory");
        return done();
    }

    begin_counting();
    ok(scan() == FLOW_DECLINED, "an empty directory");

    records = flow_saver_create(&error);
    images = flow_saver_create(&error);
    ok(records != NULL && images != NULL, "two savers");

    test_jobs(records);
    test_signals(records);
    test_two(records, images);

    flow_saver_destroy(images);
    flow_saver_destroy(records);
    close_store();

    ok(comes_back(), "what they saved comes back");
    close_store();
    remove_directory();

    return done();
}
