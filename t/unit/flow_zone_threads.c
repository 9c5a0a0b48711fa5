/*
 * One writer, several readers, no lock: while messages are counted, series
 * are added and AS names replaced, by one writer after another, every line of
 * every scrape is whole, names its own AS and host, and shows no less than it
 * did before; and the last scrape shows all.  For ThreadSanitizer, too.
 */

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow_pipeline.h"
#include "flow_render.h"
#include "random.h"
#include "tap.h"
#include "zones.h"


#define READERS     2
#define LIVES     100
#define MESSAGES  300
#define OWN         7
#define AS         40
#define HOSTS       4


/* By direction (receive, transmit), AS numbers, host. */

typedef uint64_t  sums_t[2][AS][AS][HOSTS];

typedef struct {
    sums_t    sums;
    unsigned  scrapes;
    unsigned  lines;
    unsigned  wrong;
    char      what[256];          /* the first line that was */
} reader_t;


static flow_zone_t      *zone;
static flow_names_t     *names[2];
static sums_t            expected;
static atomic_bool       finished;
static reader_t          readers[READERS];

static const uint32_t    own[] = { OWN };
static const flow_str_t  topics[] = { flow_string("flows") };


static void
invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;
    (void) reason;
}


/* A list in which each AS is called by its number, after a letter. */

static flow_names_t *
make_names(char letter)
{
    int            i, fd = memfd_create("names", 0);
    char           path[32];
    flow_error_t   error;
    flow_names_t  *list;

    for (i = 0; i < AS; i++) {
        dprintf(fd, "%d %c%d\n", i, letter, i);
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    list = flow_names_create(path, &error);
    close(fd);

    return list;
}


static int
count(flow_pipeline_t *pipeline, int64_t offset)
{
    char            value[128];
    uint32_t        other = (uint32_t) random_below(AS);
    uint32_t        host = (uint32_t) random_below(HOSTS);
    uint32_t        transmit = (uint32_t) random_below(2);
    uint32_t        source = transmit ? OWN : other;
    uint32_t        destination = transmit ? other : OWN;
    uint64_t        bytes = random_below(1u << 20);
    flow_message_t  message = { 0, 0, offset, 1, { 0, value } };

    message.value.len = (size_t)
        snprintf(value, sizeof(value), "{\"as_src\":%u,\"as_dst\":%u,"
                 "\"bytes\":%llu,\"label\":\"h%u\"}", source, destination,
                 (unsigned long long) bytes, host);

    expected[source == OWN][source][destination][host] += bytes;

    return flow_pipeline_message(pipeline, &message);
}


/* A writer from its start to its end, with the names of its time. */

static unsigned
live(unsigned life)
{
    unsigned               i, wrong = 0;
    flow_error_t           error;
    flow_pipeline_t       *pipeline;
    flow_zone_writer_t    *writer = flow_zone_writer_create(zone, &error);
    flow_pipeline_conf_t   conf = {
        &flow_format_pmacct, names[life % 2], { own, 1 }, false, topics, 1,
        invalid, NULL
    };
    flow_publish_events_t  events;

    flow_zone_adopt_names(writer, names[life % 2]);
    pipeline = flow_pipeline_create(&conf, writer, &error);

    if (life == 0) {
        wrong += flow_pipeline_begin(pipeline, 0, 0, 0, &error) != FLOW_OK;
    }

    for (i = 0; i < MESSAGES; i++) {
        wrong += count(pipeline, (int64_t) life * MESSAGES + i) != FLOW_OK;

        if (random_below(50) == 0 || i == MESSAGES - 1) {
            flow_zone_count_error(writer, text("a_kind_of_error"));
            zone_commit(pipeline, &events);
            wrong += events.zone_full + events.names_missed;
        }
    }

    flow_pipeline_destroy(pipeline);
    flow_zone_writer_destroy(writer);

    return wrong;
}


static void
look_at(reader_t *reader, const char *line)
{
    int        end = -1;
    char       direction[16], name[2][16];
    uint32_t   as[2], host, number[2], transmit;
    uint64_t  *last;

    unsigned long long  bytes;

    reader->lines++;

    /* source, then destination: as[1] is that of the first label */

    if (sscanf(line, "flow_%15[a-z]_bytes_total{destination_as=\"%u\","
               "destination_as_name=\"%15[AB0-9]\",hostname=\"h%u\","
               "source_as=\"%u\",source_as_name=\"%15[AB0-9]\"} %llu%n",
               direction, &as[1], name[1], &host, &as[0], name[0], &bytes,
               &end) == 7
        && line[end] == '\0' && as[0] < AS && as[1] < AS && host < HOSTS)
    {
        number[0] = (uint32_t) strtoul(name[0] + 1, NULL, 10);
        number[1] = (uint32_t) strtoul(name[1] + 1, NULL, 10);
        transmit = strcmp(direction, "transmit") == 0;
        last = &reader->sums[transmit][as[0]][as[1]][host];

        if (number[0] == as[0] && number[1] == as[1]
            && (transmit == (as[0] == OWN)) && bytes >= *last)
        {
            *last = bytes;
            return;
        }
    }

    if (reader->wrong++ == 0) {
        snprintf(reader->what, sizeof(reader->what), "%.250s", line);
    }
}


/* A scrape: its lines of flows, one after another. */

static void
scrape(reader_t *reader)
{
    int                 rc;
    char                buffer[FLOW_RENDER_LINE_MAX + 1], *line, *rest;
    size_t              written;
    flow_render_t       render;
    flow_render_conf_t  conf = { flow_string("default"), flow_string("1"),
                                 flow_string("1"), flow_string("1") };

    flow_render_start(&render, zone, &conf, true);

    do {
        rc = flow_render_fill(&render, buffer, FLOW_RENDER_LINE_MAX,
                              &written);
        buffer[written] = '\0';
        rest = buffer;

        while ((line = strsep(&rest, "\n")) != NULL) {
            if (strncmp(line, "flow_", 5) == 0
                && strncmp(line, "flow_exporter_", 14) != 0)
            {
                look_at(reader, line);
            }
        }
    } while (rc == FLOW_AGAIN);

    reader->wrong += rc != FLOW_OK;
    reader->scrapes++;
}


static void *
read_zone(void *data)
{
    while (!finished) {
        scrape(data);
    }

    scrape(data);

    return NULL;
}


int
main(int argc, char **argv)
{
    unsigned   i, life, wrong = 0;
    pthread_t  threads[READERS];

    random_begin(argc, argv);
    zone = zone_create(FLOW_ZONE_SIZE_MIN * 2);
    names[0] = make_names('A');
    names[1] = make_names('B');

    for (i = 0; i < READERS; i++) {
        pthread_create(&threads[i], NULL, read_zone, &readers[i]);
    }

    for (life = 0; life < LIVES; life++) {
        wrong += live(life);
    }

    finished = true;
    ok(wrong == 0, "%u writers one after another count", LIVES);

    for (i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);

        if (!ok(readers[i].wrong == 0, "reader %u: %u scrapes, %u lines, each "
                "whole, none shows less than before", i, readers[i].scrapes,
                readers[i].lines))
        {
            note("%u, such as %s", readers[i].wrong, readers[i].what);
        }

        ok(memcmp(readers[i].sums, expected, sizeof(sums_t)) == 0,
           "reader %u: the last scrape shows all", i);
    }

    flow_names_destroy(names[0]);
    flow_names_destroy(names[1]);
    free(zone_memory);

    return done();
}
