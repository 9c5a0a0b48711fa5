/*
 * Commands that change what is stored, while nobody counts.  Each loads the
 * counters, changes them in this process' memory, and writes an image.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"
#include "flow_text.h"
#include "flow_zone_word.h"


/* What "forget hostname" takes away. */

typedef struct {
    uint32_t  series;
    uint64_t  bytes;
} flow_state_left_t;


static int flow_state_begin(flow_state_t *state, flow_error_t *error);
static int flow_state_find_topic(const flow_state_t *state, const char *name,
    uint32_t *topic, flow_error_t *error);
static uint32_t flow_state_find_partition(const flow_zone_t *zone,
    uint32_t topic, int32_t partition);
static uint32_t flow_state_claim_partition(flow_zone_t *zone, uint32_t topic,
    int32_t partition, int64_t *was);
static void flow_state_place(flow_partition_t *slot, int64_t offset);
static void flow_state_remove_partition(flow_zone_t *zone, uint32_t entry);
static uint32_t flow_state_find_host(const flow_zone_t *zone,
    const char *name);
static bool flow_state_is_used(const flow_zone_t *zone, uint32_t host);
static flow_state_left_t flow_state_remove_host(flow_zone_t *zone,
    uint32_t host);
static void flow_state_leave(flow_zone_t *zone, const flow_series_t *series);
static bool flow_state_is_string(const flow_zone_t *zone, uint32_t reference,
    flow_str_t string);


