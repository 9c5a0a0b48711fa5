/*
 * Does every message come out of the consumer, once and in order, whatever
 * brokers, topics and bounds do?  Against librdkafka's mock cluster; the
 * reference is what was produced: message i of a partition says so.
 */

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "flow_consume.h"
#include "flow_text.h"
#include "tap.h"


#define PARTITIONS  4
#define LINES       200
#define SECONDS     60    /* metadata alone take 30 */


/* What came of one partition. */

typedef struct {
    int64_t   first;          /* offset, -1: nothing yet */
    int64_t   next;
    uint32_t  messages;
    uint32_t  tombstones;
    uint32_t  wrong;          /* out of order, or not what was produced */
    int64_t   end;
    int64_t   resolved;
    int64_t   low;
    int64_t   high;
    uint32_t  stopped;
    uint32_t  out_of_range;
    bool      busy;
} partition_t;


typedef struct {
    flow_consumer_t  *consumer;
    flow_start_t      start;
    bool              follow;     /* resolve and start by itself */
    int64_t           from;       /* start here, without resolving; -1: no */
    uint32_t          limit;
    uint32_t          fail_at;    /* message at which the handler fails */
    uint32_t          total;
    uint32_t          most;       /* messages in one poll */
    int32_t           topic;      /* partitions as told, -1: nothing yet */
    uint32_t          topic_calls;
    uint32_t          errors;
    uint32_t          connects;
    uint32_t          clusters;
    uint32_t          disconnects;
    partition_t       partitions[PARTITIONS];
    char              lines[LINES][256];
    uint32_t          line_count;
} test_t;


static rd_kafka_t               *producer;
static rd_kafka_mock_cluster_t  *cluster;
static const char               *brokers;
static bool                      with_warning;


/* ---- the other side: producing ---- */

static void
delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *data)
{
    (void) kafka;
    (void) data;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        note("not delivered: %s", rd_kafka_err2str(message->err));
        exit(1);
    }
}


static void
start_cluster(void)
{
    char              text[256];
    size_t            i;
    sigset_t          all, old;
    rd_kafka_conf_t  *conf = rd_kafka_conf_new();

    static const char *const  properties[][2] = {
        { "test.mock.num.brokers", "3" }, { "acks", "all" },
        { "linger.ms", "1" }, { "max.in.flight", "1" },
        { "reconnect.backoff.ms", "10" },
        { "reconnect.backoff.max.ms", "50" }, { "log_level", "0" }
    };

    for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        rd_kafka_conf_set(conf, properties[i][0], properties[i][1], text,
                          sizeof(text));
    }

    rd_kafka_conf_set_dr_msg_cb(conf, delivered);

    /* the mock's threads are not what the test of signals is about */

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (producer == NULL) {
        note("%s", text);
        exit(1);
    }

    cluster = rd_kafka_handle_mock_cluster(producer);
    brokers = rd_kafka_mock_cluster_bootstraps(cluster);
}


/* Message i of a partition is "<partition> <i>" filled up to "size". */

static size_t
make_message(char *out, size_t size, int32_t partition, int64_t i)
{
    size_t  length;

    length = (size_t) sprintf(out, "%d %lld ", (int) partition,
                              (long long) i);

    while (length < size) {
        out[length++] = 'x';
    }

    return length;
}


static void
produce(const char *topic, int32_t partition, int64_t from, int64_t count,
    size_t size)
{
    char     value[2048];
    size_t   length;
    int64_t  i;

    for (i = from; i < from + count; i++) {
        length = make_message(value, size, partition, i);

        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
                          RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_VALUE(value, length),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY
                                              |RD_KAFKA_MSG_F_BLOCK),
                          RD_KAFKA_V_END);
    }

    if (rd_kafka_flush(producer, SECONDS * 1000)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
    {
        note("cannot produce to %s", topic);
        exit(1);
    }
}


/* ---- our side: handlers ---- */

