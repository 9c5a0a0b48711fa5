/*
 * Step 3: records -> sums of a batch, in private memory; see
 * flow_aggregate.h.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_aggregate.h"
#include "flow_text.h"


#define FLOW_BATCH_MESSAGES_FULL   100000

/* Indexes begin small, so that a batch of few series stays in the cache. */

#define FLOW_BATCH_INDEX             1024


static uint32_t flow_aggregate_host(flow_batch_t *batch, flow_str_t name);
static flow_sum_t *flow_aggregate_sum(flow_batch_t *batch,
    const flow_key_t *key);
static bool flow_aggregate_match_host(const void *table, uint32_t entry,
    const void *key);
static bool flow_aggregate_match_sum(const void *table, uint32_t entry,
    const void *key);


flow_batch_t *
flow_aggregate_create(uint32_t topic_count, const flow_batch_limits_t *limits)
{
    flow_batch_t  *batch;

    batch = calloc(1, sizeof(flow_batch_t));
    if (batch == NULL) {
        return NULL;
    }

    batch->limits = *limits;
    batch->sums = calloc(limits->sums, sizeof(flow_sum_t));
    batch->series = calloc(limits->sums, sizeof(uint32_t));
    batch->hosts = calloc(limits->hosts, sizeof(flow_batch_host_t));
    batch->host_bytes = malloc(limits->host_bytes);
    batch->topics = calloc(topic_count, sizeof(flow_topic_tally_t));
    batch->topic_count = topic_count;

    if (batch->sums == NULL
        || batch->series == NULL
        || batch->hosts == NULL
        || batch->host_bytes == NULL
        || batch->topics == NULL
        || flow_index_init(&batch->sum_index, FLOW_BATCH_INDEX) != FLOW_OK
        || flow_index_init(&batch->host_index, FLOW_BATCH_INDEX) != FLOW_OK)
    {
        flow_aggregate_destroy(batch);
        return NULL;
    }

    return batch;
}


void
flow_aggregate_destroy(flow_batch_t *batch)
{
    if (batch == NULL) {
        return;
    }

    flow_index_done(&batch->sum_index);
    flow_index_done(&batch->host_index);
    free(batch->advances);
    free(batch->topics);
    free(batch->host_bytes);
    free(batch->hosts);
    free(batch->series);
    free(batch->sums);
    free(batch);
}


void
flow_aggregate_add(flow_batch_t *batch, flow_direction_e direction,
    const flow_record_t *record, int64_t timestamp)
{
    flow_key_t   key;
    flow_sum_t  *sum;

    key.direction = direction;
    key.source_as = record->source_as;
    key.destination_as = record->destination_as;
    key.host = flow_aggregate_host(batch, record->hostname);

    sum = NULL;

    if (key.host != FLOW_INDEX_NONE) {
        if (timestamp > batch->hosts[key.host].timestamp) {
            batch->hosts[key.host].timestamp = timestamp;
        }

        sum = flow_aggregate_sum(batch, &key);
    }

    if (sum == NULL) {
        sum = &batch->overflow[direction];
    }

    sum->records++;
    sum->bytes += record->bytes;

    if (sum->bytes < record->bytes) {
        batch->wrapped = true;
    }
}


flow_advance_t *
flow_aggregate_advance(flow_batch_t *batch, uint32_t topic, int32_t partition,
    int64_t to)
{
    void            *grown;
    uint32_t         i, capacity;
    flow_advance_t  *advance;

    /* messages come in runs of one partition */

    i = batch->advance_last;

    if (i >= batch->advance_count
        || batch->advances[i].topic != topic
        || batch->advances[i].partition != partition)
    {
        for (i = 0; i < batch->advance_count; i++) {
            if (batch->advances[i].topic == topic
                && batch->advances[i].partition == partition)
            {
                break;
            }
        }
    }

    if (i == batch->advance_capacity) {
        capacity = batch->advance_capacity * 2 + 64;

        grown = realloc(batch->advances, capacity * sizeof(flow_advance_t));
        if (grown == NULL) {
            return NULL;
        }

        batch->advances = grown;
        batch->advance_capacity = capacity;
    }

    advance = &batch->advances[i];

    if (i == batch->advance_count) {
        batch->advance_count++;

        *advance = (flow_advance_t) {
            .topic = topic,
            .partition = partition,
            .last = -1
        };
    }

    advance->to = to;
    batch->advance_last = i;

    return advance;
}


