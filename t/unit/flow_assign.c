/*
 * From where is each partition consumed?  The decisions of flow_assign.c with
 * a real pipeline and zone, against librdkafka's mock cluster; the reference
 * is the number of messages that were produced.
 */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "flow_assign.h"
#include "tap.h"
#include "zones.h"


#define SECONDS    20
#define ZONE_SIZE  (1024 * 1024)
#define RECORD     "{\"as_src\":1,\"as_dst\":2,\"bytes\":3,\"label\":\"r\"}"


/* One run: an assignment over a zone that may have been written before. */

typedef struct {
    flow_zone_t         *zone;
    flow_zone_writer_t  *writer;
    flow_pipeline_t     *pipeline;
    flow_assign_t       *assign;
    flow_assign_conf_t   conf;
    const char          *topic;
    flow_str_t           name;
    uint32_t             connects;
    uint32_t             refusals;
    char                 log[8192];
} test_t;


static rd_kafka_t               *producer;
static rd_kafka_mock_cluster_t  *cluster;


static void
fail(const char *why)
{
    note("%s", why);
    exit(1);
}


static void
start_cluster(void)
{
    char              reason[256];
    rd_kafka_conf_t  *conf = rd_kafka_conf_new();

    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", reason,
                      sizeof(reason));
    rd_kafka_conf_set(conf, "linger.ms", "1", reason, sizeof(reason));
    rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof(reason));

    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));

    if (producer == NULL) {
        fail(reason);
    }

    cluster = rd_kafka_handle_mock_cluster(producer);
}


static void
produce(const char *topic, int32_t partition, int count, size_t size)
{
    char  value[2048];

    memset(value, ' ', sizeof(value));
    memcpy(value, RECORD, strlen(RECORD));

    while (count-- > 0) {
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
                          RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_VALUE(value, size),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY
                                              |RD_KAFKA_MSG_F_BLOCK),
                          RD_KAFKA_V_END);
    }

    if (rd_kafka_flush(producer, SECONDS * 1000)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
    {
        fail("cannot produce");
    }
}


static void
on_invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;

    fail("a record is invalid");
}


static void
on_error(void *data, const char *name)
{
    test_t  *test = data;

    test->refusals += strcmp(name, "_AUTO_OFFSET_RESET") == 0;
}


static void
on_connected(void *data, bool connected)
{
    test_t  *test = data;

    test->connects += connected;
}


static void
on_log(void *data, flow_log_e level, const char *line)
{
    size_t   length;
    test_t  *test = data;

    if (getenv("FLOW_TEST_LOG") != NULL) {
        note("log %d: %s", level, line);
    }

    length = strlen(test->log);
    snprintf(test->log + length, sizeof(test->log) - length, "%s\n", line);
}


static uint32_t
said(const test_t *test, const char *part)
{
    uint32_t     count = 0;
    const char  *p = test->log;

    while ((p = strstr(p, part)) != NULL) {
        count++;
        p += strlen(part);
    }

    return count;
}


/* Writer and pipeline over the test's zone, as it is. */

static void
open_zone(test_t *test)
{
    flow_error_t          error;
    flow_pipeline_conf_t  conf = {
        .format = &flow_format_pmacct,
        .invalid = on_invalid,
        .topics = &test->name,
        .topic_count = 1
    };

    test->writer = flow_zone_writer_create(test->zone, &error);

    if (test->writer == NULL) {
        fail(error.text);
    }

    test->pipeline = flow_pipeline_create(&conf, test->writer, &error);

    if (test->pipeline == NULL) {
        fail(error.text);
    }
}