static int
on_message(void *data, const flow_message_t *message)
{
    char          value[2048];
    size_t        length;
    test_t       *test = data;
    partition_t  *partition = &test->partitions[message->partition];

    if (partition->first == -1) {
        partition->first = message->offset;
        partition->next = message->offset;
    }

    if (message->offset != partition->next || message->topic != 0
        || message->timestamp <= 0)
    {
        partition->wrong++;
    }

    if (message->value.data == NULL) {
        partition->tombstones++;

    } else if (message->value.len != 0) {
        length = make_message(value, message->value.len, message->partition,
                              message->offset);

        if (length != message->value.len
            || memcmp(value, message->value.data, length) != 0)
        {
            partition->wrong++;
        }
    }

    partition->messages++;
    partition->next = message->offset + 1;

    return ++test->total == test->fail_at ? FLOW_ERROR : FLOW_OK;
}


static int
on_end(void *data, uint32_t topic, int32_t partition, int64_t end)
{
    test_t  *test = data;

    (void) topic;

    test->partitions[partition].end = end;

    return FLOW_OK;
}


static void
on_topic(void *data, uint32_t topic, int32_t count)
{
    int32_t  i;
    test_t  *test = data;

    test->topic = count;
    test->topic_calls++;

    for (i = 0; test->follow && i < count; i++) {
        if (test->partitions[i].busy) {
            continue;
        }

        test->partitions[i].busy = true;

        if (test->from != -1) {
            flow_consume_start(test->consumer, topic, i, test->from);

        } else if (test->partitions[i].next > 0) {
            flow_consume_start(test->consumer, topic, i,
                               test->partitions[i].next);

        } else {
            flow_consume_resolve(test->consumer, topic, i, &test->start);
        }
    }
}


static void
on_resolved(void *data, uint32_t topic, int32_t partition, int64_t offset,
    int64_t low, int64_t high)
{
    test_t  *test = data;

    test->partitions[partition].resolved = offset;
    test->partitions[partition].low = low;
    test->partitions[partition].high = high;

    flow_consume_start(test->consumer, topic, partition, offset);
}


static void
on_stopped(void *data, uint32_t topic, int32_t partition, bool out_of_range)
{
    test_t        *test = data;
    flow_start_t   earliest = { .policy = FLOW_START_EARLIEST };

    test->partitions[partition].stopped++;
    test->partitions[partition].busy = false;

    if (out_of_range) {
        test->partitions[partition].out_of_range++;
        test->partitions[partition].busy = true;
        test->partitions[partition].first = -1;
        flow_consume_resolve(test->consumer, topic, partition, &earliest);
    }
}


static void
on_error(void *data, const char *name)
{
    test_t  *test = data;

    (void) name;

    test->errors++;
}


static void
on_connected(void *data, bool connected)
{
    test_t  *test = data;

    if (connected) {
        test->connects++;

    } else {
        test->disconnects++;
    }
}


static void
on_log(void *data, flow_log_e level, const char *text)
{
    test_t  *test = data;

    if (getenv("FLOW_TEST_LOG") != NULL) {
        note("log %d: %s", level, text);
    }

    if (level <= FLOW_LOG_NOTICE && test->line_count < LINES) {
        snprintf(test->lines[test->line_count++], 256, "%s", text);
    }
}


static int
on_cluster(void *data, const char *id)
{
    test_t  *test = data;

    test->clusters += id[0] != '\0';

    return FLOW_OK;
}


static void
on_committed(void *data, uint32_t topic, int32_t partition, int64_t offset)
{
    (void) data;
    (void) topic;
    (void) partition;
    (void) offset;

    ok(false, "nothing was to be committed");
}


static const flow_consume_handler_t  handler = {
    on_message, on_end, on_topic, on_resolved, on_stopped, on_cluster,
    on_committed, on_error, on_connected, on_log
};


static uint32_t
lines_with(const test_t *test, const char *part)
{
    uint32_t  i, count = 0;

    for (i = 0; i < test->line_count; i++) {
        count += strstr(test->lines[i], part) != NULL;
    }

    return count;
}


/* ---- driving ---- */

static void
open_test(test_t *test, const char *bootstrap, const char *topic,
    flow_start_e policy)
{
    int                          i;
    flow_error_t                 error;
    static const char           *topics[1];
    static const flow_property_t properties[] = {
        { "reconnect.backoff.ms", "20" },
        { "reconnect.backoff.max.ms", "200" },
        { "acks", "all" }         /* librdkafka warns: not for a consumer */
    };
    flow_consumer_conf_t         conf = {
        .brokers = bootstrap, .topics = topics, .topic_count = 1,
        .properties = properties,
        .property_count = with_warning ? 3 : 2
    };

    memset(test, 0, sizeof(test_t));

    topics[0] = topic;
    test->start.policy = policy;
    test->start.timestamp = 1;
    test->follow = true;
    test->from = -1;
    test->limit = 1000;
    test->topic = -1;

    for (i = 0; i < PARTITIONS; i++) {
        test->partitions[i] = (partition_t) {
            .first = -1, .end = -1, .resolved = -1
        };
    }

    test->consumer = flow_consume_create(&conf, &handler, test, &error);

    if (test->consumer == NULL) {
        note("%s", error.text);
        exit(1);
    }
}


