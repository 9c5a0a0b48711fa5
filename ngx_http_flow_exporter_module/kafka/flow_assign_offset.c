/*
 * Between step 0 and step 1: from where a partition is consumed.
 *
 * Kafka may say that the next offset is not there.  A broker that has just
 * taken a partition over, and is behind, may say so for a moment: therefore
 * the partition's bounds are asked for before anything is given up.  An
 * offset below the first is lost; one beyond the end is tried again for some
 * seconds, for it could be counted twice.  Then the partition goes on by the
 * start policy; one that is not the same any more (flow_assign_verify.c), of a
 * topic that was seen absent, at its beginning.
 */

#include <inttypes.h>

#include "flow_assignment.h"


/* Looks, further and further apart, at an offset beyond the end. */

#define FLOW_ASSIGN_LOOKS  5


static void flow_assign_first(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset, int64_t low);
static void flow_assign_again(flow_assign_t *assign, uint32_t topic,
    int32_t partition);
static void flow_assign_look(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset, int64_t low, int64_t high);
static void flow_assign_anew(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset, const char *why);
static int flow_assign_begin(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset);
static void flow_assign_consume(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset, const char *why);
static void flow_assign_say(flow_assign_t *assign, uint32_t topic,
    int32_t partition, int64_t offset, const char *why);


/* Metadata names a partition that is to be consumed. */

void
flow_assign_consider(flow_assign_t *assign, uint32_t topic, int32_t partition)
{
    int64_t                    next;
    flow_start_t               start = assign->conf.start;
    flow_assign_topic_t       *state = &assign->topics[topic];
    flow_assign_partition_t   *found = &state->partitions[partition];

    if (found->state != FLOW_ASSIGN_IDLE) {
        return;
    }

    next = flow_pipeline_next_offset(assign->pipeline, topic, partition);

    if (next >= 0) {
        flow_pipeline_take(assign->pipeline, topic, partition);
        flow_assign_say(assign, topic, partition, next, "stored offset");
        flow_assign_resume(assign, topic, partition, 0);
        return;
    }

    found->state = FLOW_ASSIGN_RESOLVING;
    found->added = flow_pipeline_is_new(assign->pipeline, topic, partition);

    if (found->added) {
        state->added++;

        /* what is new to this instance may be old to another one */

        if (start.policy != FLOW_START_COMMITTED) {
            start.policy = FLOW_START_EARLIEST;
        }
    }

    flow_consume_resolve(assign->consumer, topic, partition, &start);
}


void
flow_assign_resolved(void *data, uint32_t topic, int32_t partition,
    int64_t offset, int64_t low, int64_t high)
{
    flow_assign_t            *assign = data;
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];
    found->goal = high;

    if (found->state == FLOW_ASSIGN_RESOLVING) {
        flow_assign_first(assign, topic, partition, offset, low);

    } else if (found->state != FLOW_ASSIGN_LOOKING) {
        return;

    } else if (flow_pipeline_next_offset(assign->pipeline, topic, partition)
               == -1)
    {
        flow_assign_again(assign, topic, partition);

    } else {
        flow_assign_look(assign, topic, partition, offset, low, high);
    }
}


/* The first offset of a partition. */

static void
flow_assign_first(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset, int64_t low)
{
    bool                   added;
    const char            *why;
    flow_assign_topic_t   *state = &assign->topics[topic];

    static const char *const  reasons[] = {
        [FLOW_START_LATEST] = "the newest",
        [FLOW_START_EARLIEST] = "the oldest",
        [FLOW_START_TIME] = "the first since the start time",
        [FLOW_START_COMMITTED] = "committed in Kafka"
    };

    added = state->partitions[partition].added;
    why = reasons[assign->conf.start.policy];

    if (offset == -1) {

        /* nothing is left out that perhaps nobody has counted */

        offset = low;
        why = "the oldest: nothing is committed in Kafka";

    } else if (added && assign->conf.start.policy != FLOW_START_COMMITTED) {
        why = "its beginning: it is new";
    }

    if (flow_assign_begin(assign, topic, partition, offset) == FLOW_OK) {
        flow_assign_consume(assign, topic, partition, offset, why);
    }

    if (added) {
        state->added--;
        flow_assign_note_count(assign, topic);
    }
}


void
flow_assign_note_count(flow_assign_t *assign, uint32_t topic)
{
    flow_assign_topic_t  *state = &assign->topics[topic];

    if (state->added == 0) {
        flow_pipeline_topic(assign->pipeline, topic, state->count);
    }
}


