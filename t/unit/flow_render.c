/*
 * Does a scrape show what is in the zone, whatever the buffer's size?
 *
 * The reference prints a model of the zone with fprintf(); it shares nothing
 * with the renderer but the words of the table of metrics.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_metrics.h"
#include "flow_render.h"
#include "tap.h"
#include "zones.h"


#define ZONE_SIZE   (2 * 1024 * 1024)
#define SERIES_MAX  30000
#define SCRAPE_MAX  100000    /* calls of a scrape that does not end */
#define HOSTS       7


typedef struct {
    uint32_t  direction;
    uint32_t  source;
    uint32_t  destination;
    uint32_t  host;
    uint64_t  bytes;
    bool      overflow;
} series_t;


/* What the zone was filled with. */

typedef struct {
    series_t  series[SERIES_MAX];
    uint32_t  count;
    bool      filled;          /* with more than series */
} model_t;


static void zone_fill(flow_zone_t *zone, model_t *model);
static void zone_fill_values(flow_zone_t *zone);
static void zone_fill_header(flow_zone_t *zone);
static void zone_fill_series(flow_zone_writer_t *writer, model_t *model);
static void add_series(flow_zone_writer_t *writer, model_t *model,
    uint32_t direction, uint32_t source, uint32_t destination, uint32_t host,
    uint64_t bytes);
static flow_names_t *names_create(void);
static const char *name_of(uint32_t number);

static char *reference(const flow_zone_t *zone, const model_t *model);
static void reference_flows(FILE *out, const model_t *model);
static void reference_records(FILE *out, unsigned one);
static void reference_room(FILE *out, const flow_zone_t *zone);
static void reference_partitions(FILE *out);
static void reference_commits(FILE *out, bool filled);
static void reference_zone(FILE *out, const flow_zone_t *zone, bool filled);
static void print_value(FILE *out, const char *value);
static void print_header(FILE *out, const char *name, const char *type);

static char *scrape(const flow_zone_t *zone, size_t size, unsigned *calls);
static char *scrape_as(const flow_zone_t *zone, bool shown, size_t size,
    unsigned *calls);
static char *gauges_of(const char *text);
static size_t longest_unit(const char *text);
static bool begins(const char *text, const char *with);

static void test_golden(void);
static void test_sizes(void);
static void test_empty(void);
static void test_gauges(void);
static void test_bounded(void);
static void test_damaged(void);


/* As long as a label value can be, and twice that when escaped. */

#define QUOTES_15   "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
#define QUOTES_51   QUOTES_15 QUOTES_15 QUOTES_15 "\"\"\"\"\"\""
#define QUOTES_255  QUOTES_51 QUOTES_51 QUOTES_51 QUOTES_51 QUOTES_51

static const char *const  hosts[HOSTS] = {
    "edge1.example.net", "", "quote\"back\\slash\nline",
    "Z\xc3\xbcrich \xe2\x82\xac", "tab\tand {braces}",
    "\\n is no line\\", QUOTES_255
};

static const flow_render_conf_t  conf = {
    flow_string("default"), flow_string("0.1"), flow_string("1.22.1"),
    flow_string("2.0.2")
};


int
main(void)
{
    test_golden();
    test_sizes();
    test_empty();
    test_gauges();
    test_bounded();
    test_damaged();

    return done();
}


/* The lines that users of the Go exporter know, byte for byte. */