static double
now(void)
{
    struct timespec  time;

    clock_gettime(CLOCK_MONOTONIC, &time);

    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}


/*
 * Polls as nginx does: waits for the descriptor alone, then goes on until
 * there is nothing left.  True if "condition" came true in time.
 */

static bool
wait_for(test_t *test, bool (*condition)(const test_t *test))
{
    int            rc;
    double         until = now() + SECONDS;
    uint32_t       before;
    struct pollfd  fd;

    fd.fd = flow_consume_descriptor(test->consumer);
    fd.events = POLLIN;

    while (!condition(test)) {
        if (now() > until) {
            return false;
        }

        if (poll(&fd, 1, 100) <= 0) {
            continue;
        }

        do {
            before = test->total;
            rc = flow_consume_poll(test->consumer, test->limit);

            if (test->total - before > test->most) {
                test->most = test->total - before;
            }
        } while (rc == FLOW_AGAIN);
    }

    return true;
}


static uint32_t
wrong(const test_t *test)
{
    int       i;
    uint32_t  sum = 0;

    for (i = 0; i < PARTITIONS; i++) {
        sum += test->partitions[i].wrong;
    }

    return sum;
}


static bool
all_ended(const test_t *test)
{
    int32_t  i;

    for (i = 0; i < test->topic; i++) {
        if (test->partitions[i].end == -1) {
            return false;
        }
    }

    return test->topic > 0;
}


static bool
is_connected_again(const test_t *test)
{
    return test->connects == 2;
}


static bool
is_disconnected(const test_t *test)
{
    return test->disconnects == 1;
}


static bool
is_absent(const test_t *test)
{
    return test->topic == 0;
}


static bool
is_out_of_range(const test_t *test)
{
    return test->partitions[0].out_of_range == 1
           && test->partitions[0].end == test->partitions[0].next;
}


static bool
is_stopped(const test_t *test)
{
    return test->partitions[0].stopped == 1 && test->partitions[1].stopped == 1;
}


static bool
two_asked(const test_t *test)
{
    return test->topic_calls >= 2;
}


static uint32_t  wanted;

static bool
has_wanted(const test_t *test)
{
    return test->total >= wanted;
}


/* ---- questions ---- */

static void
test_order_and_bounds(void)
{
    int32_t   i;
    uint32_t  right = 0;
    test_t    test;

    rd_kafka_mock_topic_create(cluster, "many", 3, 1);

    for (i = 0; i < 3; i++) {
        produce("many", i, 0, 1000, 100);
    }

    open_test(&test, brokers, "many", FLOW_START_EARLIEST);
    test.limit = 10;

    ok(wait_for(&test, all_ended), "order: the end of each partition comes");

    for (i = 0; i < 3; i++) {
        right += test.partitions[i].messages == 1000
                 && test.partitions[i].first == 0
                 && test.partitions[i].next == 1000
                 && test.partitions[i].end == 1000
                 && test.partitions[i].high == 1000
                 && flow_consume_end_offset(test.consumer, 0, i) == 1000;
    }

    ok(right == 3 && wrong(&test) == 0,
       "order: each message once, in order, as produced");
    ok(test.most <= 10 && test.most > 0,
       "bounds: no poll handles more than its limit");
    ok(flow_consume_end_offset(test.consumer, 0, 3) == -1
       && flow_consume_end_offset(test.consumer, 7, 0) == -1,
       "the end of what is not there is not known");
    ok(test.connects == 1 && test.disconnects == 0 && test.clusters != 0
       && lines_with(&test, "topic \"many\" has 3 partitions") == 1
       && test.line_count == 2,
       "two lines: connected, and the number of partitions");

    flow_consume_close(test.consumer);
}


