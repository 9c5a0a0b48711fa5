/*
 * Series that have had no flow for a long time; see flow_zone_writer.h.
 *
 * An entry's "used" is the time of its last flow by a clock that stands still
 * while flows may be missed: when nobody consumes, Kafka does not answer, or
 * records are waiting.  It lies in the zone, and so outlives a process.
 */

#include "flow_zone_index.h"


/* Entries looked at by one call. */

#define FLOW_ZONE_LOOKS  65536


static void flow_zone_find_idle_series(flow_zone_writer_t *writer);
static void flow_zone_find_idle_hosts(flow_zone_writer_t *writer);
static bool flow_zone_is_idle_series(const flow_zone_writer_t *writer,
    uint32_t entry);
static bool flow_zone_is_idle_host(const flow_zone_writer_t *writer,
    uint32_t entry);
static bool flow_zone_is_idle(const flow_zone_writer_t *writer,
    uint32_t used);


void
flow_zone_touch_series(flow_zone_writer_t *writer, uint32_t entry)
{
    flow_series_t  *series;

    series = &flow_zone_series(writer->zone)[entry];

    /* one that is new is shown by its record */

    if (flow_zone_get(&series->used) != 0) {
        flow_zone_show(&series->used, flow_zone_moment(writer->zone));
    }
}


void
flow_zone_touch_host(flow_zone_writer_t *writer, uint32_t entry)
{
    flow_zone_set(&flow_zone_hosts(writer->zone)[entry].touched,
                  flow_zone_moment(writer->zone));
}


void
flow_zone_age(flow_zone_writer_t *writer, uint32_t seconds)
{
    flow_zone_t  *zone = writer->zone;

    flow_zone_set(&zone->idle_clock,
                  flow_zone_get(&zone->idle_clock) + seconds);
}


bool
flow_zone_expire(flow_zone_writer_t *writer, uint32_t limit)
{
    writer->idle_limit = limit;
    flow_zone_stay(writer);

    flow_zone_find_idle_series(writer);
    flow_zone_find_idle_hosts(writer);

    writer->more_idle = writer->leaving.series_count == FLOW_ZONE_LEAVING
                        || writer->leaving.host_count == FLOW_ZONE_LEAVING;

    return flow_zone_is_expiring(writer);
}


static void
flow_zone_find_idle_series(flow_zone_writer_t *writer)
{
    uint32_t              looks, count;
    flow_zone_leaving_t  *leaving = &writer->leaving;

    count = flow_zone_get(&writer->zone->series);

    for (looks = 0;
         looks < count
         && looks < FLOW_ZONE_LOOKS
         && leaving->series_count < FLOW_ZONE_LEAVING;
         looks++)
    {
        if (writer->next_series >= count) {
            writer->next_series = 0;
        }

        if (flow_zone_is_idle_series(writer, writer->next_series)) {
            leaving->series[leaving->series_count++] = writer->next_series;
        }

        writer->next_series++;
    }
}


static void
flow_zone_find_idle_hosts(flow_zone_writer_t *writer)
{
    uint32_t              looks, count;
    flow_zone_leaving_t  *leaving = &writer->leaving;

    count = flow_zone_get(&writer->zone->hosts);

    for (looks = 0;
         looks < count && leaving->host_count < FLOW_ZONE_LEAVING;
         looks++)
    {
        if (writer->next_host >= count) {
            writer->next_host = 0;
        }

        if (flow_zone_is_idle_host(writer, writer->next_host)) {
            leaving->hosts[leaving->host_count++] = writer->next_host;
        }

        writer->next_host++;
    }
}


static bool
flow_zone_is_idle_series(const flow_zone_writer_t *writer, uint32_t entry)
{
    uint32_t  used;

    used = flow_zone_get(&flow_zone_series(writer->zone)[entry].used);

    return entry >= FLOW_DIRECTION_COUNT
           && used != 0
           && flow_zone_is_idle(writer, used)
           && !flow_rest_has(&writer->index.rest_series, entry);
}


static bool
flow_zone_is_idle_host(const flow_zone_writer_t *writer, uint32_t entry)
{
    uint32_t  touched;

    touched = flow_zone_get(&flow_zone_hosts(writer->zone)[entry].touched);

    return entry != FLOW_ZONE_OTHER
           && writer->index.host_references[entry] == 0
           && flow_zone_is_idle(writer, touched)
           && !flow_rest_has(&writer->index.rest_hosts, entry);
}


/* A second of the clock may have begun just before the flow came. */

static bool
flow_zone_is_idle(const flow_zone_writer_t *writer, uint32_t used)
{
    return flow_zone_moment(writer->zone) - used > writer->idle_limit;
}


void
flow_zone_leave(flow_zone_writer_t *writer)
{
    uint32_t              i, count;
    flow_series_key_t     key;
    flow_zone_leaving_t  *leaving = &writer->leaving;

    count = 0;

    for (i = 0; i < leaving->series_count; i++) {
        if (flow_zone_is_idle_series(writer, leaving->series[i])) {
            key = flow_zone_key(writer->zone, leaving->series[i]);
            flow_zone_release(writer, &key);
            flow_rest_add(&writer->index.rest_series, leaving->series[i]);
            leaving->series[count++] = leaving->series[i];
        }
    }

    leaving->series_count = count;
    count = 0;

    for (i = 0; i < leaving->host_count; i++) {
        if (flow_zone_is_idle_host(writer, leaving->hosts[i])) {
            flow_rest_add(&writer->index.rest_hosts, leaving->hosts[i]);
            leaving->hosts[count++] = leaving->hosts[i];
        }
    }

    leaving->host_count = count;
}


const flow_zone_leaving_t *
flow_zone_leaving(const flow_zone_writer_t *writer)
{
    return &writer->leaving;
}


void
flow_zone_stay(flow_zone_writer_t *writer)
{
    writer->leaving.series_count = 0;
    writer->leaving.host_count = 0;
    writer->more_idle = false;
}


bool
flow_zone_is_expiring(const flow_zone_writer_t *writer)
{
    return writer->leaving.series_count != 0
           || writer->leaving.host_count != 0;
}


bool
flow_zone_has_more_idle(const flow_zone_writer_t *writer)
{
    return writer->more_idle;
}
