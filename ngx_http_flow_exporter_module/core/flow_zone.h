/*
 * Step 5: what the dedicated process and the workers share.  This header is
 * the layout and what a reader may do; flow_zone_writer.h is for the writer.
 *
 *   flow_zone_t      header: capacities, counters, gauges
 *   flow_topic_t     x capacity.topics
 *   flow_partition_t x capacity.partitions
 *   flow_host_t      x capacity.hosts         one entry a hostname
 *   flow_as_t        x capacity.as_numbers    one entry an AS number seen
 *   flow_series_t    x capacity.series        direction, 2 AS, host: bytes
 *   journal            capacity.journal_bytes one redo record
 *   string arena       capacity.string_bytes  label values, escaped already
 *
 * One writer, any number of readers, no lock.  Every shared word is atomic.
 * Tables grow at their end: an entry is filled in first, then the table's
 * count is raised with release order, and a reader loads the count with
 * acquire order.  What tells one series from another changes afterwards only
 * while the entry's sequence is odd; a reader copies, compares the sequence,
 * and tries again a bounded number of times.  Series that have expired leave
 * holes, which are used again like the hosts, AS numbers and strings that no
 * series refers to any more, but only after a rest that no scrape outlasts.
 * Values (counters, offsets) are single words and need no sequence.
 * Consistency is per word, not per batch.
 *
 * References are indexes and arena offsets, never pointers, so that any
 * process may map the zone anywhere.  The first entry of the tables of hosts
 * and AS numbers is "other", and the first FLOW_DIRECTION_COUNT series are
 * the overflow series, shown once they hold a record.
 */

#ifndef FLOW_ZONE_H
#define FLOW_ZONE_H

#include <stdatomic.h>

#include "flow_record.h"


/* Part of the zone's name: a new layout is a new zone. */

#define FLOW_ZONE_VERSION  3

/* The smallest memory that flow_zone_format() accepts. */

#define FLOW_ZONE_SIZE_MIN  (512 * 1024)

#define FLOW_ZONE_TOPICS       256   /* capacity.topics of every zone */
#define FLOW_ZONE_ERRORS        32   /* kinds of Kafka errors told apart */
#define FLOW_ZONE_ERROR_NAME    48
#define FLOW_ZONE_CLUSTER       64   /* a cluster's id, with a zero */

/* A reference to a string of the arena counts in units of so many bytes. */

#define FLOW_ZONE_STRING_UNIT    4

/* "No entry", where an index is asked for. */

#define FLOW_ZONE_NONE  UINT32_MAX

/* Index of the entry "other" in the tables of hosts and AS numbers. */

#define FLOW_ZONE_OTHER  0


typedef struct {
    uint32_t  topics;
    uint32_t  partitions;
    uint32_t  hosts;
    uint32_t  as_numbers;
    uint32_t  series;
    uint32_t  unused;
    uint64_t  string_bytes;
    uint64_t  journal_bytes;
} flow_zone_capacity_t;


/* Where each table begins, in bytes from the start of the zone. */

typedef struct {
    uint64_t  topics;
    uint64_t  partitions;
    uint64_t  hosts;
    uint64_t  as_numbers;
    uint64_t  series;
    uint64_t  arena;
    uint64_t  journal;
} flow_zone_tables_t;


/* What the writer is doing. */

typedef enum {
    FLOW_PHASE_WAITING = 0,    /* no writer has had the zone yet */
    FLOW_PHASE_LOADING,        /* repairing, loading AS names */
    FLOW_PHASE_LIVE,           /* counting */
    FLOW_PHASE_CLOSING         /* the writer left in order */
} flow_phase_e;


typedef struct {
    _Atomic uint32_t  name;              /* string */
    _Atomic int32_t   partitions;        /* newest known number, 0: none */
    _Atomic uint32_t  seen_absent;       /* 0 or 1 */
    uint32_t          unused;
    _Atomic uint64_t  messages[FLOW_MESSAGE_RESULT_COUNT];
    _Atomic uint64_t  message_bytes;
    _Atomic uint64_t  gap_offsets;
    _Atomic uint64_t  skipped_offsets;
    _Atomic uint64_t  duplicate_messages;
} flow_topic_t;