static void
test_golden(void)
{
    char                *lines;
    uint32_t             host, index;
    flow_zone_t         *zone;
    flow_error_t         error;
    flow_names_t        *names;
    flow_zone_writer_t  *writer;

    zone = zone_create(ZONE_SIZE);
    names = names_create();
    writer = flow_zone_writer_create(zone, &error);

    host = flow_zone_claim_host(writer, text("border.neptunenetworks.org"));

    index = flow_zone_claim_series(writer, FLOW_RECEIVE, 10318, 397143, host,
                                   names);
    flow_zone_series(zone)[index].used = 1;
    flow_zone_series(zone)[index].bytes = 663;

    index = flow_zone_claim_series(writer, FLOW_TRANSMIT, 397143, 10318, host,
                                   names);
    flow_zone_series(zone)[index].used = 1;
    flow_zone_series(zone)[index].bytes = 12;

    zone_show(writer);
    lines = scrape(zone, 65536, NULL);

    ok(begins(lines,
"# HELP flow_receive_bytes_total Bytes received.\n"
"# TYPE flow_receive_bytes_total counter\n"
"flow_receive_bytes_total{destination_as=\"397143\","
"destination_as_name=\"NEPTUNE-NETWORKS - Neptune Networks\","
"hostname=\"border.neptunenetworks.org\",source_as=\"10318\","
"source_as_name=\"CABLEVISION S.A.\"} 663\n"
"# HELP flow_transmit_bytes_total Bytes transferred.\n"
"# TYPE flow_transmit_bytes_total counter\n"
"flow_transmit_bytes_total{destination_as=\"10318\","
"destination_as_name=\"CABLEVISION S.A.\","
"hostname=\"border.neptunenetworks.org\",source_as=\"397143\","
"source_as_name=\"NEPTUNE-NETWORKS - Neptune Networks\"} 12\n"
"# HELP flow_exporter_build_info "),
       "the lines of the Go exporter, byte for byte");

    free(lines);
    flow_zone_writer_destroy(writer);
    flow_names_destroy(names);
}


/*
 * Every line of a zone that holds one of everything, with each size of the
 * buffer from the longest line to more than the whole.
 */

static void
test_sizes(void)
{
    char         *expected, *lines;
    size_t        size, smallest, len;
    unsigned      wrong, calls;
    model_t      *model;
    flow_zone_t  *zone;

    zone = zone_create(ZONE_SIZE);
    model = calloc(1, sizeof(model_t));
    zone_fill(zone, model);

    expected = reference(zone, model);
    len = strlen(expected);
    smallest = longest_unit(expected);

    lines = scrape(zone, len + 1, &calls);
    if (!ok(lines != NULL && strcmp(lines, expected) == 0 && calls == 1,
            "a scrape in one buffer is what the reference prints"))
    {
        printf("%s----\n%s", expected, lines);
    }

    free(lines);
    wrong = 0;

    for (size = smallest; size <= len + 1; size++) {
        lines = scrape(zone, size, NULL);
        wrong += lines == NULL || strcmp(lines, expected) != 0;
        free(lines);
    }

    ok(wrong == 0, "the same bytes with each buffer of %zu to %zu bytes",
       smallest, len + 1);

    ok(smallest > 3 * 2 * FLOW_LABEL_MAX && smallest < FLOW_RENDER_LINE_MAX,
       "FLOW_RENDER_LINE_MAX is enough for the longest labels");

    wrong = 0;

    for (size = 0; size < smallest; size++) {
        lines = scrape(zone, size, NULL);
        wrong += lines != NULL;
        free(lines);
    }

    ok(wrong == 0, "a buffer that is too small is an error, not endless");

    free(expected);
    free(model);
}


/* A zone that no writer has had yet. */

static void
test_empty(void)
{
    char         *expected, *lines;
    model_t      *model;
    flow_zone_t  *zone;

    zone = zone_create(ZONE_SIZE);
    model = calloc(1, sizeof(model_t));

    expected = reference(zone, model);
    lines = scrape(zone, 65536, NULL);

    ok(lines != NULL && strcmp(lines, expected) == 0,
       "a zone without a writer shows the exporter's gauges");
    ok(lines != NULL && strstr(lines, "flow_receive") == NULL
       && strstr(lines, "next_offset") == NULL
       && strstr(lines, "as_names") == NULL,
       "a family without a line has no HELP and TYPE");

    free(lines);
    free(expected);
    free(model);
}


/*
 * A zone whose counters may not be shown: the same scrape without families
 * that are no gauges, and not ready.
 */

