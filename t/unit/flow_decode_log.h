/*
 * A decoder whose calls are written down, one a line, so that a test can
 * compare them with what it expects:
 *
 *   flow 64496 64511 9400 "edge1" cut repaired
 *   skip event_type
 *   invalid bad_json
 */

#ifndef FLOW_DECODE_LOG_H
#define FLOW_DECODE_LOG_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "flow_decode.h"
#include "tap.h"


#define LOG_SIZE  65536


typedef struct {
    char    text[LOG_SIZE];
    size_t  len;
} log_t;


static const char *const  log_skips[] = { "event_type", "no_counters" };

static const char *const  log_reasons[] = {
    "bad_json", "not_object", "too_deep", "missing_source_as",
    "missing_destination_as", "missing_bytes", "not_number", "negative",
    "fractional", "overflow", "as_range"
};

static const char *const  log_results[] = {
    "decoded", "tombstone", "refused", "no memory"
};


/* Lines beyond the room are left out; tests stay far below it. */

__attribute__((format(printf, 2, 3)))
static inline void
log_add(log_t *log, const char *format, ...)
{
    int      len;
    va_list  args;

    va_start(args, format);
    len = vsnprintf(log->text + log->len, LOG_SIZE - log->len, format, args);
    va_end(args);

    if (len > 0 && (size_t) len < LOG_SIZE - log->len) {
        log->len += (size_t) len;
    }

    log->text[log->len] = '\0';
}


static inline void
log_clear(log_t *log)
{
    log->len = 0;
    log->text[0] = '\0';
}


static void
log_record(void *data, const flow_record_t *record)
{
    log_add(data, "flow %lu %lu %llu \"%.*s\"%s%s\n",
            (unsigned long) record->source_as,
            (unsigned long) record->destination_as,
            (unsigned long long) record->bytes, (int) record->hostname.len,
            record->hostname.data, record->hostname_cut ? " cut" : "",
            record->hostname_repaired ? " repaired" : "");
}


static void
log_skipped(void *data, flow_skip_e skip)
{
    log_add(data, "skip %s\n", log_skips[skip]);
}


static void
log_invalid(void *data, flow_reason_e reason)
{
    log_add(data, "invalid %s\n", log_reasons[reason]);
}


static const flow_decode_handler_t  log_handler = {
    log_record, log_skipped, log_invalid
};


/*
 * Decodes a copy that has just this size, so that a sanitizer sees each byte
 * too far, and is overwritten afterwards, so that nothing may point to it.
 */

static inline flow_message_result_e
decode(flow_decoder_t *decoder, const char *data, size_t len)
{
    char                   *copy;
    flow_message_t          message;
    flow_message_result_e   result;

    copy = malloc(len + (len == 0));
    if (copy == NULL) {
        return FLOW_MESSAGE_RESULT_COUNT;
    }

    memcpy(copy, data, len);
    memset(&message, 0, sizeof(message));
    message.value.data = copy;
    message.value.len = len;

    result = flow_decode_message(decoder, &message);

    memset(copy, '"', len);
    free(copy);

    return result;
}


/* A good message after whatever came before: all of it must arrive. */

static inline bool
is_intact(flow_decoder_t *decoder, log_t *log)
{
    static const char  good[] =
        "{\"label\": \"next\", \"as_src\": 1, \"as_dst\": 2, \"bytes\": 3}\n";

    log_clear(log);

    return decode(decoder, good, sizeof(good) - 1) == FLOW_MESSAGE_DECODED
           && strcmp(log->text, "flow 1 2 3 \"next\"\n") == 0;
}


#endif /* FLOW_DECODE_LOG_H */