typedef struct {
    _Atomic uint32_t  topic;             /* index */
    _Atomic int32_t   partition;
    _Atomic int64_t   next_offset;       /* first offset not counted yet, -1:
                                            forgotten */
    _Atomic int64_t   end_offset;        /* -1: not known */
    _Atomic uint32_t  consumed;          /* by the present writer: 0 or 1 */
    _Atomic uint32_t  checksum;          /* of the last message counted, */
    _Atomic int64_t   last;              /* its offset, -1: none, */
    _Atomic int64_t   timestamp;         /* and when it was produced, ms */
} flow_partition_t;


typedef struct {
    _Atomic uint32_t  name;              /* string */
    _Atomic uint32_t  touched;           /* as flow_series_t's "used" */
    _Atomic int64_t   timestamp;         /* newest flow, ms, -1: none */
} flow_host_t;


typedef struct {
    _Atomic uint32_t  number;
    _Atomic uint32_t  name;              /* string, replaced as a whole */
} flow_as_t;


typedef struct {
    _Atomic uint32_t  sequence;
    _Atomic uint32_t  direction;         /* flow_direction_e */
    _Atomic uint32_t  source;            /* index of an AS number */
    _Atomic uint32_t  destination;       /* index of an AS number */
    _Atomic uint32_t  host;              /* index of a host */
    _Atomic uint32_t  used;              /* 0: nothing to show, else when it
                                            last had a flow, idle_clock + 1 */
    _Atomic uint64_t  bytes;
} flow_series_t;


typedef struct {
    char              name[FLOW_ZONE_ERROR_NAME];
    _Atomic uint64_t  count;
} flow_kafka_error_t;


typedef struct {
    uint64_t              magic;
    uint32_t              version;
    uint32_t              unused;
    uint64_t              size;          /* of the whole, in bytes */
    flow_zone_capacity_t  capacity;
    flow_zone_tables_t    tables;

    /* filled entries at the start of each table */
    _Atomic uint32_t      topics;
    _Atomic uint32_t      partitions;
    _Atomic uint32_t      hosts;
    _Atomic uint32_t      as_numbers;
    _Atomic uint32_t      series;
    _Atomic uint32_t      errors;
    _Atomic uint64_t      string_bytes;

    /* counters */
    _Atomic uint64_t      records[FLOW_RESULT_COUNT];
    _Atomic uint64_t      skipped[FLOW_SKIP_COUNT];
    _Atomic uint64_t      invalid[FLOW_REASON_COUNT];
    _Atomic uint64_t      cut_labels;
    _Atomic uint64_t      repaired_labels;
    _Atomic uint64_t      overflow_records;
    _Atomic uint64_t      commits;
    _Atomic uint64_t      commit_failures;
    _Atomic uint64_t      commit_nanoseconds;
    _Atomic uint64_t      log_bytes;
    _Atomic uint64_t      starts;
    _Atomic uint64_t      left_series;
    _Atomic uint64_t      left_bytes[FLOW_DIRECTION_COUNT];

    /* entries below those counts that are out of use, and bytes */
    _Atomic uint32_t      unused_hosts;
    _Atomic uint32_t      unused_as_numbers;
    _Atomic uint32_t      unused_series;

    /* seconds for which flows would have been seen, had there been any */
    _Atomic uint32_t      idle_clock;

    _Atomic uint64_t      unused_string_bytes;

    /* what is out of use may be used again at once, or, strings, when? */
    _Atomic uint64_t      fresh;         /* no writer since it was loaded */
    _Atomic uint64_t      strings_rest;  /* until then, ms, monotonic */

    /* gauges */
    _Atomic uint32_t      phase;         /* flow_phase_e */
    _Atomic uint32_t      lease_held;
    _Atomic uint32_t      kafka_connected;
    _Atomic uint32_t      as_names_loaded;   /* 0: no source configured */
    _Atomic uint64_t      as_names;
    _Atomic int64_t       as_names_timestamp;   /* seconds */

    /* where a writer that died was, for who comes next */
    _Atomic uint32_t      deaths;        /* in a row, without progress */
    _Atomic uint32_t      decoding;      /* partition entry, or _NONE */
    _Atomic int64_t       decoding_offset;
    _Atomic uint64_t      position;      /* hash of the offsets at start */

    /* how far the zone has come, and whether that may be shown */
    _Atomic uint64_t      id;            /* of this memory; 0: never taken */
    _Atomic uint32_t      live;          /* 0 or 1 */
    _Atomic uint32_t      load;          /* how often it was loaded anew */
    _Atomic uint64_t      lineage;       /* position, see flow_redo.h */
    _Atomic uint64_t      epoch;
    _Atomic uint64_t      number;
    _Atomic uint32_t      journal;       /* flow_journal_e */

    /* the state files */
    _Atomic uint32_t      durable;       /* what is shown is in them: 0 or 1 */
    _Atomic int64_t       image_timestamp;   /* ms, -1: none yet */
    _Atomic uint64_t      image_bytes;
    _Atomic uint64_t      image_nanoseconds;

    flow_kafka_error_t    kafka_errors[FLOW_ZONE_ERRORS];

    /* whose offsets these are; for the writer alone, empty: not known */
    char                  cluster[FLOW_ZONE_CLUSTER];
} flow_zone_t;