static void
prepare(test_t *test, const char *topic, flow_start_e policy)
{
    memset(test, 0, sizeof(test_t));

    test->topic = topic;
    test->name.data = topic;
    test->name.len = strlen(topic);
    test->zone = aligned_alloc(64, ZONE_SIZE);

    if (test->zone == NULL) {
        fail("no memory");
    }

    memset(test->zone, 0, ZONE_SIZE);

    if (flow_zone_format(test->zone, ZONE_SIZE) == NULL) {
        fail("no zone");
    }

    open_zone(test);

    test->conf = (flow_assign_conf_t) {
        .consumer = {
            .brokers = rd_kafka_mock_cluster_bootstraps(cluster),
            .topics = &test->topic, .topic_count = 1
        },
        .start = { .policy = policy },
        .error = on_error, .connected = on_connected, .log = on_log,
        .data = test
    };
}


/* What a consumer before us left in the zone. */

static void
store(test_t *test, int32_t partition, int64_t next)
{
    flow_error_t  error;

    if (flow_pipeline_begin(test->pipeline, 0, partition, next, &error)
        != FLOW_OK)
    {
        fail(error.text);
    }
}


static void
begin(test_t *test)
{
    flow_error_t  error;

    test->assign = flow_assign_create(&test->conf, test->pipeline, &error);

    if (test->assign == NULL) {
        fail(error.text);
    }
}


static void
end(test_t *test)
{
    flow_assign_close(test->assign);
    flow_pipeline_destroy(test->pipeline);
    flow_zone_writer_destroy(test->writer);
    free(test->zone);
}


static double
now(void)
{
    struct timespec  time;

    clock_gettime(CLOCK_MONOTONIC, &time);

    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}


/* One turn of nginx's loop; false when the time is over. */

static bool
turn(test_t *test, double until)
{
    int            rc;
    struct pollfd  fd;

    fd.fd = flow_assign_descriptor(test->assign);
    fd.events = POLLIN;

    if (poll(&fd, 1, 100) > 0) {
        do {
            rc = flow_assign_poll(test->assign, 100);
        } while (rc == FLOW_AGAIN);

        if (rc != FLOW_OK) {
            fail("a poll failed");
        }
    }

    return now() < until;
}


/* Until a partition's next offset is "next" and "line", if any, is said. */

static bool
reaches(test_t *test, int32_t partition, int64_t next, const char *line)
{
    double  until = now() + SECONDS;

    while (flow_pipeline_next_offset(test->pipeline, 0, partition) != next
           || (line != NULL && said(test, line) == 0))
    {
        if (!turn(test, until)) {
            return false;
        }
    }

    return true;
}


/* Until Kafka has refused an offset so many times. */

static bool
refused(test_t *test, uint32_t times)
{
    double  until = now() + SECONDS;

    while (test->refusals < times) {
        if (!turn(test, until)) {
            return false;
        }
    }

    return true;
}


/* The counters of the topic, with what has been summed so far. */

static flow_topic_t *
counters(test_t *test)
{
    flow_publish_events_t  events;

    zone_commit(test->pipeline, &events);

    return flow_zone_topics(test->zone);
}


static void
test_first_start(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "first", 2, 1);
    produce("first", 0, 10, 100);
    produce("first", 1, 20, 100);

    prepare(&test, "first", FLOW_START_LATEST);
    begin(&test);
    ok(reaches(&test, 0, 10, "partition 0 is consumed from offset 10, the "
               "newest")
       && reaches(&test, 1, 20, "partition 1 is consumed from offset 20"),
       "latest: both partitions start at their ends");
    ok(counters(&test)->messages[FLOW_MESSAGE_DECODED] == 0
       && counters(&test)->partitions == 2, "latest: nothing old counts");
    produce("first", 1, 5, 100);
    ok(reaches(&test, 1, 25, NULL)
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 5,
       "latest: what comes then counts");
    flow_assign_refresh_ends(test.assign);
    ok(flow_zone_partitions(test.zone)[0].end_offset >= 10
       && flow_zone_partitions(test.zone)[1].end_offset >= 10,
       "the ends are told");
    end(&test);

    prepare(&test, "first", FLOW_START_EARLIEST);
    begin(&test);
    ok(reaches(&test, 0, 10, "partition 0 is consumed from offset 0, the "
               "oldest") && reaches(&test, 1, 25, NULL)
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 35,
       "earliest: everything counts");
    end(&test);
}


