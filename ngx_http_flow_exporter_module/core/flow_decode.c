/*
 * Step 1: the bytes of a message -> flow records, or reasons.
 *
 * yajl reads the JSON and calls back at each value; one handle serves the
 * stream of messages.  A message is read in a single piece, or, where it is
 * broken, in pieces that begin at a line each.
 *
 *   depth   0  {"as_src": 1, "x": {"as_src": 2}, "bytes": 3}    base 0
 *           1   ^ keys with a role    ^ no role: not the record's own
 *
 *   depth   0  [ {"as_src": 1, "bytes": 3}, {"as_src": 4} ]     base 1
 *           1    ^ elements
 *           2     ^ keys with a role
 */

#include "flow_decode.h"
#include "flow_fields.h"
#include "flow_room.h"

#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>


/* Messages up to this length never make the decoder's memory grow. */

#define FLOW_DECODE_USUAL_LEN  16384


struct flow_decoder_s {
    const flow_format_t          *format;
    const flow_decode_handler_t  *handler;
    void                         *data;
    uint64_t                      lengths;   /* of keys with a role, as bits */
    yajl_handle                   handle;
    flow_room_t                   room;      /* all memory of the handle */

    /* place in the piece that is read */
    uint32_t                      depth;     /* objects and arrays open */
    uint32_t                      base;      /* depth of the elements */
    flow_role_e                   role;      /* of the value to come */
    bool                          too_deep;
    size_t                        end;       /* of the last whole element */

    flow_fields_t                 fields;    /* of the record that is read */
};


static int flow_decode_reserve(flow_decoder_t *decoder, size_t len);
static void flow_decode_renew(flow_decoder_t *decoder);
static int flow_decode_piece(flow_decoder_t *decoder, flow_str_t piece);
static flow_str_t flow_decode_next_piece(flow_str_t piece, size_t end);
static size_t flow_decode_skip_space(flow_str_t piece, size_t start);

static int flow_decode_null(void *ctx);
static int flow_decode_boolean(void *ctx, int value);
static int flow_decode_number(void *ctx, const char *data, size_t len);
static int flow_decode_string(void *ctx, const unsigned char *data,
    size_t len);
static int flow_decode_start_map(void *ctx);
static int flow_decode_map_key(void *ctx, const unsigned char *data,
    size_t len);
static int flow_decode_end_map(void *ctx);
static int flow_decode_start_array(void *ctx);
static int flow_decode_end_array(void *ctx);

static int flow_decode_scalar(flow_decoder_t *decoder, flow_field_e kind,
    flow_str_t text);
static int flow_decode_open(flow_decoder_t *decoder);
static void flow_decode_end_element(flow_decoder_t *decoder);

static void flow_decode_set(flow_decoder_t *decoder, flow_field_e kind,
    flow_str_t text);
static void flow_decode_end_record(flow_decoder_t *decoder);


static const flow_str_t      flow_decode_no_text = flow_string("");

static const yajl_callbacks  flow_decode_callbacks = {
    .yajl_null = flow_decode_null,
    .yajl_boolean = flow_decode_boolean,
    .yajl_number = flow_decode_number,
    .yajl_string = flow_decode_string,
    .yajl_start_map = flow_decode_start_map,
    .yajl_map_key = flow_decode_map_key,
    .yajl_end_map = flow_decode_end_map,
    .yajl_start_array = flow_decode_start_array,
    .yajl_end_array = flow_decode_end_array
};


/* A bit for the length of a key; lengths of 64 and more share bits. */

static inline uint64_t
flow_decode_length(flow_str_t key)
{
    return UINT64_C(1) << (key.len % 64);
}


flow_decoder_t *
flow_decode_create(const flow_format_t *format,
    const flow_decode_handler_t *handler, void *data)
{
    flow_role_e      role;
    flow_decoder_t  *decoder;

    decoder = calloc(1, sizeof(flow_decoder_t));
    if (decoder == NULL) {
        return NULL;
    }

    decoder->format = format;
    decoder->handler = handler;
    decoder->data = data;

    for (role = 0; role < FLOW_ROLE_COUNT; role++) {
        decoder->lengths |= flow_decode_length(format->keys[role]);
    }

    if (flow_decode_reserve(decoder, FLOW_DECODE_USUAL_LEN) != FLOW_OK) {
        flow_decode_destroy(decoder);
        return NULL;
    }

    return decoder;
}


void
flow_decode_destroy(flow_decoder_t *decoder)
{
    if (decoder == NULL) {
        return;
    }

    flow_room_destroy(&decoder->room);
    free(decoder);
}


