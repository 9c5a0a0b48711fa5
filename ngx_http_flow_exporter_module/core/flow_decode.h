/*
 * Step 1: the bytes of a message -> flow records, or reasons.
 */

#ifndef FLOW_DECODE_H
#define FLOW_DECODE_H

#include "flow_format.h"
#include "flow_record.h"


/* A decoder belongs to one thread and serves a stream of messages. */

typedef struct flow_decoder_s  flow_decoder_t;


/* Each element of a message leads to exactly one of these calls. */

typedef struct {
    void  (*record)(void *data, const flow_record_t *record);
    void  (*skipped)(void *data, flow_skip_e skip);
    void  (*invalid)(void *data, flow_reason_e reason);
} flow_decode_handler_t;


/*
 * "format", "handler" and "data" must outlive the decoder.  Returns NULL if
 * memory is short.
 */

flow_decoder_t *flow_decode_create(const flow_format_t *format,
    const flow_decode_handler_t *handler, void *data);
void flow_decode_destroy(flow_decoder_t *decoder);

/*
 * Decodes one message: one JSON object, several one after another (white
 * space between them or not), or an array of objects.
 *
 * Returns what the message counts as.  In a refused message the records
 * before the place that cannot be parsed have been handled, the element that
 * holds it is invalid, and decoding goes on at the first line after that
 * element's start that begins with an object, unless the place is inside an
 * array of records.
 *
 * Returns FLOW_MESSAGE_RESULT_COUNT if memory is short: records may have been
 * handled, and the decoder can be used no longer.
 */

flow_message_result_e flow_decode_message(flow_decoder_t *decoder,
    const flow_message_t *message) FLOW_MUST_CHECK;


#endif /* FLOW_DECODE_H */