int
flow_state_set_offset(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    int64_t   was;
    uint32_t  topic, entry;
    uint64_t  partition, offset;

    if (flow_state_number(arguments[1], "partition", FLOW_PARTITION_MAX,
                          &partition, error) != FLOW_OK
        || flow_state_number(arguments[2], "offset", INT64_MAX, &offset,
                             error) != FLOW_OK)
    {
        return FLOW_STATE_USAGE;
    }

    if (flow_state_begin(state, error) != FLOW_OK
        || flow_state_find_topic(state, arguments[0], &topic, error)
           != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    entry = flow_state_claim_partition(state->zone, topic,
                                       (int32_t) partition, &was);

    if (entry == FLOW_ZONE_NONE) {
        flow_error_set(error, "no room for another partition");
        return FLOW_STATE_FAILED;
    }

    flow_state_place(&flow_zone_partitions(state->zone)[entry],
                     (int64_t) offset);

    if (flow_state_save(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    printf("topic \"%s\" partition %" PRIu64 ": next offset %" PRIu64,
           arguments[0], partition, offset);

    if (was == -1) {
        printf(", had none before\n");

    } else {
        printf(", was %" PRId64 "\n", was);
    }

    return FLOW_STATE_DONE;
}


/* Its counters stay; partitions that come later are as at a first start. */

int
flow_state_forget_topic(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    uint32_t           topic, i, count;
    flow_zone_t       *zone;
    flow_topic_t      *slot;
    flow_partition_t  *partitions;

    if (flow_state_begin(state, error) != FLOW_OK
        || flow_state_find_topic(state, arguments[0], &topic, error)
           != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    zone = state->zone;
    partitions = flow_zone_partitions(zone);
    count = 0;

    for (i = flow_zone_get(&zone->partitions); i != 0; i--) {
        if (flow_zone_get(&partitions[i - 1].topic) == topic) {
            flow_state_remove_partition(zone, i - 1);
            count++;
        }
    }

    slot = &flow_zone_topics(zone)[topic];

    flow_zone_set(&slot->partitions, 0);
    flow_zone_set(&slot->seen_absent, 0);

    if (flow_state_save(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    printf("topic \"%s\": the offsets of %u partitions are forgotten\n",
           arguments[0], count);

    return FLOW_STATE_DONE;
}


int
flow_state_forget_partition(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    int64_t    was;
    uint32_t   topic, entry;
    uint64_t   partition;

    if (flow_state_number(arguments[1], "partition", FLOW_PARTITION_MAX,
                          &partition, error) != FLOW_OK)
    {
        return FLOW_STATE_USAGE;
    }

    if (flow_state_begin(state, error) != FLOW_OK
        || flow_state_find_topic(state, arguments[0], &topic, error)
           != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    entry = flow_state_find_partition(state->zone, topic,
                                      (int32_t) partition);

    was = entry == FLOW_ZONE_NONE
          ? -1
          : flow_zone_get(&flow_zone_partitions(state->zone)[entry]
                           .next_offset);

    if (was == -1) {
        flow_error_set(error, "topic \"%s\" has no stored offset of partition "
                       "%" PRIu64, arguments[0], partition);
        return FLOW_STATE_FAILED;
    }

    flow_state_remove_partition(state->zone, entry);

    if (flow_state_save(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    printf("topic \"%s\" partition %" PRIu64 ": offset %" PRId64
           " is forgotten\n", arguments[0], partition, was);

    return FLOW_STATE_DONE;
}


int
flow_state_forget_hostname(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    uint32_t           host;
    flow_state_left_t  left;

    if (flow_state_begin(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    host = flow_state_find_host(state->zone, arguments[0]);

    if (host == FLOW_ZONE_NONE) {
        flow_error_set(error, "no series has the hostname \"%s\"",
                       arguments[0]);
        return FLOW_STATE_FAILED;
    }

    left = flow_state_remove_host(state->zone, host);

    if (flow_state_save(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    printf("hostname \"%s\": %u series with %" PRIu64 " bytes are forgotten\n",
           arguments[0], left.series, left.bytes);

    return FLOW_STATE_DONE;
}


/*
 * The lease says that more was shown until all files are gone: a death in
 * between must not show less than they had.
 */

int
flow_state_reset(flow_state_t *state, char **arguments, flow_error_t *error)
{
    flow_lease_state_t  left;

    (void) arguments;

    if (flow_state_take(state, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    (void) flow_lease_read(&state->held, &left);

    left.zone = 0;
    left.epoch++;
    left.marked = true;

    if (flow_lease_write(&state->held, &left, error) != FLOW_OK
        || flow_store_clear(state->store, error) != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    left.marked = false;

    if (flow_lease_write(&state->held, &left, error) != FLOW_OK) {
        return FLOW_STATE_FAILED;
    }

    printf("the state files of \"%s\" are removed, counting begins anew\n",
           state->name);

    return FLOW_STATE_DONE;
}


int
flow_state_number(const char *text, const char *what, uint64_t limit,
    uint64_t *number, flow_error_t *error)
{
    flow_str_t     digits = { strlen(text), text };
    flow_reason_e  reason;

    if (flow_text_parse_number(digits, number, &reason) != FLOW_OK
        || *number >= limit)
    {
        flow_error_set(error, "invalid %s \"%s\"", what, text);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


static int
flow_state_begin(flow_state_t *state, flow_error_t *error)
{
    if (flow_state_take(state, error) != FLOW_OK
        || flow_state_load(state, error) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (state->recovered.withhold) {
        printf("more was counted once than the state files have: flow series "
               "will be withheld\nuntil all that Kafka has is counted\n");
    }

    return FLOW_OK;
}


static int
flow_state_find_topic(const flow_state_t *state, const char *name,
    uint32_t *topic, flow_error_t *error)
{
    uint32_t             i;
    flow_str_t           wanted = { strlen(name), name };
    const flow_topic_t  *topics;

    topics = flow_zone_topics(state->zone);

    for (i = 0; i < flow_zone_get(&state->zone->topics); i++) {
        if (flow_state_is_string(state->zone, flow_zone_get(&topics[i].name),
                                 wanted))
        {
            *topic = i;
            return FLOW_OK;
        }
    }

    flow_error_set(error, "the state files of \"%s\" have no topic \"%s\"",
                   state->name, name);

    return FLOW_ERROR;
}


static uint32_t
flow_state_find_partition(const flow_zone_t *zone, uint32_t topic,
    int32_t partition)
{
    uint32_t                 i;
    const flow_partition_t  *partitions;

    partitions = flow_zone_partitions(zone);

    for (i = 0; i < flow_zone_get(&zone->partitions); i++) {
        if (flow_zone_get(&partitions[i].topic) == topic
            && flow_zone_get(&partitions[i].partition) == partition)
        {
            return i;
        }
    }

    return FLOW_ZONE_NONE;
}


/* Finds it, with the offset that it had, or adds it: -1. */

static uint32_t
flow_state_claim_partition(flow_zone_t *zone, uint32_t topic,
    int32_t partition, int64_t *was)
{
    uint32_t           entry;
    flow_partition_t  *slot;

    entry = flow_state_find_partition(zone, topic, partition);

    if (entry != FLOW_ZONE_NONE) {
        *was = flow_zone_get(&flow_zone_partitions(zone)[entry].next_offset);
        return entry;
    }

    entry = flow_zone_get(&zone->partitions);

    if (entry == zone->capacity.partitions) {
        return FLOW_ZONE_NONE;
    }

    slot = &flow_zone_partitions(zone)[entry];

    flow_zone_set(&slot->topic, topic);
    flow_zone_set(&slot->partition, partition);
    flow_zone_set(&zone->partitions, entry + 1);
    *was = -1;

    return entry;
}


/* No record is before this offset that could be compared with Kafka's. */

static void
flow_state_place(flow_partition_t *slot, int64_t offset)
{
    flow_zone_set(&slot->next_offset, offset);
    flow_zone_set(&slot->last, -1);
    flow_zone_set(&slot->timestamp, -1);
    flow_zone_set(&slot->checksum, 0);
}


static void
flow_state_remove_partition(flow_zone_t *zone, uint32_t entry)
{
    uint32_t           last;
    flow_partition_t  *partitions;

    partitions = flow_zone_partitions(zone);
    last = flow_zone_get(&zone->partitions) - 1;

    memmove(&partitions[entry], &partitions[entry + 1],
            (last - entry) * sizeof(flow_partition_t));

    flow_zone_set(&zone->partitions, last);
}


/* The host of overflow series, "other", is not one that somebody can name. */

static uint32_t
flow_state_find_host(const flow_zone_t *zone, const char *name)
{
    char                room[FLOW_ESCAPED_MAX];
    uint32_t            i;
    flow_str_t          wanted = { strlen(name), name };
    const flow_host_t  *hosts;

    if (wanted.len > FLOW_LABEL_MAX) {
        return FLOW_ZONE_NONE;
    }

    wanted.len = flow_text_escape(room, wanted);
    wanted.data = room;
    hosts = flow_zone_hosts(zone);

    for (i = FLOW_ZONE_OTHER + 1; i < flow_zone_get(&zone->hosts); i++) {
        if (flow_state_is_string(zone, flow_zone_get(&hosts[i].name), wanted)
            && flow_state_is_used(zone, i))
        {
            return i;
        }
    }

    return FLOW_ZONE_NONE;
}


/* False for a host that has expired: its entry is there still. */

static bool
flow_state_is_used(const flow_zone_t *zone, uint32_t host)
{
    uint32_t              i;
    const flow_series_t  *series;

    series = flow_zone_series(zone);

    for (i = 0; i < flow_zone_get(&zone->series); i++) {
        if (flow_zone_get(&series[i].used) != 0
            && flow_zone_get(&series[i].host) == host)
        {
            return true;
        }
    }

    return flow_zone_get(&flow_zone_hosts(zone)[host].timestamp) != -1;
}


/* Closes the gaps that its series leave, and the one that it leaves itself. */

static flow_state_left_t
flow_state_remove_host(flow_zone_t *zone, uint32_t host)
{
    uint32_t           i, kept, count, of;
    flow_host_t       *hosts;
    flow_series_t     *series;
    flow_state_left_t  left = { 0, 0 };

    series = flow_zone_series(zone);
    count = flow_zone_get(&zone->series);
    kept = 0;

    for (i = 0; i < count; i++) {
        of = flow_zone_get(&series[i].host);

        /* a hole of one that has expired */

        if (i >= FLOW_DIRECTION_COUNT && !flow_zone_get(&series[i].used)) {
            continue;
        }

        if (of == host) {
            left.series++;
            left.bytes += flow_zone_get(&series[i].bytes);
            flow_state_leave(zone, &series[i]);
            continue;
        }

        if (of > host) {
            flow_zone_set(&series[i].host, of - 1);
        }

        memmove(&series[kept++], &series[i], sizeof(flow_series_t));
    }

    flow_zone_set(&zone->series, kept);

    hosts = flow_zone_hosts(zone);
    count = flow_zone_get(&zone->hosts) - 1;

    memmove(&hosts[host], &hosts[host + 1],
            (count - host) * sizeof(flow_host_t));

    flow_zone_set(&zone->hosts, count);

    return left;
}


/* What is shown and what has left are all that was counted. */

static void
flow_state_leave(flow_zone_t *zone, const flow_series_t *series)
{
    _Atomic uint64_t  *bytes;

    bytes = &zone->left_bytes[flow_zone_get(&series->direction)];

    flow_zone_set(bytes, flow_zone_get(bytes) + flow_zone_get(&series->bytes));
    flow_zone_set(&zone->left_series, flow_zone_get(&zone->left_series) + 1);
}


static bool
flow_state_is_string(const flow_zone_t *zone, uint32_t reference,
    flow_str_t string)
{
    flow_str_t  found;

    found = flow_zone_string(zone, reference);

    return found.len == string.len
           && memcmp(found.data, string.data, found.len) == 0;
}
