/*
 * Between step 0 and step 1: which partitions are consumed.  Hands the
 * messages on, and what else comes from the consumer.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow_assignment.h"
#include "flow_text.h"


static bool flow_assign_refresh_end(flow_assign_t *assign, uint32_t topic,
    int32_t partition);
static bool flow_assign_is_passed(const flow_assign_t *assign, uint32_t topic,
    int32_t partition);
static int flow_assign_message(void *data, const flow_message_t *message);
static int flow_assign_end(void *data, uint32_t topic, int32_t partition,
    int64_t end);
static void flow_assign_topic(void *data, uint32_t topic, int32_t partitions);
static void flow_assign_warn(flow_assign_t *assign, uint32_t topic,
    int32_t count);
static int flow_assign_grow(flow_assign_topic_t *topic, int32_t count);
static void flow_assign_error(void *data, const char *name);
static void flow_assign_connected(void *data, bool connected);
static void flow_assign_log(void *data, flow_log_e level, const char *text);


static const flow_consume_handler_t  flow_assign_handler = {
    .message = flow_assign_message,
    .end = flow_assign_end,
    .topic = flow_assign_topic,
    .resolved = flow_assign_resolved,
    .stopped = flow_assign_stopped,
    .cluster = flow_assign_cluster,
    .committed = flow_assign_committed,
    .error = flow_assign_error,
    .connected = flow_assign_connected,
    .log = flow_assign_log
};


flow_assign_t *
flow_assign_create(const flow_assign_conf_t *conf, flow_pipeline_t *pipeline,
    flow_error_t *error)
{
    flow_assign_t  *assign;

    assign = calloc(1, sizeof(flow_assign_t));

    if (assign == NULL) {
        flow_error_set(error, "no memory for the assignment");
        return NULL;
    }

    assign->conf = *conf;
    assign->pipeline = pipeline;
    assign->topics = calloc(conf->consumer.topic_count,
                            sizeof(flow_assign_topic_t));

    if (assign->topics == NULL || flow_assign_forget(assign) != FLOW_OK) {
        flow_error_set(error, "no memory for the assignment");

    } else {
        assign->consumer = flow_consume_create(&conf->consumer,
                                               &flow_assign_handler, assign,
                                               error);
    }

    if (assign->consumer == NULL) {
        free(assign->topics);
        free(assign);
        return NULL;
    }

    return assign;
}


void
flow_assign_close(flow_assign_t *assign)
{
    uint32_t  i;

    flow_consume_close(assign->consumer);

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        free(assign->topics[i].partitions);
    }

    free(assign->topics);
    free(assign);
}


int
flow_assign_descriptor(const flow_assign_t *assign)
{
    return flow_consume_descriptor(assign->consumer);
}


int
flow_assign_poll(flow_assign_t *assign, uint32_t limit)
{
    return flow_consume_poll(assign->consumer, limit);
}


bool
flow_assign_refresh_ends(flow_assign_t *assign)
{
    bool                  seen = true;
    int32_t               p;
    uint32_t              i;
    flow_assign_topic_t  *topic;

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        topic = &assign->topics[i];
        seen = seen && topic->told;

        for (p = 0; p < topic->capacity; p++) {
            seen = flow_assign_refresh_end(assign, i, p) && seen;
        }
    }

    return seen;
}


static bool
flow_assign_refresh_end(flow_assign_t *assign, uint32_t topic,
    int32_t partition)
{
    int64_t                   before;
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];

    if (found->state != FLOW_ASSIGN_CONSUMED) {
        found->end = -1;
        return found->state == FLOW_ASSIGN_IDLE
               || found->state == FLOW_ASSIGN_REFUSED;
    }

    before = found->end;
    found->end = flow_consume_end_offset(assign->consumer, topic, partition);

    if (found->end >= 0) {
        if (found->goal == -1) {
            found->goal = found->end;
        }

        flow_pipeline_set_end(assign->pipeline, topic, partition, found->end);
    }

    return before >= 0
           && flow_pipeline_next_offset(assign->pipeline, topic, partition)
              >= before;
}


bool
flow_assign_is_caught_up(const flow_assign_t *assign)
{
    int32_t                     p;
    uint32_t                    i;
    const flow_assign_topic_t  *topic;

    for (i = 0; i < assign->conf.consumer.topic_count; i++) {
        topic = &assign->topics[i];

        if (!topic->told) {
            return false;
        }

        for (p = 0; p < topic->capacity; p++) {
            if (!flow_assign_is_passed(assign, i, p)) {
                return false;
            }
        }
    }

    return true;
}


/*
 * Either its end was reached, which a partition that always has a record more
 * does not tell, or the end that it had when it began to be consumed.
 */