static void
test_handler_failure(void)
{
    int     rc;
    test_t  test;

    open_test(&test, brokers, "many", FLOW_START_EARLIEST);
    test.fail_at = 500;
    wanted = 500;

    ok(wait_for(&test, has_wanted) && test.total == 500,
       "failure: the poll ends with the message that fails");

    do {
        rc = flow_consume_poll(test.consumer, 1000);
    } while (rc != FLOW_OK);

    ok(wait_for(&test, all_ended) && test.total == 3000 && wrong(&test) == 0,
       "failure: what was fetched already comes afterwards");

    flow_consume_close(test.consumer);
}


static void
test_null_values(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "null", 1, 1);
    produce("null", 0, 0, 1, 20);
    rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("null"),
                      RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE(NULL, 0),
                      RD_KAFKA_V_END);
    rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("null"),
                      RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE("", 0),
                      RD_KAFKA_V_END);
    produce("null", 0, 3, 1, 20);

    open_test(&test, brokers, "null", FLOW_START_EARLIEST);

    ok(wait_for(&test, all_ended) && test.total == 4 && wrong(&test) == 0
       && test.partitions[0].tombstones == 1,
       "a null value is told from an empty one");

    flow_consume_close(test.consumer);
}


static void
test_starts(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "starts", 1, 1);
    produce("starts", 0, 0, 5, 20);

    open_test(&test, brokers, "starts", FLOW_START_LATEST);
    ok(wait_for(&test, all_ended) && test.total == 0
       && test.partitions[0].resolved == 5 && test.partitions[0].low == 0
       && test.partitions[0].high == 5, "latest: starts at the end");
    produce("starts", 0, 5, 3, 20);
    wanted = 3;
    ok(wait_for(&test, has_wanted) && test.partitions[0].first == 5
       && wrong(&test) == 0, "latest: gets what comes after");
    flow_consume_close(test.consumer);

    open_test(&test, brokers, "starts", FLOW_START_TIME);
    ok(wait_for(&test, all_ended) && test.partitions[0].resolved == 8,
       "time: no record as young as that, starts at the end");
    flow_consume_close(test.consumer);

    open_test(&test, brokers, "starts", FLOW_START_EARLIEST);
    test.from = 6;
    ok(wait_for(&test, all_ended) && test.partitions[0].first == 6
       && test.total == 2 && wrong(&test) == 0, "an offset: starts there");
    flow_consume_close(test.consumer);
}


static void
test_late_broker(void)
{
    double  before;
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "late-broker", 2, 1);
    produce("late-broker", 0, 0, 10, 20);
    produce("late-broker", 1, 0, 10, 20);
    rd_kafka_mock_broker_set_down(cluster, -1);

    before = now();
    open_test(&test, brokers, "late-broker", FLOW_START_EARLIEST);
    ok(now() - before < 1, "late broker: nothing waits for it");
    ok(wait_for(&test, is_disconnected)
       && lines_with(&test, "no broker answers: ") == 1
       && test.line_count == 1, "late broker: said in one line, with reason");
    note("%s", test.lines[0]);

    rd_kafka_mock_broker_set_up(cluster, -1);
    ok(wait_for(&test, all_ended) && test.total == 20 && wrong(&test) == 0,
       "late broker: everything comes when it is there");
    ok(test.connects == 1 && test.disconnects == 1
       && test.line_count == 3 && test.errors > 0,
       "late broker: one line for each change, errors counted");

    flow_consume_close(test.consumer);
}


static void
test_broker_goes(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "goes", 2, 1);
    produce("goes", 0, 0, 100, 20);
    produce("goes", 1, 0, 100, 20);

    open_test(&test, brokers, "goes", FLOW_START_EARLIEST);
    ok(wait_for(&test, all_ended) && test.total == 200, "goes: before");

    rd_kafka_mock_broker_set_down(cluster, -1);
    ok(wait_for(&test, is_disconnected), "goes: noticed");
    rd_kafka_mock_broker_set_up(cluster, -1);
    ok(wait_for(&test, is_connected_again)
       && lines_with(&test, "kafka: connected again") == 1,
       "goes: its return too");

    produce("goes", 0, 100, 100, 20);
    produce("goes", 1, 100, 100, 20);
    wanted = 400;
    ok(wait_for(&test, has_wanted) && test.total == 400 && wrong(&test) == 0,
       "goes: each message once, in order");

    rd_kafka_mock_partition_set_leader(cluster, "goes", 0, 1);
    rd_kafka_mock_partition_set_leader(cluster, "goes", 1, 1);
    rd_kafka_mock_partition_set_leader(cluster, "goes", 0, 2);
    produce("goes", 0, 200, 100, 20);
    produce("goes", 1, 200, 100, 20);
    wanted = 600;
    ok(wait_for(&test, has_wanted) && test.total == 600 && wrong(&test) == 0,
       "a partition moves to another broker: nothing lost");

    flow_consume_close(test.consumer);
}