static void
test_gauges(void)
{
    char         *whole, *expected, *lines;
    size_t        size, smallest;
    unsigned      wrong;
    model_t      *model;
    flow_zone_t  *zone;

    zone = zone_create(ZONE_SIZE);
    model = calloc(1, sizeof(model_t));
    zone_fill(zone, model);

    whole = reference(zone, model);
    expected = gauges_of(whole);
    smallest = longest_unit(expected);
    wrong = 0;

    for (size = smallest; size <= strlen(expected) + 1; size++) {
        lines = scrape_as(zone, false, size, NULL);
        wrong += lines == NULL || strcmp(lines, expected) != 0;
        free(lines);
    }

    lines = scrape_as(zone, false, 65536, NULL);
    if (!ok(wrong == 0 && lines != NULL,
            "gauges alone, with each size of the buffer"))
    {
        printf("%s----\n%s", expected, lines);
    }

    free(lines);

    ok(strstr(expected, "_total") == NULL
       && strstr(expected, "\nflow_exporter_ready{exporter=\"default\"} 0\n")
          != NULL
       && strstr(expected, "\nflow_exporter_series{") != NULL
       && strstr(whole, "\nflow_exporter_ready{exporter=\"default\"} 1\n")
          != NULL,
       "no counter, not ready, and what else there is to know");

    free(whole);
    free(expected);
    free(model);
}


/* One call looks at a bounded number of entries, also where none is shown. */

static void
test_bounded(void)
{
    char                *expected, *lines;
    unsigned             calls;
    uint32_t             i;
    model_t             *model;
    flow_zone_t         *zone;
    flow_error_t         error;
    flow_zone_writer_t  *writer;

    zone = zone_create(ZONE_SIZE);
    model = calloc(1, sizeof(model_t));
    writer = flow_zone_writer_create(zone, &error);

    for (i = 0; i < 20000; i++) {
        add_series(writer, model, FLOW_TRANSIT, 1 + i / 200, 1000 + i % 200,
                   FLOW_ZONE_OTHER, i);
    }

    zone_show(writer);
    zone->starts = 0;
    expected = reference(zone, model);
    lines = scrape(zone, 4 * 1024 * 1024, &calls);

    ok(lines != NULL && strcmp(lines, expected) == 0,
       "20000 series come whole through calls that look at fewer");
    ok(calls > 3 * 20000 / 10000,
       "three walks over 20000 entries took %u calls", calls);

    free(lines);
    free(expected);
    flow_zone_writer_destroy(writer);
    free(model);
}


/* References that lead nowhere, and counts beyond the tables. */

static void
test_damaged(void)
{
    char         *lines;
    model_t      *model;
    flow_zone_t  *zone;

    zone = zone_create(ZONE_SIZE);
    model = calloc(1, sizeof(model_t));
    zone_fill(zone, model);

    flow_zone_partitions(zone)[0].topic = UINT32_MAX;
    flow_zone_topics(zone)[0].name = UINT32_MAX;
    flow_zone_hosts(zone)[1].name = UINT32_MAX - 1;
    flow_zone_as_numbers(zone)[1].name = UINT32_MAX;
    flow_zone_series(zone)[3].source = UINT32_MAX;
    flow_zone_series(zone)[4].host = UINT32_MAX;
    memset(zone->kafka_errors[0].name, 'x', FLOW_ZONE_ERROR_NAME);
    zone->errors = UINT32_MAX;
    zone->series = UINT32_MAX;
    zone->hosts = UINT32_MAX;
    zone->topics = UINT32_MAX;
    zone->partitions = UINT32_MAX;

    lines = scrape(zone, FLOW_RENDER_LINE_MAX, NULL);

    ok(lines != NULL, "a damaged zone is shown without harm");

    free(lines);
    free(model);
}


