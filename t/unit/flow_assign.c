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


/* What the group has committed of a partition; -1: nothing. */

static int64_t
committed(const char *group, const char *topic, int32_t partition)
{
    char                              reason[256];
    int64_t                           offset;
    rd_kafka_t                       *reader;
    rd_kafka_conf_t                  *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t  *list;

    rd_kafka_conf_set(conf, "bootstrap.servers",
                      rd_kafka_mock_cluster_bootstraps(cluster), reason,
                      sizeof(reason));
    rd_kafka_conf_set(conf, "group.id", group, reason, sizeof(reason));
    reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));

    if (reader == NULL) {
        fail(reason);
    }

    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);

    if (rd_kafka_committed(reader, list, SECONDS * 1000)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
    {
        fail("no answer about committed offsets");
    }

    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);

    return offset < 0 ? -1 : offset;
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


/* Three instances, and the same with a list: each partition has one owner. */

static void
test_members(void)
{
    double    until;
    int32_t   p;
    test_t    test;
    uint32_t  member, wrong;

    static const int32_t  listed[] = { 0, 1, 2, 3, 4, 6 };

    /* CRC-32 of the name is 1 mod 3 */

    static const int32_t   owners[7] = { 1, 2, 0, 1, 2, -1, 1 };
    static const uint32_t  shares[3] = { 1, 3, 2 };

    rd_kafka_mock_topic_create(cluster, "members", 7, 1);

    for (p = 0; p < 7; p++) {
        produce("members", p, 1, 100);
    }

    for (member = 0; member < 3; member++) {
        prepare(&test, "members", FLOW_START_EARLIEST);
        test.conf.member = member;
        test.conf.members = 3;
        test.conf.partitions = listed;
        test.conf.partition_count = 6;
        begin(&test);

        until = now() + SECONDS;

        while (said(&test, "is consumed from") < shares[member]
               && turn(&test, until))
        {
            /* void */
        }

        wrong = 0;

        for (p = 0; p < 7; p++) {
            wrong += (flow_pipeline_next_offset(test.pipeline, 0, p) != -1)
                     != (owners[p] == (int32_t) member);
        }

        ok(wrong == 0 && said(&test, "is consumed from") == shares[member],
           "member %u of 3 has its share of what is listed", member);
        end(&test);
    }
}


/* All that the zone has is committed, and nothing before it has it. */

static void
test_group(void)
{
    double                 until;
    test_t                 test;
    flow_publish_events_t  events;

    rd_kafka_mock_topic_create(cluster, "group", 2, 1);
    produce("group", 0, 10, 100);
    produce("group", 1, 20, 100);

    prepare(&test, "group", FLOW_START_COMMITTED);
    test.conf.consumer.group = "lag";
    begin(&test);
    ok(reaches(&test, 0, 10, "partition 0 is consumed from offset 0, the "
               "oldest: nothing is committed")
       && reaches(&test, 1, 20, NULL),
       "start committed, where nothing is: nothing is left out");
    flow_assign_commit_last(test.assign, SECONDS * 1000);
    flow_assign_close(test.assign);
    ok(committed("lag", "group", 0) == -1,
       "nothing is committed that no record has, nor by itself");

    restart(&test);
    ok(reaches(&test, 0, 10, NULL) && reaches(&test, 1, 20, NULL), "again");
    zone_commit(test.pipeline, &events);
    flow_assign_commit(test.assign);
    until = now() + SECONDS;

    while (committed("lag", "group", 1) != 20 && turn(&test, until)) {
        /* void */
    }

    ok(committed("lag", "group", 0) == 10 && committed("lag", "group", 1) == 20,
       "what a record has is committed");

    produce("group", 1, 5, 100);
    ok(reaches(&test, 1, 25, NULL), "and goes on");
    zone_commit(test.pipeline, &events);
    flow_assign_commit_last(test.assign, SECONDS * 1000);
    ok(committed("lag", "group", 1) == 25, "an orderly end waits for it");
    ok(said(&test, "committed for group") == 0, "and says nothing then");
    end(&test);
}


/* What that instance left for the next one, whatever it knows of the topic. */

static void
test_group_of_another(void)
{
    test_t  test;

    produce("group", 1, 5, 100);
    prepare(&test, "group", FLOW_START_COMMITTED);
    test.conf.consumer.group = "lag";
    flow_pipeline_topic(test.pipeline, 0, 0);
    begin(&test);
    ok(reaches(&test, 1, 30, "partition 1 is consumed from offset 25, "
               "committed in Kafka")
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 5,
       "another instance goes on there");
    end(&test);
}


/* Offsets that are kept of partitions of others are not committed for them. */