/* The mock cannot delete a topic, but deny that it is there. */

static void
test_late_topic(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "late", 2, 1);
    produce("late", 0, 0, 10, 20);
    produce("late", 1, 0, 10, 20);
    rd_kafka_mock_topic_set_error(cluster, "late",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);

    open_test(&test, brokers, "late", FLOW_START_EARLIEST);
    ok(wait_for(&test, is_absent) && wait_for(&test, two_asked)
       && lines_with(&test, "topic \"late\" does not exist yet") == 1,
       "late topic: said once");

    rd_kafka_mock_topic_set_error(cluster, "late", RD_KAFKA_RESP_ERR_NO_ERROR);
    ok(wait_for(&test, all_ended) && test.total == 20 && wrong(&test) == 0
       && lines_with(&test, "topic \"late\" has 2 partitions") == 1,
       "late topic: consumed when it is there");

    flow_consume_close(test.consumer);
}


/* 5 MB is what the mock keeps of a partition. */

static void
test_out_of_range(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "range", 1, 1);
    produce("range", 0, 0, 8000, 1000);

    open_test(&test, brokers, "range", FLOW_START_EARLIEST);
    test.from = 5;
    ok(wait_for(&test, is_out_of_range)
       && test.partitions[0].resolved > 5 && test.partitions[0].high == 8000
       && test.partitions[0].first == test.partitions[0].low
       && wrong(&test) == 0,
       "out of range: stopped, and consumed from another offset");
    ok(test.partitions[0].end == 8000 && test.partitions[0].stopped == 1,
       "out of range: goes on to the end");
    flow_consume_close(test.consumer);

    open_test(&test, brokers, "range", FLOW_START_EARLIEST);
    test.from = 9000;
    ok(wait_for(&test, is_out_of_range) && test.partitions[0].end == 8000,
       "beyond the end: likewise");
    flow_consume_close(test.consumer);
}


static uint32_t
count_entries(const char *directory)
{
    DIR       *entries = opendir(directory);
    uint32_t   count = 0;

    while (entries != NULL && readdir(entries) != NULL) {
        count++;
    }

    if (entries != NULL) {
        closedir(entries);
    }

    return count;
}


/*
 * True as soon as there are no more threads and descriptors.  The broker, in
 * this process too, closes its ends of connections a moment later, also those
 * that were there when they were counted.
 */

static bool
is_back(uint32_t threads, uint32_t files)
{
    double  begun = now();

    while (now() - begun < 5) {
        if (count_entries("/proc/self/task") <= threads
            && count_entries("/proc/self/fd") <= files)
        {
            return true;
        }

        (void) poll(NULL, 0, 10);
    }

    return false;
}


/* Threads of the process whose set of blocked signals is not full. */

static uint32_t
open_threads(void)
{
    DIR                 *tasks = opendir("/proc/self/task");
    FILE                *status;
    char                 path[300], line[256];
    uint32_t             count = 0;
    struct dirent       *task;
    unsigned long long   blocked;

    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        if (task->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                 task->d_name);
        status = fopen(path, "r");

        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {

            /* SIGKILL, SIGSTOP, and the C library's own two stay open */

            if (sscanf(line, "SigBlk: %llx", &blocked) == 1
                && (blocked | 0x180040100ULL) != ~0ULL)
            {
                note("thread %s blocks %llx", task->d_name, blocked);
                count++;
            }
        }

        if (status != NULL) {
            fclose(status);
        }
    }

    if (tasks != NULL) {
        closedir(tasks);
    }

    return count;
}