static void
zone_fill(flow_zone_t *zone, model_t *model)
{
    uint32_t             topic, partition;
    flow_error_t         error;
    flow_zone_writer_t  *writer;

    writer = flow_zone_writer_create(zone, &error);
    zone_fill_series(writer, model);

    topic = flow_zone_claim_topic(writer, text("pmacct.acct"));
    partition = flow_zone_claim_partition(writer, topic, 0, 812);
    flow_zone_partitions(zone)[partition].consumed = 1;
    flow_zone_partitions(zone)[partition].end_offset = 1000;

    /* counted beyond the end that is known */
    partition = flow_zone_claim_partition(writer, topic, 12, 900);
    flow_zone_partitions(zone)[partition].consumed = 1;
    flow_zone_partitions(zone)[partition].end_offset = 899;

    topic = flow_zone_claim_topic(writer, text("other.topic"));

    /* of an earlier configuration */
    partition = flow_zone_claim_partition(writer, topic, 3, INT64_MAX);
    flow_zone_partitions(zone)[partition].consumed = 0;
    flow_zone_partitions(zone)[partition].end_offset = 5;

    /* the end is not known */
    partition = flow_zone_claim_partition(writer, topic, 4, 0);
    flow_zone_partitions(zone)[partition].consumed = 1;
    flow_zone_partitions(zone)[partition].end_offset = -1;

    flow_zone_count_error(writer, text("_TRANSPORT"));
    flow_zone_count_error(writer, text("_TRANSPORT"));
    flow_zone_count_error(writer, text("_ALL_BROKERS_DOWN"));

    zone_show(writer);
    zone_fill_values(zone);
    zone_fill_header(zone);
    model->filled = true;

    flow_zone_writer_destroy(writer);
}


/* Each counter another number, so that no two can be mistaken. */

static void
zone_fill_values(flow_zone_t *zone)
{
    uint32_t       i;
    flow_host_t   *host;
    flow_topic_t  *topic;

    for (i = 0; i < 2; i++) {
        topic = &flow_zone_topics(zone)[i];
        topic->messages[FLOW_MESSAGE_DECODED] = 100 + i;
        topic->messages[FLOW_MESSAGE_TOMBSTONE] = 110 + i;
        topic->messages[FLOW_MESSAGE_REFUSED] = 120 + i;
        topic->message_bytes = 130 + i;
        topic->gap_offsets = 140 + i;
        topic->skipped_offsets = 150 + i;
        topic->duplicate_messages = 160 + i;
    }

    for (i = 0; i < FLOW_RESULT_COUNT; i++) {
        zone->records[i] = 200 + i;
    }

    for (i = 0; i < FLOW_SKIP_COUNT; i++) {
        zone->skipped[i] = 210 + i;
    }

    for (i = 0; i < FLOW_REASON_COUNT; i++) {
        zone->invalid[i] = 220 + i;
    }

    for (i = 0; i < FLOW_DIRECTION_COUNT; i++) {
        zone->left_bytes[i] = 240 + i;
    }

    host = flow_zone_hosts(zone);
    host[1].timestamp = 1700000000123;
    host[2].timestamp = 1700000000000;
    host[3].timestamp = 0;
    host[4].timestamp = 45;
    host[5].timestamp = -1;
    host[6].timestamp = -1;
    host[7].timestamp = -1;
}


static void
zone_fill_header(flow_zone_t *zone)
{
    zone->cut_labels = 300;
    zone->repaired_labels = 301;
    zone->overflow_records = 302;
    zone->left_series = 308;
    zone->unused_series = 2;
    zone->unused_as_numbers = 3;
    zone->unused_hosts = 1;
    zone->unused_string_bytes = 40;
    zone->commits = 303;
    zone->commit_nanoseconds = 5000000067;
    zone->commit_failures = 306;
    zone->log_bytes = UINT64_C(5000000000);
    zone->starts = 304;
    zone->durable = 1;
    zone->image_timestamp = 1699999998042;
    zone->image_bytes = 307;
    zone->image_nanoseconds = 12000345;
    zone->phase = FLOW_PHASE_LIVE;
    zone->lease_held = 1;
    zone->kafka_connected = 0;
    zone->as_names_loaded = 1;
    zone->as_names = 305;
    zone->as_names_timestamp = 1699999999;
}


/* All directions mixed, numbers at their bounds, each hostile name. */