static void
test_share_of_others(void)
{
    test_t                 test;
    flow_publish_events_t  events;

    static const int32_t  first[] = { 0 };

    rd_kafka_mock_topic_create(cluster, "shared", 2, 1);
    produce("shared", 0, 10, 100);
    produce("shared", 1, 10, 100);

    prepare(&test, "shared", FLOW_START_EARLIEST);
    begin(&test);
    ok(reaches(&test, 0, 10, NULL) && reaches(&test, 1, 10, NULL),
       "without a group, both partitions");
    zone_commit(test.pipeline, &events);
    flow_assign_close(test.assign);

    test.conf.consumer.group = "shared";
    test.conf.partitions = first;
    test.conf.partition_count = 1;
    restart(&test);
    produce("shared", 0, 5, 100);
    (void) reaches(&test, 0, 15, NULL);
    zone_commit(test.pipeline, &events);
    flow_assign_commit_last(test.assign, SECONDS * 1000);
    ok(committed("shared", "shared", 0) == 15
       && committed("shared", "shared", 1) == -1,
       "with one, the offset of what is consumed is committed, no other");
    end(&test);
}


/* A commit that Kafka refuses is said once, and tried again. */

static void
test_refused_commit(void)
{
    double                 until;
    test_t                 test;
    flow_publish_events_t  events;

    static const char  refusal[] = "offsets are not committed: Broker: Group "
                                   "authorization failed";

    rd_kafka_mock_topic_create(cluster, "refused", 1, 1);
    produce("refused", 0, 3, 100);
    rd_kafka_mock_push_request_errors(cluster, 8 /* OffsetCommit */, 2,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);

    prepare(&test, "refused", FLOW_START_EARLIEST);
    test.conf.consumer.group = "refused";
    begin(&test);
    ok(reaches(&test, 0, 3, NULL), "consumed");
    zone_commit(test.pipeline, &events);
    until = now() + SECONDS;

    do {
        flow_assign_commit(test.assign);
    } while (said(&test, "offsets are committed again") == 0
             && turn(&test, until));

    ok(committed("refused", "refused", 0) == 3 && said(&test, refusal) == 1
       && said(&test, "offsets are committed again") == 1,
       "refused, said once, tried again");
    end(&test);
}


/* What goes to another instance is forgotten, and comes back from there. */

static void
test_forgotten(void)
{
    test_t                 test;
    flow_partition_t      *stored;
    flow_publish_events_t  events;

    static const int32_t  first[] = { 0 };

    rd_kafka_mock_topic_create(cluster, "moved", 2, 1);
    produce("moved", 0, 10, 100);
    produce("moved", 1, 10, 100);

    prepare(&test, "moved", FLOW_START_COMMITTED);
    test.conf.consumer.group = "moved";
    begin(&test);
    ok(reaches(&test, 0, 10, NULL) && reaches(&test, 1, 10, NULL),
       "both partitions");
    zone_commit(test.pipeline, &events);
    flow_assign_commit_last(test.assign, SECONDS * 1000);
    flow_assign_close(test.assign);

    stored = flow_zone_partitions(test.zone);
    test.conf.partitions = first;
    test.conf.partition_count = 1;
    restart(&test);
    zone_commit(test.pipeline, &events);
    ok(stored[0].next_offset + stored[1].next_offset == 9
       && said(&test, "partition 1 is consumed no longer, its offset 10 is "
               "forgotten") == 1, "the one that is not named is forgotten");
    produce("moved", 0, 5, 100);
    (void) reaches(&test, 0, 15, NULL);
    zone_commit(test.pipeline, &events);
    flow_assign_commit_last(test.assign, SECONDS * 1000);
    ok(committed("moved", "moved", 0) == 15
       && committed("moved", "moved", 1) == 10,
       "nothing is committed for it, while the other goes on");
    flow_assign_close(test.assign);

    produce("moved", 1, 7, 100);
    test.conf.partition_count = 0;
    restart(&test);
    ok(reaches(&test, 1, 17, "partition 1 is consumed from offset 10, "
               "committed in Kafka")
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 32
       && test.zone->partitions == 2,
       "it comes back where the group is, into its old entry");
    end(&test);
}


/* Another cluster with as many records: only its id tells. */

static void
test_cluster(void)
{
    char                   id[FLOW_ZONE_CLUSTER];
    test_t                 test;
    flow_publish_events_t  events;

    rd_kafka_mock_topic_create(cluster, "cluster", 1, 1);
    produce("cluster", 0, 10, 100);

    consumed_before(&test, "cluster", FLOW_START_EARLIEST, 10);
    memcpy(id, test.zone->cluster, sizeof(id));
    ok(id[0] != '\0', "the cluster's id is stored: \"%s\"", id);

    memset(test.zone->cluster, 0, sizeof(id));
    test.zone->cluster[0] = 'x';
    restart(&test);
    ok(reaches(&test, 0, 10, "the stored offsets of cluster \"x\": all "
               "partitions start anew")
       && reaches(&test, 0, 10, "from offset 0, the oldest")
       && counters(&test)->messages[FLOW_MESSAGE_DECODED] == 20
       && strcmp(test.zone->cluster, id) == 0,
       "another one: its records count, and its id is stored");
    flow_assign_close(test.assign);

    /* that a process dies which has stored the id is the same as this */

    test.log[0] = '\0';
    restart(&test);
    zone_commit(test.pipeline, &events);
    ok(reaches(&test, 0, 10, "from offset 10, stored offset")
       && said(&test, "start anew") == 0, "and it is the one then");
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
    test_members();
    test_group();
    test_group_of_another();
    test_refused_commit();
    test_forgotten();
    test_share_of_others();
    test_cluster();

    rd_kafka_destroy(producer);

    return done();
}