static void
test_leftovers(void)
{
    double    before;
    test_t    test;
    uint32_t  threads, files;

    threads = count_entries("/proc/self/task");
    files = count_entries("/proc/self/fd");

    open_test(&test, brokers, "many", FLOW_START_EARLIEST);
    ok(wait_for(&test, all_ended), "leftovers: a consumer at work");
    ok(count_entries("/proc/self/task") > threads && open_threads() == 1,
       "signals: blocked in every thread but the first");
    flow_consume_close(test.consumer);
    ok(is_back(threads, files),
       "close: no thread and no descriptor is left");

    /* the warning is there before the descriptor can be told of it */

    with_warning = true;
    before = now();
    open_test(&test, "127.0.0.1:1", "many", FLOW_START_EARLIEST);
    with_warning = false;
    ok(wait_for(&test, is_disconnected) && now() - before < 4
       && lines_with(&test, "Connection refused") == 1
       && lines_with(&test, "acks") == 1,
       "no broker: said before the first time-out");
    before = now();
    flow_consume_close(test.consumer);
    ok(now() - before < 5 && is_back(threads, files),
       "close: without a broker nothing is left either");
}


/* The mock of newer librdkafka dies of a Fetch 12 without a leader. */

static void
test_deleted_topic(void)
{
    test_t  test;

    rd_kafka_mock_set_apiversion(cluster, 1, 0, 11);
    rd_kafka_mock_topic_create(cluster, "deleted", 2, 1);
    produce("deleted", 0, 0, 10, 20);
    produce("deleted", 1, 0, 10, 20);

    open_test(&test, brokers, "deleted", FLOW_START_EARLIEST);
    ok(wait_for(&test, all_ended) && test.total == 20, "deleted: before");

    rd_kafka_mock_topic_set_error(cluster, "deleted",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_partition_set_leader(cluster, "deleted", 0, -1);
    rd_kafka_mock_partition_set_leader(cluster, "deleted", 1, -1);
    ok(wait_for(&test, is_stopped) && wait_for(&test, is_absent)
       && lines_with(&test, "does not exist any longer") == 1,
       "deleted: its partitions are stopped");

    rd_kafka_mock_partition_set_leader(cluster, "deleted", 0, 1);
    rd_kafka_mock_partition_set_leader(cluster, "deleted", 1, 2);
    rd_kafka_mock_topic_set_error(cluster, "deleted",
                                  RD_KAFKA_RESP_ERR_NO_ERROR);
    produce("deleted", 0, 10, 10, 20);
    produce("deleted", 1, 10, 10, 20);
    wanted = 40;
    ok(wait_for(&test, has_wanted) && test.total == 40 && wrong(&test) == 0,
       "deleted: consumed again when it is back");

    flow_consume_close(test.consumer);
}


/* ---- configuration ---- */

static const struct {
    const char  *name;
    const char  *value;
    const char  *sentence;    /* NULL: accepted */
} cases[] = {
    { "fetch.wait.max.ms", "100", NULL },
    { "security.protocol", "SASL_SSL", NULL },
    { "sasl.password", "x", NULL },
    { "isolation.level", "read_uncommitted", NULL },
    { "client.id", "me", NULL },
    { "no.such.property", "1", "knows no property \"no.such.property\"" },
    { "fetch.wait.max.ms", "fast", "\"fetch.wait.max.ms\"" },
    { "fetch.wait.max.ms", "-5", "outside allowed range" },
    { "isolation.level", "maybe", "maybe" },
    { "bootstrap.servers", "a:1", "directive \"brokers\"" },
    { "metadata.broker.list", "a:1", "directive \"brokers\"" },
    { "auto.offset.reset", "latest", "directive \"start\"" },
    { "enable.auto.commit", "true", "own" },
    { "enable.auto.offset.store", "true", "own" },
    { "auto.commit.interval.ms", "1", "own" },
    { "group.id", "g", "directive \"group\"" },
    { "group.instance.id", "g", "without a consumer group" },
    { "enable.partition.eof", "false", "own" },
    { "error_cb", "x", "cannot" },
    { "rebalance_cb", "x", "cannot" },
    { "log.queue", "false", "own" },
    { "plugin.library.paths", "/tmp/x.so", "no plugins" },
    { "allow.auto.create.topics", "true", "no topics" }
};


static void
test_properties(void)
{
    size_t        i;
    flow_error_t  error;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        error.text[0] = '\0';

        if (cases[i].sentence == NULL) {
            ok(flow_consume_check_property(cases[i].name, cases[i].value,
                                           &error) == FLOW_OK,
               "property %s %s is accepted", cases[i].name, cases[i].value);

        } else {
            ok(flow_consume_check_property(cases[i].name, cases[i].value,
                                           &error) == FLOW_ERROR
               && strstr(error.text, cases[i].sentence) != NULL,
               "property %s %s: %s", cases[i].name, cases[i].value,
               error.text);
        }
    }

    ok(flow_consume_check_property("ssl_key", "hidden-value", &error)
       == FLOW_ERROR && strstr(error.text, "hidden-value") == NULL,
       "the value of a secret is not in the sentence: %s", error.text);

    ok(strcmp(flow_consume_pem_property("ssl.ca.location"), "ssl.ca.pem") == 0
       && strcmp(flow_consume_pem_property("ssl.certificate.location"),
                 "ssl.certificate.pem") == 0
       && strcmp(flow_consume_pem_property("ssl.key.location"),
                 "ssl.key.pem") == 0
       && flow_consume_pem_property("ssl.ca.pem") == NULL
       && flow_consume_pem_property("client.id") == NULL,
       "files that nginx reads while it is privileged");
    ok(flow_consume_version()[0] != '\0', "librdkafka's version is known");
}


