/*
 * Between step 0 and step 1: which partitions are this instance's, and what
 * others learn of them through Kafka.
 *
 * Of n instances, number i takes the partitions p of a topic with
 *
 *      (p + CRC-32 of the topic's name) mod n = i
 *
 * where the sum has 64 bits and the CRC is that of zlib: topics with few
 * partitions begin at different instances.  Ownership is configuration; Kafka
 * only carries offsets from one owner to the next.
 */

#include <inttypes.h>
#include <string.h>

#include "flow_assignment.h"
#include "flow_text.h"


/*
 * Kafka forgets what was committed for a group without members, after seven
 * days by default: once an hour all is committed again.  Milliseconds.
 */

#define FLOW_ASSIGN_COMMIT_ALL  (3600 * 1000)


static bool flow_assign_is_listed(const flow_assign_t *assign,
    int32_t partition);
static void flow_assign_anew_all(flow_assign_t *assign);
static uint32_t flow_assign_unknown(const flow_assign_t *assign);
static uint32_t flow_assign_stage(flow_assign_t *assign);
static bool flow_assign_is_behind(const flow_assign_t *assign, uint32_t topic,
    int32_t partition);


bool
flow_assign_is_ours(const flow_assign_t *assign, uint32_t topic,
    int32_t partition)
{
    uint64_t     shift;
    const char  *name = assign->conf.consumer.topics[topic];

    if (!flow_assign_is_listed(assign, partition)) {
        return false;
    }

    if (assign->conf.members <= 1) {
        return true;
    }

    shift = flow_text_checksum(name, strlen(name));

    return ((uint64_t) partition + shift) % assign->conf.members
           == assign->conf.member;
}


static bool
flow_assign_is_listed(const flow_assign_t *assign, int32_t partition)
{
    uint32_t  i;

    for (i = 0; i < assign->conf.partition_count; i++) {
        if (assign->conf.partitions[i] == partition) {
            return true;
        }
    }

    return assign->conf.partition_count == 0;
}


int
flow_assign_forget(flow_assign_t *assign)
{
    int32_t   p;
    uint32_t  i;

    if (assign->conf.start.policy != FLOW_START_COMMITTED) {
        return FLOW_OK;
    }

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        for (p = 0; p < flow_pipeline_partitions(assign->pipeline, i); p++) {
            if (flow_assign_is_ours(assign, i, p)
                || flow_pipeline_next_offset(assign->pipeline, i, p) == -1)
            {
                continue;
            }

            flow_assign_line(assign, FLOW_LOG_NOTICE, "kafka: topic \"%s\" "
                             "partition %d is consumed no longer, its offset "
                             "%" PRId64 " is forgotten",
                             assign->conf.consumer.topics[i], (int) p,
                             flow_pipeline_next_offset(assign->pipeline, i,
                                                       p));

            if (flow_pipeline_forget(assign->pipeline, i, p) != FLOW_OK) {
                return FLOW_ERROR;
            }
        }
    }

    flow_pipeline_forget_others(assign->pipeline);

    return FLOW_OK;
}


/* Offsets of one cluster mean nothing in another. */

int
flow_assign_cluster(void *data, const char *id)
{
    bool            known;
    const char     *stored;
    flow_assign_t  *assign = data;

    stored = flow_pipeline_cluster(assign->pipeline);

    if (strcmp(stored, id) == 0) {
        return FLOW_OK;
    }

    known = stored[0] != '\0';

    if (known) {
        flow_assign_line(assign, FLOW_LOG_WARNING, "kafka: the brokers are of "
                         "cluster \"%s\", the stored offsets of cluster "
                         "\"%s\": all partitions start anew", id, stored);
    }

    if (flow_pipeline_set_cluster(assign->pipeline, id) != FLOW_OK) {
        return FLOW_ERROR;
    }

    if (known) {
        flow_assign_anew_all(assign);
    }

    return FLOW_OK;
}