bool
flow_aggregate_is_full(const flow_batch_t *batch)
{
    return batch->sum_count >= batch->limits.sums_full
           || batch->host_count >= batch->limits.hosts_full
           || batch->host_bytes_used >= batch->limits.host_bytes_full
           || batch->messages >= FLOW_BATCH_MESSAGES_FULL;
}


bool
flow_aggregate_is_empty(const flow_batch_t *batch)
{
    return batch->messages == 0 && batch->advance_count == 0;
}


void
flow_aggregate_reset(flow_batch_t *batch)
{
    flow_index_clear(&batch->sum_index);
    flow_index_clear(&batch->host_index);

    batch->sum_count = 0;
    batch->host_count = 0;
    batch->host_bytes_used = 0;
    batch->advance_count = 0;
    batch->advance_last = 0;
    batch->messages = 0;
    batch->wrapped = false;

    memset(batch->overflow, 0, sizeof(batch->overflow));
    memset(&batch->tally, 0, sizeof(batch->tally));
    memset(batch->topics, 0, batch->topic_count * sizeof(flow_topic_tally_t));
}


/* Returns the host's index in the batch, or FLOW_INDEX_NONE without room. */

static uint32_t
flow_aggregate_host(flow_batch_t *batch, flow_str_t name)
{
    char               *at;
    uint32_t            entry, hash;
    flow_batch_host_t  *host;

    hash = (uint32_t) flow_text_hash(name);

    entry = flow_index_find(&batch->host_index, hash,
                            flow_aggregate_match_host, batch->hosts, &name);
    if (entry != FLOW_INDEX_NONE) {
        return entry;
    }

    entry = batch->host_count;

    if (entry == batch->limits.hosts
        || name.len > batch->limits.host_bytes - batch->host_bytes_used
        || flow_index_add(&batch->host_index, hash, entry) != FLOW_OK)
    {
        return FLOW_INDEX_NONE;
    }

    at = batch->host_bytes + batch->host_bytes_used;

    if (name.len != 0) {
        memcpy(at, name.data, name.len);
    }

    batch->host_bytes_used += name.len;

    host = &batch->hosts[entry];
    host->name.len = name.len;
    host->name.data = at;
    host->timestamp = -1;

    batch->host_count++;

    return entry;
}


/* Returns the sum of the key, or NULL without room. */

static flow_sum_t *
flow_aggregate_sum(flow_batch_t *batch, const flow_key_t *key)
{
    uint32_t     entry, hash;
    flow_sum_t  *sum;

    hash = flow_index_hash((uint64_t) key->source_as << 32
                           | key->destination_as,
                           (uint64_t) key->host << 2 | key->direction);

    entry = flow_index_find(&batch->sum_index, hash, flow_aggregate_match_sum,
                            batch->sums, key);
    if (entry != FLOW_INDEX_NONE) {
        return &batch->sums[entry];
    }

    entry = batch->sum_count;

    if (entry == batch->limits.sums
        || flow_index_add(&batch->sum_index, hash, entry) != FLOW_OK)
    {
        return NULL;
    }

    sum = &batch->sums[entry];
    sum->key = *key;
    sum->bytes = 0;
    sum->records = 0;

    batch->sum_count++;

    return sum;
}


static bool
flow_aggregate_match_host(const void *table, uint32_t entry, const void *key)
{
    const flow_str_t         *name = key;
    const flow_batch_host_t  *hosts = table;

    return hosts[entry].name.len == name->len
           && (name->len == 0
               || memcmp(hosts[entry].name.data, name->data, name->len) == 0);
}


static bool
flow_aggregate_match_sum(const void *table, uint32_t entry, const void *key)
{
    const flow_key_t  *wanted = key;
    const flow_sum_t  *sums = table;

    return sums[entry].key.source_as == wanted->source_as
           && sums[entry].key.destination_as == wanted->destination_as
           && sums[entry].key.host == wanted->host
           && sums[entry].key.direction == wanted->direction;
}