void
flow_assign_stopped(void *data, uint32_t topic, int32_t partition,
    bool out_of_range)
{
    flow_start_t              start;
    flow_assign_t            *assign = data;
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];

    if (!out_of_range) {
        found->state = FLOW_ASSIGN_IDLE;
        found->other = false;

        /* until the metadata that follow tell again */

        assign->topics[topic].told = false;
        return;
    }

    if (flow_pipeline_next_offset(assign->pipeline, topic, partition) == -1) {
        flow_assign_again(assign, topic, partition);
        return;
    }

    found->state = FLOW_ASSIGN_LOOKING;

    /* what is committed in Kafka is not beyond the offset that is gone */

    start = assign->conf.start;

    if (start.policy == FLOW_START_COMMITTED) {
        start.policy = FLOW_START_EARLIEST;
    }

    flow_consume_resolve(assign->consumer, topic, partition, &start);
}


/* The offset was forgotten since the partition began to be consumed. */

static void
flow_assign_again(flow_assign_t *assign, uint32_t topic, int32_t partition)
{
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];
    found->state = FLOW_ASSIGN_IDLE;
    found->other = false;

    flow_assign_consider(assign, topic, partition);
}


/* The second look at a partition whose next offset is said to be gone. */

static void
flow_assign_look(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset, int64_t low, int64_t high)
{
    int64_t                    next;
    const char                *name = assign->conf.consumer.topics[topic];
    flow_assign_partition_t   *found;

    found = &assign->topics[topic].partitions[partition];
    next = flow_pipeline_next_offset(assign->pipeline, topic, partition);

    found->looks = found->looked_at == next ? found->looks + 1 : 1;
    found->looked_at = next;

    if (!found->other && next >= low
        && (next <= high || found->looks < FLOW_ASSIGN_LOOKS))
    {
        if (next <= high && found->looks == 1) {
            flow_assign_say(assign, topic, partition, next,
                            "there at a second look");
        }

        flow_assign_resume(assign, topic, partition, low);
        return;
    }

    if (next < low && !found->other) {
        flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: topic \"%s\" "
                         "partition %d: offsets %" PRId64 " to %" PRId64
                         " are left out, Kafka has deleted up to %" PRId64,
                         name, (int) partition, next, offset - 1, low - 1);

        flow_assign_anew(assign, topic, partition, offset,
                         "by the start policy");
        return;
    }

    if (!found->other) {
        flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: topic \"%s\" "
                         "partition %d: next offset %" PRId64 " lies beyond "
                         "the end %" PRId64 ", the topic was created anew or "
                         "cut off", name, (int) partition, next, high);
    }

    found->other = false;

    if (flow_pipeline_was_absent(assign->pipeline, topic)) {
        flow_assign_anew(assign, topic, partition, low,
                         "its beginning: it is new");

    } else {
        flow_assign_anew(assign, topic, partition, offset,
                         "by the start policy");
    }
}


static void
flow_assign_anew(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset, const char *why)
{
    if (flow_assign_begin(assign, topic, partition, offset) == FLOW_OK) {
        flow_assign_consume(assign, topic, partition, offset, why);
    }
}


static int
flow_assign_begin(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset)
{
    flow_error_t  error;

    if (flow_pipeline_begin(assign->pipeline, topic, partition, offset,
                            &error)
        == FLOW_OK)
    {
        flow_pipeline_take(assign->pipeline, topic, partition);
        return FLOW_OK;
    }

    assign->topics[topic].partitions[partition].state = FLOW_ASSIGN_REFUSED;

    flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: topic \"%s\" partition "
                     "%d is not consumed: %s",
                     assign->conf.consumer.topics[topic], (int) partition,
                     error.text);

    return FLOW_ERROR;
}


static void
flow_assign_consume(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset, const char *why)
{
    assign->topics[topic].partitions[partition].state = FLOW_ASSIGN_CONSUMED;

    flow_assign_say(assign, topic, partition, offset, why);
    flow_consume_start(assign->consumer, topic, partition, offset);
}


static void
flow_assign_say(flow_assign_t *assign, uint32_t topic, int32_t partition,
    int64_t offset, const char *why)
{
    flow_assign_line(assign, FLOW_LOG_NOTICE, "kafka: topic \"%s\" partition "
                     "%d is consumed from offset %" PRId64 ", %s",
                     assign->conf.consumer.topics[topic], (int) partition,
                     offset, why);
}