static void
zone_fill_series(flow_zone_writer_t *writer, model_t *model)
{
    unsigned        seed;
    uint32_t        i, host[HOSTS];
    uint64_t        bytes;
    flow_zone_t    *zone;
    flow_series_t  *series;

    static const uint64_t  bounds[] = {
        0, 9, 10, 99, 100, UINT64_MAX, UINT64_C(1) << 63,
        (UINT64_C(1) << 63) - 1
    };

    seed = (unsigned) getpid();
    note("seed %u", seed);
    srandom(seed);

    zone = flow_zone_of(writer);

    for (i = 0; i < HOSTS; i++) {
        host[i] = flow_zone_claim_host(writer, text(hosts[i]));
    }

    for (i = 0; i < 24; i++) {
        bytes = i < 8 ? bounds[i]
                      : ((uint64_t) random() << 33) ^ (uint64_t) random();

        add_series(writer, model, (uint32_t) random() % FLOW_DIRECTION_COUNT,
                   i, i % 3 == 0 ? i : UINT32_MAX - (uint32_t) random() % 3,
                   host[i % HOSTS], bytes);
        model->series[model->count - 1].host = i % HOSTS;
    }

    /* a claimed series that holds no record yet is not shown */

    i = flow_zone_claim_series(writer, FLOW_RECEIVE, 77, 78, host[0], NULL);
    flow_zone_series(zone)[i].used = 0;

    /* nor is one in the middle of a change */

    i = flow_zone_claim_series(writer, FLOW_RECEIVE, 79, 80, host[0], NULL);
    series = &flow_zone_series(zone)[i];
    series->used = 1;
    series->sequence |= 1;

    flow_zone_series(zone)[FLOW_TRANSMIT].used = 1;
    flow_zone_series(zone)[FLOW_TRANSMIT].bytes = 4711;

    memmove(&model->series[1], &model->series[0],
            model->count * sizeof(series_t));
    model->count++;
    model->series[0] = (series_t) { FLOW_TRANSMIT, 0, 0, 0, 4711, true };
}


static void
add_series(flow_zone_writer_t *writer, model_t *model, uint32_t direction,
    uint32_t source, uint32_t destination, uint32_t host, uint64_t bytes)
{
    uint32_t              index;
    flow_series_t        *series;
    static flow_names_t  *names;

    if (names == NULL) {
        names = names_create();
    }

    index = flow_zone_claim_series(writer, direction, source, destination,
                                   host, names);
    series = &flow_zone_series(flow_zone_of(writer))[index];
    series->used = 1;
    series->bytes = bytes;

    model->series[model->count++] = (series_t) {
        direction, source, destination, HOSTS, bytes, false
    };
}


static flow_names_t *
names_create(void)
{
    int            descriptor;
    char           path[] = "/tmp/flow_render.XXXXXX";
    FILE          *file;
    uint32_t       i;
    flow_error_t   error;
    flow_names_t  *names;

    descriptor = mkstemp(path);
    file = fdopen(descriptor, "w");

    for (i = 1; i < 24; i++) {
        if (name_of(i)[0] != '\0') {
            fprintf(file, "%u  %s\n", i, name_of(i));
        }
    }

    fprintf(file, "10318  %s\n", name_of(10318));
    fprintf(file, "397143  %s\n", name_of(397143));
    fclose(file);

    names = flow_names_create(path, &error);
    unlink(path);

    if (names == NULL) {
        note("%s", error.text);
    }

    return names;
}


static const char *
name_of(uint32_t number)
{
    switch (number) {
    case 1:
        return "LVLT-1 \"quoted\" \\back";
    case 2:
        return "UDEL-DCN \xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80";
    case 5:
        return "\"\"\"\\\\\\";
    case 6:
        return QUOTES_255;
    case 10318:
        return "CABLEVISION S.A.";
    case 397143:
        return "NEPTUNE-NETWORKS - Neptune Networks";
    default:
        return "";
    }
}


static char *
reference(const flow_zone_t *zone, const model_t *model)
{
    char    *lines;
    FILE    *out;
    size_t   len;

    out = open_memstream(&lines, &len);

    reference_flows(out, model);
    reference_zone(out, zone, model->filled);

    fclose(out);

    return lines;
}


