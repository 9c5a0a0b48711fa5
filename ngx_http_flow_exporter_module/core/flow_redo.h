/*
 * A redo record: what a batch changes in the zone, as bytes.  The same bytes
 * lie in the zone's journal and in the log; an image is one large record with
 * all that the zone holds.
 *
 *   offset  size  head, 80 bytes
 *        0     8  "FLOWREDO", or "FLOWIMAG" for an image
 *        8     4  version, 1
 *       12     4  CRC-32 (zlib) of all that follows, from offset 16 on
 *       16     8  length of the whole, head included
 *       24     8  lineage      position: which counting, ...
 *       32     8  epoch          ... whose turn at it, ...
 *       40     8  number         ... which record
 *       48     8  lineage      position that it follows (of an image: its own)
 *       56     8  epoch
 *       64     8  number
 *       72     8  zero
 *       80        sections, one after another:
 *
 *        0     4  kind
 *        4     4  length of what follows, in bytes
 *        8        items, without gaps
 *
 * Numbers are in the byte order of the machine: "version" tells of another.
 * A kind that is not known is refused: it came from a newer version.
 *
 * Values are absolute, so that a record may be applied any number of times.
 * Everything is checked when it is read, see flow_journal_check(), and believed
 * afterwards.
 */

#ifndef FLOW_REDO_H
#define FLOW_REDO_H

#include "flow_record.h"


#define FLOW_REDO_VERSION  1
#define FLOW_REDO_HEAD    80

/* A section of strings beside these: kind, length, start. */

#define FLOW_REDO_STRING_HEAD  16

/* The largest image, and what a log's reader believes of a length. */

#define FLOW_REDO_MAX  (UINT64_C(1) << 40)


/* Compared in this order; all zeros: none. */

typedef struct {
    uint64_t  lineage;
    uint64_t  epoch;
    uint64_t  number;
} flow_position_t;


typedef enum {
    FLOW_REDO_RECORD = 0,
    FLOW_REDO_IMAGE
} flow_redo_type_e;


typedef struct {
    flow_redo_type_e  type;
    uint64_t          length;
    flow_position_t   position;
    flow_position_t   previous;
} flow_redo_head_t;


/* Sections; FLOW_REDO_STRINGS is one item of any size. */

typedef enum {
    FLOW_REDO_COUNTERS = 1,    /* flow_redo_counter_t */
    FLOW_REDO_STRINGS,         /* uint64_t start, bytes of the arena */
    FLOW_REDO_TOPICS,
    FLOW_REDO_PARTITIONS,
    FLOW_REDO_HOSTS,
    FLOW_REDO_AS_NUMBERS,
    FLOW_REDO_SERIES,          /* what tells a series from others */
    FLOW_REDO_BYTES,           /* its value */
    FLOW_REDO_ERRORS,
    FLOW_REDO_LEFT,            /* series that are shown no longer */
    FLOW_REDO_CLUSTER,         /* whose offsets these are */
    FLOW_REDO_KIND_END
} flow_redo_kind_e;


/* Items, without padding. */

typedef struct __attribute__((packed)) {
    uint32_t  id;              /* flow_zone_counter() */
    uint64_t  value;
} flow_redo_counter_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint32_t  name;            /* string */
    int32_t   partitions;
    uint32_t  seen_absent;
    uint64_t  messages[3];     /* by flow_message_result_e */
    uint64_t  message_bytes;
    uint64_t  gap_offsets;
    uint64_t  skipped_offsets;
    uint64_t  duplicate_messages;
} flow_redo_topic_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint32_t  topic;
    int32_t   partition;
    uint32_t  checksum;        /* of the last message that was counted, ... */
    int64_t   last;            /* ... its offset, -1: none, ... */
    int64_t   timestamp;       /* ... and when it was produced, ms, -1 */
    int64_t   from;            /* -1: began to be consumed */
    int64_t   to;              /* -1: forgotten, as if never consumed */
} flow_redo_partition_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint32_t  name;
    int64_t   timestamp;
} flow_redo_host_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint32_t  number;
    uint32_t  name;
} flow_redo_as_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint32_t  direction;
    uint32_t  source;
    uint32_t  destination;
    uint32_t  host;
} flow_redo_series_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    uint64_t  bytes;
} flow_redo_bytes_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
    char      name[48];        /* with a zero */
    uint64_t  count;
} flow_redo_error_t;

typedef struct __attribute__((packed)) {
    uint32_t  index;
} flow_redo_left_t;

typedef struct __attribute__((packed)) {
    char      id[64];          /* with zeros to its end */
} flow_redo_cluster_t;


/* Composes a record in memory that the caller owns. */

typedef struct {
    char    *start;
    size_t   size;
    size_t   used;
    size_t   section;          /* where the open one begins, 0: none */
    bool     full;             /* something found no room */
} flow_redo_t;


void flow_redo_begin(flow_redo_t *redo, void *memory, size_t size);

/*
 * Adds an item of "size" bytes; items of a kind come one after another.
 * Without room nothing is added any more, and flow_redo_end() says so.
 */

void flow_redo_add(flow_redo_t *redo, flow_redo_kind_e kind, const void *item,
    size_t size);

/* Adds the bytes of the arena from "start" on. */

void flow_redo_add_strings(flow_redo_t *redo, uint64_t start,
    const char *bytes, size_t size);

/*
 * Writes head and checksum; returns the length of the whole, or 0 if there
 * was no room.
 */

size_t flow_redo_end(flow_redo_t *redo, flow_redo_type_e type,
    const flow_position_t *position, const flow_position_t *previous);


/*
 * Reads a head from the first bytes of a record, of which "available" are
 * there.  FLOW_OK; FLOW_AGAIN if these are fewer than a head; FLOW_DECLINED
 * if this is no head of this version.  What follows the head is not looked
 * at.
 */

int flow_redo_head(const char *bytes, size_t available,
    flow_redo_head_t *head) FLOW_MUST_CHECK;

/* The version that a head claims, 0 if these are no bytes of ours. */

uint32_t flow_redo_version(const char *bytes, size_t available);

/* True if all bytes of a record are there and their checksum is right. */

bool flow_redo_is_whole(const char *bytes, size_t available);


/* Walks through the sections of a record that is whole. */

typedef struct {
    const char        *at;
    const char        *end;
    flow_redo_kind_e   kind;
    const char        *items;
    size_t             length;     /* of all items of the section */
} flow_redo_walk_t;

void flow_redo_walk(flow_redo_walk_t *walk, const char *bytes);

/* FLOW_OK: the next section; FLOW_DECLINED: there is none; FLOW_ERROR. */

int flow_redo_next(flow_redo_walk_t *walk) FLOW_MUST_CHECK;

/* Bytes of an item of the kind, 1 for strings; 0 if it is not known. */

size_t flow_redo_item_size(flow_redo_kind_e kind);


/*
 * False without a lineage, as in an empty zone, and for epochs and numbers
 * that no counting comes to: none of them may overflow.
 */

bool flow_position_is_valid(const flow_position_t *position);

/* Negative, 0, positive: as one is before, at, after the other. */

int flow_position_compare(const flow_position_t *one,
    const flow_position_t *other);


#endif /* FLOW_REDO_H */
