/*
 * Steps 1 to 6 over memory, without Kafka and nginx: messages that lie ready,
 * a zone, and the pipeline that takes one into the other.  For the programs
 * that measure core/ alone.
 */

#ifndef CORE_H
#define CORE_H

#include <stdlib.h>
#include <string.h>

#include "flow_pipeline.h"
#include "flow_render.h"
#include "flows.h"


#define CORE_BUFFER  65536


typedef struct {
    char            *text;        /* of all messages */
    size_t           bytes;
    flow_str_t      *messages;
    uint64_t         count;       /* of messages */
    uint64_t         records;
    int64_t          next;        /* offset of the first one */
} core_input_t;


typedef struct {
    flow_zone_t         *zone;
    flow_zone_writer_t  *writer;
    flow_pipeline_t     *pipeline;
    uint64_t             commits;
    uint64_t             log_bytes;    /* of the redo records */
    flow_str_t           record;       /* the last one */
} core_t;


static const uint32_t    core_own[] = { FLOWS_OWN_AS };
static const flow_str_t  core_topics[] = { flow_string("flows") };


static inline void
core_require(bool holds, const char *what, const char *why)
{
    if (!holds) {
        fprintf(stderr, "%s: %s\n", what, why);
        exit(1);
    }
}


/* Makes messages of "each" records; "count" is a multiple of it. */

static inline void
core_input_create(core_input_t *input, uint64_t count, uint32_t each,
    uint32_t series)
{
    uint64_t  i;

    input->records = count;
    input->count = count / each;
    input->bytes = 0;
    input->next = 0;
    input->text = malloc(count * FLOWS_RECORD_MAX);
    input->messages = calloc(input->count, sizeof(flow_str_t));

    core_require(input->text != NULL && input->messages != NULL, "messages",
                 "no memory");

    for (i = 0; i < input->count; i++) {
        input->messages[i].data = input->text + input->bytes;
        input->messages[i].len = flows_write_message(
            input->text + input->bytes, i * each, each, series);
        input->bytes += input->messages[i].len;
    }
}


static inline void
core_input_destroy(core_input_t *input)
{
    free(input->messages);
    free(input->text);
}


static inline void
core_invalid(void *data, const flow_message_t *message, flow_reason_e reason)
{
    (void) data;
    (void) message;

    core_require(reason == FLOW_REASON_COUNT, "message", "is invalid");
}


static inline flow_zone_t *
core_zone(size_t size)
{
    void  *memory;

    memory = aligned_alloc(4096, size);
    core_require(memory != NULL, "zone", "no memory");
    memset(memory, 0, size);

    return flow_zone_format(memory, size);
}


/* "names" may be NULL. */

static inline void
core_open(core_t *core, size_t size, const flow_names_t *names)
{
    flow_error_t          error;
    flow_pipeline_conf_t  conf = {
        .format = &flow_format_pmacct,
        .names = names,
        .own = { core_own, 1 },
        .topics = core_topics,
        .topic_count = 1,
        .invalid = core_invalid
    };

    memset(core, 0, sizeof(*core));

    core->zone = core_zone(size);
    core->writer = flow_zone_writer_create(core->zone, &error);
    core_require(core->writer != NULL, "writer", error.text);

    core->pipeline = flow_pipeline_create(&conf, core->writer, &error);
    core_require(core->pipeline != NULL, "pipeline", error.text);

    flow_pipeline_set_epoch(core->pipeline, 1, 1);
    core_require(flow_pipeline_begin(core->pipeline, 0, 0, 0, &error)
                 == FLOW_OK, "partition", error.text);
}


static inline void
core_close(core_t *core)
{
    flow_pipeline_destroy(core->pipeline);
    flow_zone_writer_destroy(core->writer);
    free(core->zone);
}


static inline void
core_commit(core_t *core)
{
    flow_publish_events_t  events;

    core_require(flow_pipeline_compose(core->pipeline, &core->record, &events)
                 == FLOW_OK && !events.zone_full, "compose", "no room");
    flow_pipeline_apply(core->pipeline);

    core->commits++;
    core->log_bytes += core->record.len;
}


/* Series that the last redo record touches. */

static inline size_t
core_touched(const core_t *core)
{
    flow_redo_walk_t  walk;

    flow_redo_walk(&walk, core->record.data);

    while (flow_redo_next(&walk) == FLOW_OK) {
        if (walk.kind == FLOW_REDO_BYTES) {
            return walk.length / sizeof(flow_redo_bytes_t);
        }
    }

    return 0;
}


/* Takes all messages; a batch ends when it is full, and at the end. */

static inline void
core_run(core_t *core, core_input_t *input)
{
    int             rc;
    uint64_t        i;
    flow_message_t  message = { .timestamp = 1764000000000 };

    for (i = 0; i < input->count; i++) {
        message.offset = input->next++;
        message.value = input->messages[i];

        rc = flow_pipeline_message(core->pipeline, &message);
        core_require(rc == FLOW_OK || rc == FLOW_AGAIN, "message",
                     "no memory");

        if (rc == FLOW_AGAIN) {
            core_commit(core);
        }
    }

    if (!flow_pipeline_is_empty(core->pipeline)) {
        core_commit(core);
    }
}


/* A whole scrape into one buffer after the other; returns its length. */

static inline uint64_t
core_render(const core_t *core)
{
    int                        rc;
    size_t                     written;
    uint64_t                   bytes = 0;
    flow_render_t              render;
    static char                buffer[CORE_BUFFER];
    static flow_render_conf_t  conf = {
        flow_string("default"), flow_string("0"), flow_string("0"),
        flow_string("0")
    };

    flow_render_start(&render, core->zone, &conf, true);

    do {
        rc = flow_render_fill(&render, buffer, sizeof(buffer), &written);
        core_require(rc != FLOW_ERROR, "render", "a line is too long");
        bytes += written;
    } while (rc == FLOW_AGAIN);

    return bytes;
}


#endif /* CORE_H */