static void
test_known_topic(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "known", 2, 1);
    produce("known", 0, 10, 100);
    produce("known", 1, 10, 100);

    prepare(&test, "known", FLOW_START_LATEST);
    store(&test, 0, 3);
    flow_pipeline_topic(test.pipeline, 0, 1);
    begin(&test);
    ok(reaches(&test, 0, 10, "partition 0 is consumed from offset 3, stored")
       && reaches(&test, 1, 10, "partition 1 is consumed from offset 0, its "
                  "beginning"),
       "an added partition is read from its beginning");
    ok(counters(&test)->messages[FLOW_MESSAGE_DECODED] == 17
       && counters(&test)->partitions == 2
       && counters(&test)->duplicate_messages == 0,
       "each message counts once");
    end(&test);

    prepare(&test, "known", FLOW_START_LATEST);
    flow_pipeline_topic(test.pipeline, 0, 0);
    begin(&test);
    ok(reaches(&test, 0, 10, "partition 0 is consumed from offset 0")
       && reaches(&test, 1, 10, NULL)
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 20,
       "a topic once seen absent is read from its beginning");
    end(&test);
}


/*
 * Who dies before an added partition has its offset must not leave a zone
 * that says that the partition is an old one.
 */

static void
test_added_without_leader(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "added", 2, 1);
    produce("added", 0, 10, 100);
    produce("added", 1, 10, 100);
    rd_kafka_mock_partition_set_leader(cluster, "added", 1, -1);

    prepare(&test, "added", FLOW_START_LATEST);
    store(&test, 0, 0);
    flow_pipeline_topic(test.pipeline, 0, 1);
    begin(&test);
    ok(reaches(&test, 0, 10, "topic \"added\" has 2 partitions")
       && counters(&test)->partitions == 1,
       "an added partition without an offset is not noted");
    rd_kafka_mock_partition_set_leader(cluster, "added", 1, 1);
    ok(reaches(&test, 1, 10, NULL) && counters(&test)->partitions == 2
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 20,
       "it is when it has one");
    end(&test);
}


static void
test_list(void)
{
    test_t                test;
    static const int32_t  partitions[] = { 1, 7 };

    rd_kafka_mock_topic_create(cluster, "list", 3, 1);
    produce("list", 0, 5, 100);
    produce("list", 1, 5, 100);

    prepare(&test, "list", FLOW_START_EARLIEST);
    test.conf.partitions = partitions;
    test.conf.partition_count = 2;
    begin(&test);
    ok(reaches(&test, 1, 5, "topic \"list\" has no partition 7, only 3")
       && flow_pipeline_next_offset(test.pipeline, 0, 0) == -1
       && flow_pipeline_next_offset(test.pipeline, 0, 2) == -1
       && said(&test, "is consumed from") == 1,
       "listed partitions only, one warning for what is not there");
    end(&test);
}


/* 5 MB is what the mock keeps of a partition. */