flow_message_result_e
flow_decode_message(flow_decoder_t *decoder, const flow_message_t *message)
{
    bool                   in_array;
    flow_str_t             piece;
    flow_reason_e          reason;
    flow_message_result_e  result;

    piece = message->value;

    if (piece.data == NULL || piece.len == 0) {
        return FLOW_MESSAGE_TOMBSTONE;
    }

    if (flow_decode_reserve(decoder, piece.len) != FLOW_OK) {
        return FLOW_MESSAGE_RESULT_COUNT;
    }

    result = FLOW_MESSAGE_DECODED;

    while (flow_decode_piece(decoder, piece) != FLOW_OK) {
        result = FLOW_MESSAGE_REFUSED;

        reason = decoder->too_deep ? FLOW_REASON_TOO_DEEP
                                   : FLOW_REASON_BAD_JSON;
        in_array = (decoder->base != 0);

        decoder->handler->invalid(decoder->data, reason);

        flow_decode_renew(decoder);

        if (in_array) {
            break;
        }

        piece = flow_decode_next_piece(piece, decoder->end);

        if (piece.len == 0) {
            break;
        }
    }

    return result;
}


/* Sees to it that a message of "len" bytes makes no allocation fail. */

static int
flow_decode_reserve(flow_decoder_t *decoder, size_t len)
{
    int  rc;

    rc = flow_room_reserve(&decoder->room, len);

    if (rc == FLOW_AGAIN) {
        flow_decode_renew(decoder);
        return FLOW_OK;
    }

    return rc;
}


/*
 * A new handle in the room of the old one.  There is nothing else to free,
 * and "end" stays for who has to go on after an error.
 */

static void
flow_decode_renew(flow_decoder_t *decoder)
{
    yajl_alloc_funcs  functions;

    flow_room_empty(&decoder->room);

    functions.malloc = flow_room_allocate;
    functions.realloc = flow_room_reallocate;
    functions.free = flow_room_free;
    functions.ctx = &decoder->room;

    decoder->handle = yajl_alloc(&flow_decode_callbacks, &functions, decoder);

    (void) yajl_config(decoder->handle, yajl_allow_multiple_values, 1);
    (void) yajl_config(decoder->handle, yajl_dont_validate_strings, 1);

    decoder->depth = 0;
    decoder->base = 0;
    decoder->role = FLOW_ROLE_COUNT;
    decoder->too_deep = false;
}


/*
 * Reads values up to the end of "piece", which ends the last of them.  After
 * FLOW_ERROR the handle holds the rest of a value and is to be renewed.
 */

static int
flow_decode_piece(flow_decoder_t *decoder, flow_str_t piece)
{
    yajl_status           status;
    const unsigned char  *data;

    data = (const unsigned char *) piece.data;
    decoder->end = 0;

    status = yajl_parse(decoder->handle, data, piece.len);

    if (status != yajl_status_ok || decoder->depth != 0) {
        return FLOW_ERROR;
    }

    if (flow_decode_skip_space(piece, decoder->end) == piece.len) {
        return FLOW_OK;
    }

    /*
     * The start of a token is left.  A line feed ends a number, and is an
     * error in all else that can be open: yajl_complete_parse() would let an
     * open string pass into the next message.
     */

    status = yajl_parse(decoder->handle, (const unsigned char *) "\n", 1);

    return (status == yajl_status_ok) ? FLOW_OK : FLOW_ERROR;
}


/*
 * What is left of a broken piece: from the first line that begins with an
 * object, after the start of the element that is broken.  Lines that yajl
 * took for a part of that element are read anew, each at most as often as
 * the depth that it allows.
 */

static flow_str_t
flow_decode_next_piece(flow_str_t piece, size_t end)
{
    size_t       i;
    const char  *line;
    flow_str_t   next;

    i = flow_decode_skip_space(piece, end);

    while (i < piece.len) {
        line = memchr(&piece.data[i], '\n', piece.len - i);

        if (line == NULL) {
            break;
        }

        i = (size_t) (line - piece.data) + 1;

        if (i < piece.len && piece.data[i] == '{') {
            next.data = &piece.data[i];
            next.len = piece.len - i;
            return next;
        }
    }

    next.data = NULL;
    next.len = 0;

    return next;
}


/* Index of the first byte from "start" on that yajl takes for no space. */

static size_t
flow_decode_skip_space(flow_str_t piece, size_t start)
{
    while (start < piece.len
           && (piece.data[start] == ' '
               || (piece.data[start] >= '\t' && piece.data[start] <= '\r')))
    {
        start++;
    }

    return start;
}


