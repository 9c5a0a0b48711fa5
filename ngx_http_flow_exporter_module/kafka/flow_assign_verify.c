/*
 * Between step 0 and step 1: whether a topic is still the one whose offsets
 * are stored.
 *
 * A topic that was deleted and created again, or another cluster behind the
 * same address, has other messages at the same offsets.  So a partition is
 * consumed from the last message that was counted, which is compared and left
 * out.
 */

#include <inttypes.h>

#include "flow_assignment.h"


static void flow_assign_reject(flow_assign_t *assign, uint32_t topic,
    int32_t partition);
static void flow_assign_accept(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t last);


void
flow_assign_resume(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t low)
{
    int64_t                   last, offset;
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];
    last = flow_pipeline_last_offset(assign->pipeline, topic, partition);

    if (last >= low && last != -1) {
        found->state = FLOW_ASSIGN_VERIFYING;
        offset = last;

    } else {
        found->state = FLOW_ASSIGN_CONSUMED;
        offset = flow_pipeline_next_offset(assign->pipeline, topic,
                                           partition);
    }

    flow_consume_start(assign->consumer, topic, partition, offset);
}


int
flow_assign_verify(flow_assign_t *assign, const flow_message_t *message)
{
    int64_t                   last;
    flow_assign_partition_t  *found;

    found = &assign->topics[message->topic].partitions[message->partition];
    last = flow_pipeline_last_offset(assign->pipeline, message->topic,
                                     message->partition);

    if (message->offset < last) {
        return FLOW_DECLINED;
    }

    if (message->offset > last) {
        flow_assign_accept(assign, message->topic, message->partition, last);
        return FLOW_OK;
    }

    if (flow_pipeline_is_last(assign->pipeline, message)) {
        found->state = FLOW_ASSIGN_CONSUMED;

    } else {
        flow_assign_reject(assign, message->topic, message->partition);
    }

    return FLOW_DECLINED;
}


void
flow_assign_verify_end(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t end)
{
    int64_t  last;

    last = flow_pipeline_last_offset(assign->pipeline, topic, partition);

    if (end > last) {
        flow_assign_accept(assign, topic, partition, last);
    }
}


static void
flow_assign_reject(flow_assign_t *assign, uint32_t topic, int32_t partition)
{
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];
    found->state = FLOW_ASSIGN_REJECTED;
    found->other = true;

    flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: topic \"%s\" partition "
                     "%d: the record at offset %" PRId64 " is not the one that "
                     "was counted, the topic was created anew",
                     assign->conf.consumer.topics[topic], (int) partition,
                     flow_pipeline_last_offset(assign->pipeline, topic,
                                               partition));

    flow_consume_reject(assign->consumer, topic, partition);
}


/* Compaction may have taken the message away. */

static void
flow_assign_accept(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t last)
{
    assign->topics[topic].partitions[partition].state = FLOW_ASSIGN_CONSUMED;

    flow_assign_line(assign, FLOW_LOG_NOTICE, "kafka: topic \"%s\" partition "
                     "%d: the record at offset %" PRId64 " is not there any "
                     "more, taken for the same topic",
                     assign->conf.consumer.topics[topic], (int) partition,
                     last);
}
