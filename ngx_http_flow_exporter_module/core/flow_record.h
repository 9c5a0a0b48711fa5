/*
 * What travels through the exporter: a Kafka message, the flow records in
 * it, and every reason for which a record is not counted.
 *
 * This header has no code and includes nothing of ours: all others build
 * upon it.
 */

#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/* Results, with the meaning that nginx gives to its own. */

#define FLOW_OK         0
#define FLOW_ERROR     -1
#define FLOW_AGAIN     -2
#define FLOW_DECLINED  -5

#define FLOW_MUST_CHECK  __attribute__((warn_unused_result))


/* Bytes that somebody else owns; not terminated by a zero. */

typedef struct {
    size_t       len;
    const char  *data;
} flow_str_t;

#define flow_string(s)  { sizeof(s) - 1, s }


/* A sentence for the log or for "nginx -t"; the core itself never logs. */

typedef struct {
    char  text[512];
} flow_error_t;


/* Partitions of a topic are below this; more have not been seen in one. */

#define FLOW_PARTITION_MAX  1000000


/* A label value longer than this many bytes is cut, at a character. */

#define FLOW_LABEL_MAX  255


/*
 * A Kafka message.  "value.data" is NULL where Kafka's value is null
 * (tombstone); the bytes are valid until the call that got them returns.
 */

typedef struct {
    uint32_t    topic;       /* index in the configured list of topics */
    int32_t     partition;
    int64_t     offset;
    int64_t     timestamp;   /* milliseconds since the epoch, -1: none */
    flow_str_t  value;
} flow_message_t;


/*
 * A flow record; "hostname" is cut and repaired already (at most
 * FLOW_LABEL_MAX bytes of valid UTF-8) and valid until the record's handler
 * returns.
 */

typedef struct {
    uint64_t    bytes;
    uint32_t    source_as;
    uint32_t    destination_as;
    flow_str_t  hostname;
    bool        hostname_cut;
    bool        hostname_repaired;
} flow_record_t;


/* Whence and whither, as the own AS see it; indexes metric families. */

typedef enum {
    FLOW_RECEIVE = 0,
    FLOW_TRANSMIT,
    FLOW_TRANSIT,
    FLOW_DIRECTION_COUNT
} flow_direction_e;


/* What became of a message; value of the label "result". */

typedef enum {
    FLOW_MESSAGE_DECODED = 0,   /* read to its end */
    FLOW_MESSAGE_TOMBSTONE,     /* no value */
    FLOW_MESSAGE_REFUSED,       /* not JSON up to its end */
    FLOW_MESSAGE_RESULT_COUNT
} flow_message_result_e;


/*
 * What became of a record; value of the label "result".  The first three
 * equal flow_direction_e.
 */

typedef enum {
    FLOW_RESULT_RECEIVE = FLOW_RECEIVE,
    FLOW_RESULT_TRANSMIT = FLOW_TRANSMIT,
    FLOW_RESULT_TRANSIT = FLOW_TRANSIT,
    FLOW_RESULT_SKIPPED,
    FLOW_RESULT_INVALID,
    FLOW_RESULT_COUNT
} flow_result_e;


/* Why a record is no flow, though nothing is wrong with it. */

typedef enum {
    FLOW_SKIP_EVENT_TYPE = 0,   /* marker, or another kind of event */
    FLOW_SKIP_NO_COUNTERS,      /* neither bytes nor packets: option data */
    FLOW_SKIP_COUNT
} flow_skip_e;


/* Why a record is invalid. */

typedef enum {
    FLOW_REASON_BAD_JSON = 0,
    FLOW_REASON_NOT_OBJECT,             /* a bare string, number, null ... */
    FLOW_REASON_TOO_DEEP,               /* nested beyond FLOW_DEPTH_MAX */
    FLOW_REASON_MISSING_SOURCE_AS,
    FLOW_REASON_MISSING_DESTINATION_AS,
    FLOW_REASON_MISSING_BYTES,
    FLOW_REASON_NOT_NUMBER,
    FLOW_REASON_NEGATIVE,
    FLOW_REASON_FRACTIONAL,
    FLOW_REASON_OVERFLOW,               /* does not fit 64 bits */
    FLOW_REASON_AS_RANGE,               /* AS number above 2^32-1 */
    FLOW_REASON_COUNT
} flow_reason_e;

/* Levels of objects and arrays in a message that the decoder follows. */

#define FLOW_DEPTH_MAX  32


#endif /* FLOW_RECORD_H */