/*
 * The zone's counters, as redo records name them: a number, or a first number
 * of several.  Once given, a number keeps its meaning.
 */

typedef enum {
    FLOW_COUNTER_RECORDS = 100,          /* + flow_result_e */
    FLOW_COUNTER_SKIPPED = 200,          /* + flow_skip_e */
    FLOW_COUNTER_INVALID = 300,          /* + flow_reason_e */
    FLOW_COUNTER_CUT_LABELS = 400,
    FLOW_COUNTER_REPAIRED_LABELS,
    FLOW_COUNTER_OVERFLOW_RECORDS,
    FLOW_COUNTER_COMMITS = 500,
    FLOW_COUNTER_COMMIT_FAILURES,
    FLOW_COUNTER_COMMIT_NANOSECONDS,
    FLOW_COUNTER_LOG_BYTES,
    FLOW_COUNTER_STARTS,
    FLOW_COUNTER_LEFT_SERIES = 600,
    FLOW_COUNTER_LEFT_BYTES,             /* + flow_direction_e */
    FLOW_COUNTER_END = FLOW_COUNTER_LEFT_BYTES + FLOW_DIRECTION_COUNT
} flow_counter_e;


/* A reader's copy of a series. */

typedef struct {
    uint32_t    direction;
    uint64_t    bytes;
    bool        overflow;            /* AS labels read "other" */
    uint32_t    source_as;
    uint32_t    destination_as;
    flow_str_t  source_name;         /* these three are escaped, */
    flow_str_t  destination_name;    /* and stay valid with the zone */
    flow_str_t  hostname;
} flow_series_view_t;


/*
 * Divides "size" bytes; FLOW_DECLINED if they are fewer than
 * FLOW_ZONE_SIZE_MIN.  Any process.
 */

int flow_zone_capacity(size_t size, flow_zone_capacity_t *capacity)
    FLOW_MUST_CHECK;

/*
 * Lays a zone out in fresh memory (all zeros, aligned to 64 bytes) without
 * touching more than the header.  The master, once; the other processes call
 * flow_zone_attach().  Returns NULL if "size" is too small.
 */

flow_zone_t *flow_zone_format(void *memory, size_t size);

/* Returns the zone in "memory", or NULL if there is none of this version. */

flow_zone_t *flow_zone_attach(void *memory, size_t size);

/*
 * False if a table is filled beyond its capacity, or a series refers to what is
 * not there: memory that others can write is looked at before its writer
 * believes it.  Who holds the lease.
 */

bool flow_zone_is_sound(const flow_zone_t *zone);

/* Start of each table. */

flow_topic_t *flow_zone_topics(const flow_zone_t *zone);
flow_partition_t *flow_zone_partitions(const flow_zone_t *zone);
flow_host_t *flow_zone_hosts(const flow_zone_t *zone);
flow_as_t *flow_zone_as_numbers(const flow_zone_t *zone);
flow_series_t *flow_zone_series(const flow_zone_t *zone);
char *flow_zone_arena(const flow_zone_t *zone);
char *flow_zone_journal(const flow_zone_t *zone);

/* A counter by its number, or NULL if there is none of that number. */

_Atomic uint64_t *flow_zone_counter(const flow_zone_t *zone, uint32_t id);

/*
 * Returns a string of the arena by its reference; empty for 0, for a reference
 * that lies outside, and for one to what is longer than a label can be.
 */

flow_str_t flow_zone_string(const flow_zone_t *zone, uint32_t reference);

/*
 * Copies the series at "index", which is below zone->series.  Returns false
 * where there is nothing to show: not used yet, or in the middle of a change
 * at each of a bounded number of tries (a writer that died there is followed
 * by one that repairs it).
 */

bool flow_zone_read_series(const flow_zone_t *zone, uint32_t index,
    flow_series_view_t *view);


#endif /* FLOW_ZONE_H */