static void
reference_flows(FILE *out, const model_t *model)
{
    bool             header;
    uint32_t         i, direction;
    const series_t  *series;

    static const char *const  names[] = {
        "flow_receive_bytes_total", "flow_transmit_bytes_total",
        "flow_transit_bytes_total"
    };

    for (direction = 0; direction < FLOW_DIRECTION_COUNT; direction++) {
        header = false;

        for (i = 0; i < model->count; i++) {
            series = &model->series[i];

            if (series->direction != direction) {
                continue;
            }

            if (!header) {
                print_header(out, names[direction], "counter");
                header = true;
            }

            if (series->overflow) {
                fprintf(out, "%s{destination_as=\"other\","
                        "destination_as_name=\"\",hostname=\"other\","
                        "source_as=\"other\",source_as_name=\"\"} %llu\n",
                        names[direction], (unsigned long long) series->bytes);
                continue;
            }

            fprintf(out, "%s{destination_as=\"%u\",destination_as_name=\"",
                    names[direction], series->destination);
            print_value(out, name_of(series->destination));
            fprintf(out, "\",hostname=\"");
            print_value(out, series->host < HOSTS ? hosts[series->host]
                                                  : "other");
            fprintf(out, "\",source_as=\"%u\",source_as_name=\"",
                    series->source);
            print_value(out, name_of(series->source));
            fprintf(out, "\"} %llu\n", (unsigned long long) series->bytes);
        }
    }
}


#define gauge(name, ...)    family(name, "gauge", __VA_ARGS__)
#define counter(name, ...)  family(name, "counter", __VA_ARGS__)

#define family(name, type, ...)                                               \
    do {                                                                      \
        print_header(out, "flow_exporter_" name, type);                       \
        fprintf(out, "flow_exporter_" name __VA_ARGS__);                      \
    } while (0)

#define E       "{exporter=\"default\"} "
#define TOPICS(name, n)                                                       \
    "{exporter=\"default\",topic=\"pmacct.acct\"} " #n "0\n"                  \
    "flow_exporter_" name                                                     \
    "{exporter=\"default\",topic=\"other.topic\"} " #n "1\n"

#define RESULT(result, topic, n)                                              \
    "flow_exporter_messages_total{exporter=\"default\",result=\"" result      \
    "\",topic=\"" topic "\"} " #n "\n"


/* The exporter's own; "filled": by zone_fill(), else all is zero. */

static void
reference_zone(FILE *out, const flow_zone_t *zone, bool filled)
{
    unsigned  one;

    one = filled;

    gauge("build_info", "{exporter=\"default\",librdkafka=\"2.0.2\","
          "nginx=\"1.22.1\",version=\"0.1\"} 1\n");
    gauge("ready", E "%u\n", one);
    gauge("durable", E "%u\n", one);
    gauge("lease_held", E "%u\n", one);
    gauge("kafka_connected", E "0\n");
    counter("starts_total", E "%u\n", one * 304);

    if (filled) {
        print_header(out, "flow_exporter_messages_total", "counter");
        fprintf(out, RESULT("decoded", "pmacct.acct", 100)
                     RESULT("tombstone", "pmacct.acct", 110)
                     RESULT("refused", "pmacct.acct", 120)
                     RESULT("decoded", "other.topic", 101)
                     RESULT("tombstone", "other.topic", 111)
                     RESULT("refused", "other.topic", 121));
        counter("message_bytes_total", TOPICS("message_bytes_total", 13));
    }

    reference_records(out, one);

    if (filled) {
        reference_partitions(out);
    }

    reference_room(out, zone);
    reference_commits(out, filled);

    if (filled) {
        gauge("as_names", E "305\n");
        gauge("as_names_timestamp_seconds", E "1699999999\n");
    }
}


static void
reference_commits(FILE *out, bool filled)
{
    unsigned  one;

    one = filled;

    counter("commits_total", E "%u\n", one * 303);
    counter("commit_failures_total", E "%u\n", one * 306);
    counter("log_bytes_total", E "%s\n", filled ? "5000000000" : "0");

    family("commit_duration_seconds", "summary", "_sum" E "%s\n",
           filled ? "5.000000067" : "0.000000000");
    fprintf(out, "flow_exporter_commit_duration_seconds_count" E "%u\n",
            one * 303);

    if (filled) {
        gauge("image_timestamp_seconds", E "1699999998.042\n");
    }

    gauge("image_bytes", E "%u\n", one * 307);
    gauge("image_duration_seconds", E "%s\n",
          filled ? "0.012000345" : "0.000000000");
}


