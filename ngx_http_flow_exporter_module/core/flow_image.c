/*
 * The zone as an image; see flow_image.h.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_zone_word.h"


/* The head of a section, and where its strings begin. */

#define FLOW_IMAGE_SECTION  (2 * sizeof(uint32_t) + sizeof(uint64_t))


#define flow_image_add(redo, kind, item)                                      \
    flow_redo_add(redo, kind, &(item), sizeof(item))


static size_t flow_image_size(const flow_zone_t *zone);
static void flow_image_add_counters(flow_redo_t *redo,
    const flow_zone_t *zone);
static void flow_image_add_topics(flow_redo_t *redo, const flow_zone_t *zone);
static void flow_image_add_partitions(flow_redo_t *redo,
    const flow_zone_t *zone);
static void flow_image_add_names(flow_redo_t *redo, const flow_zone_t *zone);
static uint32_t flow_image_name(const flow_zone_t *zone, uint32_t reference);
static void flow_image_add_series(flow_redo_t *redo, const flow_zone_t *zone);
static void flow_image_add_errors(flow_redo_t *redo, const flow_zone_t *zone);
static void flow_image_add_cluster(flow_redo_t *redo, const flow_zone_t *zone);


char *
flow_image_create(const flow_zone_t *zone)
{
    char             *memory;
    size_t            size;
    flow_redo_t       redo;
    flow_position_t   position;

    size = flow_image_size(zone);

    memory = malloc(size);
    if (memory == NULL) {
        return NULL;
    }

    flow_redo_begin(&redo, memory, size);

    flow_redo_add_strings(&redo, 0, flow_zone_arena(zone),
                          (size_t) flow_zone_get(&zone->string_bytes));
    flow_image_add_topics(&redo, zone);
    flow_image_add_partitions(&redo, zone);
    flow_image_add_names(&redo, zone);
    flow_image_add_series(&redo, zone);
    flow_image_add_counters(&redo, zone);
    flow_image_add_errors(&redo, zone);
    flow_image_add_cluster(&redo, zone);

    position = flow_journal_position(zone);

    if (flow_redo_end(&redo, FLOW_REDO_IMAGE, &position, &position) == 0) {
        free(memory);
        return NULL;
    }

    return memory;
}


static size_t
flow_image_size(const flow_zone_t *zone)
{
    size_t  counters, items, sections;

    counters = FLOW_COUNTER_END - FLOW_COUNTER_RECORDS;

    items = (size_t) flow_zone_get(&zone->string_bytes)
            + counters * sizeof(flow_redo_counter_t)
            + flow_zone_get(&zone->topics) * sizeof(flow_redo_topic_t)
            + flow_zone_get(&zone->partitions)
              * sizeof(flow_redo_partition_t)
            + flow_zone_get(&zone->hosts) * sizeof(flow_redo_host_t)
            + flow_zone_get(&zone->as_numbers) * sizeof(flow_redo_as_t)
            + flow_zone_get(&zone->series)
              * (sizeof(flow_redo_series_t) + sizeof(flow_redo_bytes_t))
            + flow_zone_get(&zone->errors) * sizeof(flow_redo_error_t)
            + sizeof(flow_redo_cluster_t);

    /* one of each kind, and more where one would be longer than it can be */

    sections = FLOW_REDO_KIND_END + items / (UINT32_MAX / 2);

    return FLOW_REDO_HEAD + sections * FLOW_IMAGE_SECTION + items;
}


static void
flow_image_add_counters(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t              id;
    flow_redo_counter_t   item;

    for (id = FLOW_COUNTER_RECORDS; id < FLOW_COUNTER_END; id++) {
        if (flow_zone_counter(zone, id) != NULL) {
            item.id = id;
            item.value = flow_zone_get(flow_zone_counter(zone, id));
            flow_image_add(redo, FLOW_REDO_COUNTERS, item);
        }
    }
}


static void
flow_image_add_topics(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t           i, k;
    flow_topic_t      *topics;
    flow_redo_topic_t  item;

    topics = flow_zone_topics(zone);

    for (i = 0; i < flow_zone_get(&zone->topics); i++) {
        item.index = i;
        item.name = flow_zone_get(&topics[i].name);
        item.partitions = flow_zone_get(&topics[i].partitions);
        item.seen_absent = flow_zone_get(&topics[i].seen_absent);

        for (k = 0; k < FLOW_MESSAGE_RESULT_COUNT; k++) {
            item.messages[k] = flow_zone_get(&topics[i].messages[k]);
        }

        item.message_bytes = flow_zone_get(&topics[i].message_bytes);
        item.gap_offsets = flow_zone_get(&topics[i].gap_offsets);
        item.skipped_offsets = flow_zone_get(&topics[i].skipped_offsets);
        item.duplicate_messages =
            flow_zone_get(&topics[i].duplicate_messages);

        flow_image_add(redo, FLOW_REDO_TOPICS, item);
    }
}