/*
 * Those that are consumed have to be stopped first.  For the others an answer
 * is on its way, or metadata will name them.
 */

static void
flow_assign_anew_all(flow_assign_t *assign)
{
    int32_t                   p;
    uint32_t                  i;
    flow_assign_partition_t  *found;

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        for (p = 0; p < assign->topics[i].capacity; p++) {
            found = &assign->topics[i].partitions[p];

            if (found->state == FLOW_ASSIGN_CONSUMED
                || found->state == FLOW_ASSIGN_VERIFYING)
            {
                found->state = FLOW_ASSIGN_REJECTED;
                flow_consume_reject(assign->consumer, i, p);
            }
        }
    }
}


void
flow_assign_commit(flow_assign_t *assign)
{
    if (assign->conf.consumer.group != NULL
        && !flow_consume_is_committing(assign->consumer))
    {
        (void) flow_assign_stage(assign);
        flow_consume_commit(assign->consumer);
    }
}


void
flow_assign_commit_last(flow_assign_t *assign, int64_t milliseconds)
{
    int64_t   until;
    uint32_t  left;

    if (assign->conf.consumer.group == NULL) {
        return;
    }

    until = flow_consume_clock() + milliseconds;

    flow_consume_settle(assign->consumer, until - flow_consume_clock());

    /* another process may have committed what was on its way for long */

    assign->committed_all = flow_consume_clock() - FLOW_ASSIGN_COMMIT_ALL;

    flow_assign_commit(assign);
    flow_consume_settle(assign->consumer, until - flow_consume_clock());

    left = flow_assign_stage(assign) + flow_assign_unknown(assign);

    if (left != 0) {
        flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: the last offsets of "
                         "%u partition%s are not committed for group \"%s\"",
                         (unsigned) left, left == 1 ? "" : "s",
                         assign->conf.consumer.group);
    }
}


/* How many partitions have an offset, but Kafka has not told of them yet. */

static uint32_t
flow_assign_unknown(const flow_assign_t *assign)
{
    int32_t   p, count;
    uint32_t  i, unknown = 0;

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        count = flow_pipeline_partitions(assign->pipeline, i);

        for (p = assign->topics[i].capacity; p < count; p++) {
            unknown += flow_assign_is_ours(assign, i, p)
                       && flow_pipeline_stored_offset(assign->pipeline, i, p)
                          != -1;
        }
    }

    return unknown;
}


/* Returns how many partitions are not committed as the zone has them. */

static uint32_t
flow_assign_stage(flow_assign_t *assign)
{
    bool      all;
    int32_t   p;
    int64_t   now;
    uint32_t  i, count = 0;

    now = flow_consume_clock();
    all = now - assign->committed_all >= FLOW_ASSIGN_COMMIT_ALL;
    assign->committed_all = all ? now : assign->committed_all;

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        for (p = 0; p < assign->topics[i].capacity; p++) {
            if (all) {
                assign->topics[i].partitions[p].committed = -1;
            }

            if (flow_assign_is_behind(assign, i, p)) {
                flow_consume_stage(assign->consumer, i, p,
                                   flow_pipeline_stored_offset(
                                       assign->pipeline, i, p));
                count++;
            }
        }
    }

    return count;
}


static bool
flow_assign_is_behind(const flow_assign_t *assign, uint32_t topic,
    int32_t partition)
{
    int64_t                         stored;
    const flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];
    stored = flow_pipeline_stored_offset(assign->pipeline, topic, partition);

    return flow_assign_is_ours(assign, topic, partition)
           && found->state != FLOW_ASSIGN_REJECTED
           && !found->other
           && stored != -1
           && stored != found->committed;
}


void
flow_assign_committed(void *data, uint32_t topic, int32_t partition,
    int64_t offset)
{
    flow_assign_t  *assign = data;

    assign->topics[topic].partitions[partition].committed = offset;
}
