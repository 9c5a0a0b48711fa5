/*
 * The flow records of all measurements: pmacct's, of about 290 bytes, the
 * same ones in each run.  A series is one of 20 routers and a foreign AS,
 * which sends (receive) or is sent to (transmit).
 */

#ifndef FLOWS_H
#define FLOWS_H

#include <stdint.h>
#include <stdio.h>


#define FLOWS_OWN_AS       64500
#define FLOWS_ROUTERS         20
#define FLOWS_RECORD_MAX     400


/*
 * Which series comes next: all of them once, in order, then at random.
 */

static inline uint32_t
flows_series(uint64_t record, uint32_t series)
{
    uint64_t  random;

    if (record < series) {
        return (uint32_t) record;
    }

    random = (record + 1) * UINT64_C(0x9e3779b97f4a7c15);
    random = (random ^ random >> 32) * UINT64_C(0xbf58476d1ce4e5b9);

    return (uint32_t) ((random >> 32) % series);
}


/* Writes a record of that series, and returns its length. */

static inline size_t
flows_write(char *text, uint64_t record, uint32_t series)
{
    uint32_t  router = series % FLOWS_ROUTERS;
    uint32_t  foreign = 1 + series / FLOWS_ROUTERS;
    uint32_t  packets = 1 + (uint32_t) (record % 97);

    /* numbers of AS begin with the longer ones, as in the Internet */

    foreign = foreign < FLOWS_OWN_AS ? FLOWS_OWN_AS - foreign : foreign;

    return (size_t) snprintf(text, FLOWS_RECORD_MAX,
        "{\"event_type\": \"purge\", \"label\": \"edge%u.example.net\", "
        "\"as_src\": %u, \"as_dst\": %u, \"peer_ip_src\": \"192.0.2.%u\", "
        "\"iface_in\": %u, \"iface_out\": %u, \"ip_proto\": \"%s\", "
        "\"sampling_rate\": 1, \"stamp_inserted\": \"2026-11-24 06:21:00\", "
        "\"stamp_updated\": \"2026-11-24 06:22:01\", \"packets\": %u, "
        "\"bytes\": %u}",
        router + 1, foreign % 2 != 0 ? foreign : FLOWS_OWN_AS,
        foreign % 2 != 0 ? FLOWS_OWN_AS : foreign, router + 1,
        1 + foreign % 7, 1 + router % 5, record % 10 < 7 ? "tcp" : "udp",
        packets, packets * (60 + (uint32_t) (record % 1400)));
}


/*
 * Writes a message of "count" records from "record" on, a line each, without
 * a line feed at its end; returns its length.
 */

static inline size_t
flows_write_message(char *text, uint64_t record, uint32_t count,
    uint32_t series)
{
    size_t    len = 0;
    uint32_t  i;

    for (i = 0; i < count; i++) {
        if (i != 0) {
            text[len++] = '\n';
        }

        len += flows_write(text + len, record + i,
                           flows_series(record + i, series));
    }

    return len;
}


#endif /* FLOWS_H */