static void
flow_image_add_partitions(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t               i;
    flow_partition_t      *partitions;
    flow_redo_partition_t  item;

    partitions = flow_zone_partitions(zone);

    for (i = 0; i < flow_zone_get(&zone->partitions); i++) {
        item.index = i;
        item.topic = flow_zone_get(&partitions[i].topic);
        item.partition = flow_zone_get(&partitions[i].partition);
        item.checksum = flow_zone_get(&partitions[i].checksum);
        item.last = flow_zone_get(&partitions[i].last);
        item.timestamp = flow_zone_get(&partitions[i].timestamp);
        item.from = -1;
        item.to = flow_zone_get(&partitions[i].next_offset);

        flow_image_add(redo, FLOW_REDO_PARTITIONS, item);
    }
}


static void
flow_image_add_names(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t          i;
    flow_as_t        *numbers;
    flow_host_t      *hosts;
    flow_redo_as_t    number;
    flow_redo_host_t  host;

    hosts = flow_zone_hosts(zone);

    for (i = 0; i < flow_zone_get(&zone->hosts); i++) {
        host.index = i;
        host.name = flow_image_name(zone, flow_zone_get(&hosts[i].name));
        host.timestamp = flow_zone_get(&hosts[i].timestamp);
        flow_image_add(redo, FLOW_REDO_HOSTS, host);
    }

    numbers = flow_zone_as_numbers(zone);

    for (i = 0; i < flow_zone_get(&zone->as_numbers); i++) {
        number.index = i;
        number.number = flow_zone_get(&numbers[i].number);
        number.name = flow_image_name(zone, flow_zone_get(&numbers[i].name));
        flow_image_add(redo, FLOW_REDO_AS_NUMBERS, number);
    }
}


/*
 * An entry that is out of use may have a name that a record would have brought
 * which was never applied.
 */

static uint32_t
flow_image_name(const flow_zone_t *zone, uint32_t reference)
{
    return (uint64_t) reference * FLOW_ZONE_STRING_UNIT
           < flow_zone_get(&zone->string_bytes) ? reference : 0;
}


/*
 * A series without a value shows nothing: one of overflow, or a hole, in which
 * there may be what a record would have made of it that was never applied.
 */

static void
flow_image_add_series(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t            i;
    flow_series_t      *series;
    flow_redo_bytes_t   value;
    flow_redo_series_t  item;

    series = flow_zone_series(zone);

    for (i = 0; i < flow_zone_get(&zone->series); i++) {
        memset(&item, 0, sizeof(item));
        item.index = i;

        if (i < FLOW_DIRECTION_COUNT || flow_zone_get(&series[i].used)) {
            item.direction = flow_zone_get(&series[i].direction);
            item.source = flow_zone_get(&series[i].source);
            item.destination = flow_zone_get(&series[i].destination);
            item.host = flow_zone_get(&series[i].host);
        }

        flow_image_add(redo, FLOW_REDO_SERIES, item);
    }

    for (i = 0; i < flow_zone_get(&zone->series); i++) {
        if (flow_zone_get(&series[i].used)) {
            value.index = i;
            value.bytes = flow_zone_get(&series[i].bytes);
            flow_image_add(redo, FLOW_REDO_BYTES, value);
        }
    }
}


static void
flow_image_add_errors(flow_redo_t *redo, const flow_zone_t *zone)
{
    uint32_t           i;
    flow_redo_error_t  item;

    for (i = 0; i < flow_zone_get(&zone->errors); i++) {
        item.index = i;
        memcpy(item.name, zone->kafka_errors[i].name, sizeof(item.name));
        item.count = flow_zone_get(&zone->kafka_errors[i].count);
        flow_image_add(redo, FLOW_REDO_ERRORS, item);
    }
}


static void
flow_image_add_cluster(flow_redo_t *redo, const flow_zone_t *zone)
{
    flow_redo_cluster_t  item;

    memcpy(item.id, zone->cluster, sizeof(item.id));
    flow_image_add(redo, FLOW_REDO_CLUSTER, item);
}