static bool
flow_assign_is_passed(const flow_assign_t *assign, uint32_t topic,
    int32_t partition)
{
    const flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];

    if (found->state == FLOW_ASSIGN_IDLE
        || found->state == FLOW_ASSIGN_REFUSED
        || flow_pipeline_is_caught_up(assign->pipeline, topic, partition))
    {
        return true;
    }

    return found->goal != -1
           && flow_pipeline_next_offset(assign->pipeline, topic, partition)
              >= found->goal;
}


static int
flow_assign_message(void *data, const flow_message_t *message)
{
    flow_assign_t            *assign = data;
    flow_assign_partition_t  *found;

    found = &assign->topics[message->topic].partitions[message->partition];

    /* what is left of a partition that was stopped comes again, if at all */

    if (found->state != FLOW_ASSIGN_CONSUMED
        && (found->state != FLOW_ASSIGN_VERIFYING
            || flow_assign_verify(assign, message) != FLOW_OK))
    {
        return FLOW_OK;
    }

    return flow_pipeline_message(assign->pipeline, message);
}


static int
flow_assign_end(void *data, uint32_t topic, int32_t partition, int64_t end)
{
    flow_assign_t            *assign = data;
    flow_assign_partition_t  *found;

    found = &assign->topics[topic].partitions[partition];

    if (found->state == FLOW_ASSIGN_VERIFYING) {
        flow_assign_verify_end(assign, topic, partition, end);

    } else if (found->state != FLOW_ASSIGN_CONSUMED) {
        return FLOW_OK;
    }

    return flow_pipeline_end(assign->pipeline, topic, partition, end);
}


static void
flow_assign_topic(void *data, uint32_t topic, int32_t partitions)
{
    int32_t               p;
    flow_assign_t        *assign = data;
    flow_assign_topic_t  *state = &assign->topics[topic];

    if (flow_assign_grow(state, partitions) != FLOW_OK) {
        flow_assign_line(assign, FLOW_LOG_ERROR, "kafka: no memory for %d "
                         "partitions of topic \"%s\"", (int) partitions,
                         assign->conf.consumer.topics[topic]);
        return;
    }

    state->count = partitions;
    state->told = true;

    if (partitions > 0) {
        flow_assign_warn(assign, topic, partitions);
    }

    for (p = 0; p < partitions; p++) {
        if (flow_assign_is_ours(assign, topic, p)) {
            flow_assign_consider(assign, topic, p);
        }
    }

    flow_assign_note_count(assign, topic);
}


static int
flow_assign_grow(flow_assign_topic_t *topic, int32_t count)
{
    flow_assign_partition_t  *partitions;

    if (count <= topic->capacity) {
        return FLOW_OK;
    }

    partitions = realloc(topic->partitions,
                         (size_t) count * sizeof(flow_assign_partition_t));

    if (partitions == NULL) {
        return FLOW_ERROR;
    }

    topic->partitions = partitions;

    while (topic->capacity < count) {
        partitions[topic->capacity++] = (flow_assign_partition_t) {
            .goal = -1,
            .end = -1,
            .looked_at = -1,
            .committed = -1
        };
    }

    return FLOW_OK;
}


/* Listed partitions that are not there: once for a topic. */

static void
flow_assign_warn(flow_assign_t *assign, uint32_t topic, int32_t count)
{
    uint32_t  i;

    if (assign->topics[topic].warned) {
        return;
    }

    for (i = 0; i < assign->conf.partition_count; i++) {
        if (assign->conf.partitions[i] < count) {
            continue;
        }

        assign->topics[topic].warned = true;

        flow_assign_line(assign, FLOW_LOG_WARNING, "kafka: topic \"%s\" has "
                         "no partition %d, only %d partition%s",
                         assign->conf.consumer.topics[topic],
                         (int) assign->conf.partitions[i], (int) count,
                         count == 1 ? "" : "s");
    }
}


static void
flow_assign_error(void *data, const char *name)
{
    flow_assign_t  *assign = data;

    assign->conf.error(assign->conf.data, name);
}


static void
flow_assign_connected(void *data, bool connected)
{
    flow_assign_t  *assign = data;

    assign->conf.connected(assign->conf.data, connected);
}


static void
flow_assign_log(void *data, flow_log_e level, const char *text)
{
    flow_assign_t  *assign = data;

    assign->conf.log(assign->conf.data, level, text);
}


void
flow_assign_line(flow_assign_t *assign, flow_log_e level, const char *format,
    ...)
{
    char     line[1024];
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(line, sizeof(line), format, args);
    va_end(args);

    assign->conf.log(assign->conf.data, level, line);
}
