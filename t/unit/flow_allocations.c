/*
 * Memory: each allocation of the core and of the consumer fails in turn, alone
 * or with all that follow.  Whoever made it says so in a sentence or a
 * result, leaves nothing allocated, and leaves a zone with which the next
 * process counts what is left: each record once, be it as "other".
 *
 * With the linker's --wrap for malloc, calloc, realloc and free, those below
 * stand between our code and the C library.
 */

#include <libgen.h>
#include <sys/mman.h>

#include "flow_assign.h"
#include "flow_text.h"
#include "tap.h"
#include "zones.h"


#define MESSAGES    400
#define PARTITIONS   40
#define NAMES      9000
#define OWN           7
#define ZONE_SIZE   (1024 * 1024)


void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);


/* Runs until its first failure; false: there was one.  *wrong counts. */

typedef bool (*scenario_pt)(unsigned *wrong);


static atomic_uint  asked;       /* allocations so far */
static atomic_uint  failed;
static atomic_long  live;        /* blocks, of a scenario */

static unsigned     fails_from;  /* first allocation that fails, ... */
static unsigned     fails_to;    /* ... and the one after the last */

static flow_zone_t         *zone;
static flow_zone_writer_t  *writer;
static flow_pipeline_t     *pipeline;
static flow_error_t         error;
static char                 list_path[64];
static char                 mmdb_path[4096];
static size_t               mmdb_count;

static const uint32_t       own[] = { OWN };
static const flow_str_t     topics[] = { flow_string("flows") };
static const char *const    topic_names[] = { "flows" };


static bool
fails(void)
{
    unsigned  n = asked++;
    bool      now = n >= fails_from && n < fails_to;

    failed += now;

    return now;
}


void *
__wrap_malloc(size_t size)
{
    void  *block = fails() ? NULL : __real_malloc(size);

    live += block != NULL;

    return block;
}


void *
__wrap_calloc(size_t count, size_t size)
{
    void  *block = fails() ? NULL : __real_calloc(count, size);

    live += block != NULL;

    return block;
}


void *
__wrap_realloc(void *block, size_t size)
{
    void  *moved = fails() ? NULL : __real_realloc(block, size);

    live += moved != NULL && block == NULL;

    return moved;
}


void
__wrap_free(void *block)
{
    live -= block != NULL;
    __real_free(block);
}


static bool
is_sentence(void)
{
    return error.text[0] != '\0'
           && memchr(error.text, '\0', sizeof(error.text)) != NULL;
}


/* In turn, until a scenario has come to its end without a failure. */

static void
run(const char *what, scenario_pt scenario)
{
    unsigned  n, all, wrong = 0, leaks = 0, most = 0;

    for (all = 0; all < 2; all++) {
        for (n = 0, failed = 1; failed != 0; n++) {
            asked = 0;
            failed = 0;
            live = 0;
            fails_from = n;
            fails_to = all ? UINT32_MAX : n + 1;
            memset(&error, 0, sizeof(error));

            if (!scenario(&wrong) && !is_sentence()) {
                note("no sentence when allocation %u fails", n);
                wrong++;
            }

            fails_from = UINT32_MAX;
            leaks += live != 0;
        }

        most = n - 1;
    }

    ok(wrong == 0 && leaks == 0 && most > 0, "%s: %u allocations, each fails: "
       "%u wrong, %u leaks", what, most, wrong, leaks);
}


static bool
load_names(const char *path, size_t count, unsigned *wrong)
{
    int            checked = flow_names_check(path, &error);
    flow_names_t  *names = flow_names_create(path, &error);

    *wrong += names != NULL && flow_names_count(names) != count;

    if (names == NULL || checked != FLOW_OK) {
        *wrong += strstr(error.text, path) == NULL;
        flow_names_destroy(names);
        return false;
    }

    flow_names_destroy(names);

    return true;
}


static bool
load_list(unsigned *wrong)
{
    return load_names(list_path, NAMES, wrong);
}


static bool
load_mmdb(unsigned *wrong)
{
    return load_names(mmdb_path, mmdb_count, wrong);
}


static void
no_invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;
}


/* Message n of all, the last of which is long, adds n bytes. */

static int
deliver(int64_t n)
{
    int             length;
    flow_message_t  message = { 0, (int32_t) (n % PARTITIONS), n / PARTITIONS,
                                1, { 0, NULL } };
    static char     value[65536];

    memset(value, ' ', sizeof(value));
    length = snprintf(value, 256, "{\"as_src\":%u,\"as_dst\":%d,\"bytes\":%d,"
                      "\"label\":\"host%u\"}", (unsigned) n + OWN + 1, OWN,
                      (int) n, (unsigned) n % 90);
    value[length] = ' ';

    message.value.data = value;
    message.value.len = n == MESSAGES - 1 ? sizeof(value) : (size_t) length;

    return flow_pipeline_message(pipeline, &message);
}