static void
reference_records(FILE *out, unsigned one)
{
    unsigned  i;

    print_header(out, "flow_exporter_records_total", "counter");
    for (i = 0; i < FLOW_RESULT_COUNT; i++) {
        fprintf(out, "flow_exporter_records_total{exporter=\"default\","
                "result=\"%s\"} %u\n", flow_result_names[i], one * (200 + i));
    }

    print_header(out, "flow_exporter_skipped_records_total", "counter");
    for (i = 0; i < FLOW_SKIP_COUNT; i++) {
        fprintf(out, "flow_exporter_skipped_records_total{"
                "exporter=\"default\",reason=\"%s\"} %u\n",
                flow_skip_names[i], one * (210 + i));
    }

    print_header(out, "flow_exporter_invalid_records_total", "counter");
    for (i = 0; i < FLOW_REASON_COUNT; i++) {
        fprintf(out, "flow_exporter_invalid_records_total{"
                "exporter=\"default\",reason=\"%s\"} %u\n",
                flow_reason_names[i], one * (220 + i));
    }

    counter("cut_labels_total", E "%u\n", one * 300);
    counter("repaired_labels_total", E "%u\n", one * 301);
    counter("overflow_records_total", E "%u\n", one * 302);
    counter("left_series_total", E "%u\n", one * 308);

    print_header(out, "flow_exporter_left_bytes_total", "counter");
    for (i = 0; i < FLOW_DIRECTION_COUNT; i++) {
        fprintf(out, "flow_exporter_left_bytes_total{direction=\"%s\","
                "exporter=\"default\"} %u\n", flow_result_names[i],
                one * (240 + i));
    }
}


static void
reference_room(FILE *out, const flow_zone_t *zone)
{
    gauge("series", E "%u\n", zone->series < FLOW_DIRECTION_COUNT
                              ? 0 : zone->series - FLOW_DIRECTION_COUNT
                                    - zone->unused_series);
    gauge("series_capacity", E "%u\n",
          zone->capacity.series - FLOW_DIRECTION_COUNT);
    gauge("as_numbers", E "%u\n",
          zone->as_numbers == 0
          ? 0 : zone->as_numbers - 1 - zone->unused_as_numbers);
    gauge("as_numbers_capacity", E "%u\n", zone->capacity.as_numbers - 1);
    gauge("hostnames", E "%u\n",
          zone->hosts == 0 ? 0 : zone->hosts - 1 - zone->unused_hosts);
    gauge("hostnames_capacity", E "%u\n", zone->capacity.hosts - 1);
    gauge("string_bytes", E "%llu\n",
          (unsigned long long) (zone->string_bytes
                                - zone->unused_string_bytes));
    gauge("string_bytes_capacity", E "%llu\n",
          (unsigned long long) zone->capacity.string_bytes);
}


#define PARTITION(name, number, topic, n)                                     \
    "flow_exporter_" name "{exporter=\"default\",partition=\"" number         \
    "\",topic=\"" topic "\"} " n "\n"


static void
reference_partitions(FILE *out)
{
    unsigned  i;

    static const char *const  times[] = {
        "1700000000.123", "1700000000.000", "0.000", "0.045"
    };

    print_header(out, "flow_exporter_next_offset", "gauge");
    fprintf(out, PARTITION("next_offset", "0", "pmacct.acct", "812")
                 PARTITION("next_offset", "12", "pmacct.acct", "900")
                 PARTITION("next_offset", "3", "other.topic",
                           "9223372036854775807")
                 PARTITION("next_offset", "4", "other.topic", "0"));
    print_header(out, "flow_exporter_end_offset", "gauge");
    fprintf(out, PARTITION("end_offset", "0", "pmacct.acct", "1000")
                 PARTITION("end_offset", "12", "pmacct.acct", "899"));
    print_header(out, "flow_exporter_lag_records", "gauge");
    fprintf(out, PARTITION("lag_records", "0", "pmacct.acct", "188")
                 PARTITION("lag_records", "12", "pmacct.acct", "0"));

    counter("gap_offsets_total", TOPICS("gap_offsets_total", 14));
    counter("skipped_offsets_total", TOPICS("skipped_offsets_total", 15));
    counter("duplicate_messages_total",
            TOPICS("duplicate_messages_total", 16));

    counter("kafka_errors_total",
            "{error=\"_TRANSPORT\",exporter=\"default\"} 2\n"
            "flow_exporter_kafka_errors_total"
            "{error=\"_ALL_BROKERS_DOWN\",exporter=\"default\"} 1\n");

    print_header(out, "flow_exporter_last_flow_timestamp_seconds", "gauge");
    for (i = 0; i < 4; i++) {
        fprintf(out, "flow_exporter_last_flow_timestamp_seconds{"
                "exporter=\"default\",hostname=\"");
        print_value(out, hosts[i]);
        fprintf(out, "\"} %s\n", times[i]);
    }
}