static void
test_brokers(void)
{
    size_t                i;
    const char           *topics[] = { "pmacct.acct" };
    flow_error_t          error;
    flow_consumer_conf_t  conf = { .topics = topics, .topic_count = 1 };

    static const char *const  right[] = {
        "localhost:9092", "a:1,b-2.example.net:65535", "[::1]:9092",
        "10.0.0.1:9092,[fe80::1%eth0]:9092"
    };

    static const char *const  bad[] = {
        "", "localhost", "localhost:", "localhost:0", "localhost:65536",
        "localhost:9092,", ":9092", "a b:1", "::1:9092", "[::g]:9092",
        "localhost:9092x", "[::1]", "a:99999999999", "PLAINTEXT://a:9092"
    };

    for (i = 0; i < sizeof(right) / sizeof(char *); i++) {
        conf.brokers = right[i];
        ok(flow_consume_check(&conf, &error) == FLOW_OK, "brokers %s",
           right[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(char *); i++) {
        conf.brokers = bad[i];
        ok(flow_consume_check(&conf, &error) == FLOW_ERROR
           && strstr(error.text, "invalid broker") != NULL,
           "brokers \"%s\": %s", bad[i], error.text);
    }

}


static void
test_topics(void)
{
    char                  long_name[251];
    const char           *topics[2];
    flow_error_t          error;
    flow_property_t       property = { "group.id", "x" };
    flow_consumer_conf_t  conf = {
        .brokers = "localhost:9092", .topics = topics, .topic_count = 2
    };

    memset(long_name, 'a', sizeof(long_name));
    long_name[250] = '\0';

    topics[0] = "pmacct.acct";
    topics[1] = "b_c-D9";
    ok(flow_consume_check(&conf, &error) == FLOW_OK, "two topics");
    topics[1] = long_name;
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR, "topic of 250 bytes");
    long_name[249] = '\0';
    ok(flow_consume_check(&conf, &error) == FLOW_OK, "topic of 249 bytes");
    topics[1] = "..";
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR, "topic ..");
    topics[1] = "";
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR, "empty topic");
    topics[1] = "a/b";
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR
       && strstr(error.text, "invalid topic \"a/b\"") != NULL, "%s",
       error.text);
    topics[1] = "pmacct.acct";
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR
       && strstr(error.text, "twice") != NULL, "%s", error.text);

    topics[1] = "other";
    conf.properties = &property;
    conf.property_count = 1;
    ok(flow_consume_check(&conf, &error) == FLOW_ERROR,
       "a property that is refused: %s", error.text);
}


int
main(void)
{
    test_properties();
    test_brokers();
    test_topics();

    ok(count_entries("/proc/self/task") == 3,
       "checking starts no thread");

    start_cluster();

    test_order_and_bounds();
    test_handler_failure();
    test_null_values();
    test_starts();
    test_late_broker();
    test_broker_goes();
    test_late_topic();
    test_out_of_range();
    test_deleted_topic();
    test_leftovers();

    rd_kafka_destroy(producer);

    return done();
}