static bool
open_pipeline(void)
{
    flow_pipeline_conf_t  conf = {
        &flow_format_pmacct, NULL, { own, 1 }, false, topics, 1,
        no_invalid, NULL
    };

    pipeline = NULL;
    writer = flow_zone_writer_create(zone, &error);

    if (writer != NULL) {
        pipeline = flow_pipeline_create(&conf, writer, &error);
    }

    return pipeline != NULL;
}


static void
close_pipeline(void)
{
    flow_pipeline_destroy(pipeline);
    flow_zone_writer_destroy(writer);
}


/* What a process does from its start to its end, or to its first failure. */

static bool
count_messages(void)
{
    int64_t                n;
    int32_t                p;
    flow_publish_events_t  events;

    for (p = 0; p < PARTITIONS; p++) {
        if (flow_pipeline_next_offset(pipeline, 0, p) == -1
            && flow_pipeline_begin(pipeline, 0, p, 0, &error) != FLOW_OK)
        {
            return false;
        }
    }

    for (n = 0; n < MESSAGES; n++) {
        p = (int32_t) (n % PARTITIONS);

        if (n / PARTITIONS >= flow_pipeline_next_offset(pipeline, 0, p)
            && deliver(n) != FLOW_OK)
        {
            flow_error_set(&error, "a result that says so");
            return false;
        }

        if (n % 100 == 99) {
            zone_commit(pipeline, &events);
        }
    }

    return true;
}


static bool
live_once(void)
{
    bool  good = open_pipeline() && count_messages();

    close_pipeline();

    return good;
}


/* Then the next process lives, with memory enough. */

static bool
live_twice(unsigned *wrong)
{
    bool  good;

    memset(zone_memory, 0, ZONE_SIZE);
    zone = flow_zone_format(zone_memory, ZONE_SIZE);

    good = live_once();
    fails_from = UINT32_MAX;

    *wrong += !live_once()
              || zone_total(zone) != MESSAGES * (MESSAGES - 1) / 2
              || flow_zone_topics(zone)->messages[FLOW_MESSAGE_DECODED]
                 != MESSAGES;

    return good;
}


static void
no_error(void *data, const char *name)
{
    (void) data;
    (void) name;
}


static void
no_connection(void *data, bool connected)
{
    (void) data;
    (void) connected;
}


static void
no_log(void *data, flow_log_e level, const char *line)
{
    (void) data;
    (void) level;
    (void) line;
}


/* Without a broker: what is allocated before one answers. */

static bool
create_consumer(unsigned *wrong)
{
    unsigned            from = fails_from;
    flow_assign_t      *assign;
    flow_assign_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.consumer.brokers = "127.0.0.1:1";
    conf.consumer.topics = topic_names;
    conf.consumer.topic_count = 1;
    conf.error = no_error;
    conf.connected = no_connection;
    conf.log = no_log;

    fails_from = UINT32_MAX;
    *wrong += !open_pipeline();
    asked = 0;
    fails_from = from;
    error.text[0] = '\0';

    assign = flow_assign_create(&conf, pipeline, &error);

    if (assign != NULL) {
        flow_assign_close(assign);
    }

    close_pipeline();

    return assign != NULL;
}


static void
make_files(const char *program)
{
    int            i, fd = memfd_create("names", 0);
    char           copy[2048];
    flow_names_t  *names;

    for (i = 0; i < NAMES; i++) {
        dprintf(fd, "%d AS of number %d, DE\n", i, i);
    }

    snprintf(list_path, sizeof(list_path), "/proc/self/fd/%d", fd);
    snprintf(copy, sizeof(copy), "%s", program);
    snprintf(mmdb_path, sizeof(mmdb_path), "%s/../mmdb/geolite.mmdb",
             dirname(copy));

    names = flow_names_create(mmdb_path, &error);
    mmdb_count = flow_names_count(names);
    flow_names_destroy(names);
}


int
main(int argc, char **argv)
{
    (void) argc;

    fails_from = UINT32_MAX;
    make_files(argv[0]);
    zone = zone_create(ZONE_SIZE);

    ok(mmdb_count > 0, "an MMDB of %zu names", mmdb_count);

    run("a list of AS names", load_list);
    run("an MMDB", load_mmdb);
    run("a process that counts", live_twice);
    run("a consumer", create_consumer);

    free(zone_memory);

    return done();
}