static void
print_value(FILE *out, const char *value)
{
    for ( /* void */ ; *value != '\0'; value++) {
        if (*value == '\n') {
            fprintf(out, "\\n");
            continue;
        }

        if (*value == '"' || *value == '\\') {
            fprintf(out, "\\");
        }

        fprintf(out, "%c", *value);
    }
}


static void
print_header(FILE *out, const char *name, const char *type)
{
    uint32_t     i;
    const char  *help;

    help = "?";

    for (i = 0; i < flow_metric_count; i++) {
        if (strcmp(flow_metrics[i].name, name) == 0) {
            help = flow_metrics[i].help;
        }
    }

    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}


/*
 * All bytes of a scrape through a buffer of "size" bytes, or NULL where it
 * fails or wrote beyond the buffer.
 */

static char *
scrape(const flow_zone_t *zone, size_t size, unsigned *calls)
{
    return scrape_as(zone, true, size, calls);
}


static char *
scrape_as(const flow_zone_t *zone, bool shown, size_t size, unsigned *calls)
{
    int             rc;
    char           *lines, *buffer;
    FILE           *out;
    size_t          len, written;
    unsigned        count;
    flow_render_t   render;

    buffer = malloc(size + 1);
    out = open_memstream(&lines, &len);
    count = 0;

    flow_render_start(&render, zone, &conf, shown);

    do {
        buffer[size] = 'x';
        rc = flow_render_fill(&render, buffer, size, &written);

        if (written > size || buffer[size] != 'x'
            || (written != 0 && buffer[written - 1] != '\n'))
        {
            rc = FLOW_ERROR;
        }

        fwrite(buffer, 1, written, out);
        count++;

    } while (rc == FLOW_AGAIN && count < SCRAPE_MAX);

    fclose(out);
    free(buffer);

    if (calls != NULL) {
        *calls = count;
    }

    if (rc == FLOW_OK) {
        return lines;
    }

    free(lines);

    return NULL;
}


/* The families of a scrape that are gauges, where it is not ready. */

static char *
gauges_of(const char *text)
{
    bool         gauge;
    char        *gauges, *ready;
    FILE        *out;
    size_t       len;
    const char  *line, *next, *type;

    out = open_memstream(&gauges, &len);
    gauge = false;

    for (line = text; *line != '\0'; line = next) {
        next = strchr(line, '\n') + 1;

        if (begins(line, "# HELP ")) {
            type = strchr(next, '\n') - strlen(" gauge");
            gauge = begins(type, " gauge\n");
        }

        if (gauge) {
            fwrite(line, 1, next - line, out);
        }
    }

    fclose(out);

    ready = strstr(gauges, "\nflow_exporter_ready{");
    if (ready != NULL) {
        *(strchr(ready + 1, '\n') - 1) = '0';
    }

    return gauges;
}


/* The longest line, together with HELP and TYPE where they stand before it. */

static size_t
longest_unit(const char *text)
{
    size_t       longest;
    const char  *start, *line;

    longest = 0;
    start = text;

    for (line = text; *line != '\0'; line = strchr(line, '\n') + 1) {

        if (line[0] != '#') {
            if ((size_t) (strchr(line, '\n') + 1 - start) > longest) {
                longest = (size_t) (strchr(line, '\n') + 1 - start);
            }

            start = strchr(line, '\n') + 1;
        }
    }

    return longest;
}


static bool
begins(const char *text, const char *with)
{
    return text != NULL && strncmp(text, with, strlen(with)) == 0;
}