static int
flow_decode_null(void *ctx)
{
    return flow_decode_scalar(ctx, FLOW_FIELD_NULL, flow_decode_no_text);
}


static int
flow_decode_boolean(void *ctx, int value)
{
    (void) value;

    return flow_decode_scalar(ctx, FLOW_FIELD_OTHER, flow_decode_no_text);
}


static int
flow_decode_number(void *ctx, const char *data, size_t len)
{
    flow_str_t  text;

    text.data = data;
    text.len = len;

    return flow_decode_scalar(ctx, FLOW_FIELD_NUMBER, text);
}


static int
flow_decode_string(void *ctx, const unsigned char *data, size_t len)
{
    flow_str_t  text;

    text.data = (const char *) data;
    text.len = len;

    return flow_decode_scalar(ctx, FLOW_FIELD_STRING, text);
}


static int
flow_decode_start_map(void *ctx)
{
    flow_decoder_t  *decoder = ctx;

    if (decoder->depth == decoder->base) {
        flow_fields_begin(&decoder->fields);
    }

    return flow_decode_open(decoder);
}


/* One level below the elements only a record has keys: arrays have none. */

static int
flow_decode_map_key(void *ctx, const unsigned char *data, size_t len)
{
    flow_str_t       key;
    flow_decoder_t  *decoder = ctx;

    if (decoder->depth == decoder->base + 1) {
        key.data = (const char *) data;
        key.len = len;

        decoder->role = (decoder->lengths & flow_decode_length(key)) != 0
                        ? flow_format_role(decoder->format, key)
                        : FLOW_ROLE_COUNT;
    }

    return 1;
}


static int
flow_decode_end_map(void *ctx)
{
    flow_decoder_t  *decoder = ctx;

    decoder->depth--;

    if (decoder->depth == decoder->base) {
        flow_decode_end_record(decoder);
        flow_decode_end_element(decoder);
    }

    return 1;
}


static int
flow_decode_start_array(void *ctx)
{
    flow_decoder_t  *decoder = ctx;

    if (decoder->depth == 0) {
        decoder->base = 1;
    }

    return flow_decode_open(decoder);
}


static int
flow_decode_end_array(void *ctx)
{
    flow_decoder_t  *decoder = ctx;

    decoder->depth--;

    if (decoder->depth == 0) {
        decoder->base = 0;
        flow_decode_end_element(decoder);

    } else if (decoder->depth == decoder->base) {
        decoder->handler->invalid(decoder->data, FLOW_REASON_NOT_OBJECT);
    }

    return 1;
}


static int
flow_decode_scalar(flow_decoder_t *decoder, flow_field_e kind,
    flow_str_t text)
{
    if (decoder->depth == decoder->base) {
        decoder->handler->invalid(decoder->data, FLOW_REASON_NOT_OBJECT);
        flow_decode_end_element(decoder);

    } else {
        flow_decode_set(decoder, kind, text);
    }

    return 1;
}


/* An object or array begins; 0 makes yajl stop. */

static int
flow_decode_open(flow_decoder_t *decoder)
{
    flow_decode_set(decoder, FLOW_FIELD_OTHER, flow_decode_no_text);

    if (decoder->depth == FLOW_DEPTH_MAX) {
        decoder->too_deep = true;
        return 0;
    }

    decoder->depth++;

    return 1;
}


/* Inside a callback, yajl has consumed up to the end of its value. */

static void
flow_decode_end_element(flow_decoder_t *decoder)
{
    if (decoder->depth == 0) {
        decoder->end = yajl_get_bytes_consumed(decoder->handle);
    }
}


static void
flow_decode_set(flow_decoder_t *decoder, flow_field_e kind, flow_str_t text)
{
    if (decoder->role != FLOW_ROLE_COUNT) {
        flow_fields_set(&decoder->fields, decoder->format, decoder->role,
                        kind, text);

        decoder->role = FLOW_ROLE_COUNT;
    }
}


static void
flow_decode_end_record(flow_decoder_t *decoder)
{
    flow_skip_e                   skip;
    flow_record_t                 record;
    flow_reason_e                 reason;
    const flow_decode_handler_t  *handler;

    handler = decoder->handler;

    switch (flow_fields_end(&decoder->fields, &record, &skip, &reason)) {

    case FLOW_OK:
        handler->record(decoder->data, &record);
        break;

    case FLOW_DECLINED:
        handler->skipped(decoder->data, skip);
        break;

    default: /* FLOW_ERROR */
        handler->invalid(decoder->data, reason);
        break;
    }
}