static void
test_gap(void)
{
    long long   low;
    test_t      test;
    const char *line;

    rd_kafka_mock_topic_create(cluster, "gap", 1, 1);
    produce("gap", 0, 8000, 1000);

    prepare(&test, "gap", FLOW_START_EARLIEST);
    store(&test, 0, 5);
    begin(&test);
    ok(reaches(&test, 0, 8000, "partition 0: offsets 5 to "),
       "offsets that Kafka has deleted: goes on behind them");
    line = strstr(test.log, "offsets 5 to ");
    low = line == NULL ? 0 : strtoll(line + 13, NULL, 10) + 1;
    ok(low > 5 && (long long) counters(&test)->gap_offsets == low - 5
       && (long long) counters(&test)->messages[FLOW_MESSAGE_DECODED]
          == 8000 - low && counters(&test)->duplicate_messages == 0,
       "gap and messages make up the whole");
    end(&test);

    prepare(&test, "gap", FLOW_START_LATEST);
    store(&test, 0, 5);
    begin(&test);
    ok(reaches(&test, 0, 8000, "offset 8000, by the start policy")
       && counters(&test)->gap_offsets == 7995
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 0,
       "with start latest: goes on at the end");
    end(&test);

    prepare(&test, "gap", FLOW_START_LATEST);
    store(&test, 0, 9000);
    begin(&test);
    ok(reaches(&test, 0, 8000, "next offset 9000 lies beyond the end 8000")
       && counters(&test)->gap_offsets == 0
       && said(&test, "lies beyond") == 1,
       "an offset beyond the end: goes on at the end, said once");
    produce("gap", 0, 5, 100);
    ok(reaches(&test, 0, 8005, NULL)
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 5,
       "what comes then counts");
    end(&test);
}


/* Ours again before the patience with an offset beyond the end is over. */

static void
test_short_denial(void)
{
    test_t  test;

    rd_kafka_mock_topic_create(cluster, "behind", 1, 1);
    produce("behind", 0, 10, 100);

    prepare(&test, "behind", FLOW_START_LATEST);
    store(&test, 0, 12);
    begin(&test);
    ok(refused(&test, 2), "a broker that is behind: asked again");
    produce("behind", 0, 5, 100);
    ok(reaches(&test, 0, 15, NULL) && said(&test, "lies beyond") == 0
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 3,
       "a broker that is behind: nothing counts twice");
    end(&test);
}


/* Messages that another process has counted; of which the last is known. */

static void
consumed_before(test_t *test, const char *topic, flow_start_e start,
    int64_t count)
{
    flow_publish_events_t  events;

    prepare(test, topic, start);
    store(test, 0, 0);
    begin(test);
    (void) reaches(test, 0, count, NULL);
    zone_commit(test->pipeline, &events);
    flow_assign_close(test->assign);
}


/* As after a restart: everything but the zone is new. */

static void
restart(test_t *test)
{
    flow_pipeline_destroy(test->pipeline);
    flow_zone_writer_destroy(test->writer);
    open_zone(test);
    begin(test);
}


static void
test_verified(void)
{
    test_t             test;
    flow_partition_t  *stored;

    rd_kafka_mock_topic_create(cluster, "same", 1, 1);
    produce("same", 0, 10, 100);

    consumed_before(&test, "same", FLOW_START_LATEST, 10);
    produce("same", 0, 5, 100);
    restart(&test);
    ok(reaches(&test, 0, 15, "is consumed from offset 10, stored offset")
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 15
       && counters(&test)->duplicate_messages == 0,
       "the same topic: nothing is left out, nothing counts twice");
    flow_assign_close(test.assign);

    stored = flow_zone_partitions(test.zone);
    stored->checksum++;
    test.log[0] = '\0';
    produce("same", 0, 5, 100);
    restart(&test);
    ok(reaches(&test, 0, 20, "the record at offset 14 is not the one that was "
               "counted") && said(&test, "by the start policy") == 1
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 15,
       "another topic of that name: goes on by the start policy");
    produce("same", 0, 5, 100);
    ok(reaches(&test, 0, 25, NULL)
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 20,
       "and what comes then counts");
    flow_assign_close(test.assign);

    stored->last--;
    stored->timestamp++;
    test.log[0] = '\0';
    flow_pipeline_topic(test.pipeline, 0, 0);
    counters(&test);
    restart(&test);
    ok(reaches(&test, 0, 25, "from offset 0, its beginning: it is new")
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 45,
       "one that was seen absent: goes on at its beginning");
    end(&test);
}


int
main(void)
{
    start_cluster();

    test_first_start();
    test_known_topic();
    test_added_without_leader();
    test_list();
    test_gap();
    test_short_denial();
    test_verified();

    rd_kafka_destroy(producer);

    return done();
}
