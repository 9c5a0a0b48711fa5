/*
 * Redo records and images as bytes; the format is in flow_redo.h.  They are
 * composed by step 4 and for images, carried by the journal and the state
 * files, and walked through where they are applied.
 */

#include <assert.h>
#include <string.h>

#include "flow_redo.h"
#include "flow_text.h"


#define FLOW_REDO_MAGIC_SIZE  8

/* The checksum covers all that follows it. */

#define FLOW_REDO_COVERED     16

/* The last epoch, and the last number of one. */

#define FLOW_POSITION_MAX     (UINT64_MAX / 2)


typedef struct {
    char             magic[FLOW_REDO_MAGIC_SIZE];
    uint32_t         version;
    uint32_t         checksum;
    uint64_t         length;
    flow_position_t  position;
    flow_position_t  previous;
    uint64_t         zero;
} flow_redo_bytes_head_t;

static_assert(sizeof(flow_redo_bytes_head_t) == FLOW_REDO_HEAD,
              "size of a record's head");

typedef struct {
    uint32_t  kind;
    uint32_t  length;
} flow_redo_section_t;

static_assert(sizeof(flow_redo_section_t) == 8, "size of a section's head");


static void flow_redo_open(flow_redo_t *redo, flow_redo_kind_e kind);
static void flow_redo_close(flow_redo_t *redo);
static bool flow_redo_continues(const flow_redo_t *redo,
    flow_redo_kind_e kind, size_t size);
static void flow_redo_put(flow_redo_t *redo, const void *bytes, size_t size);
static int flow_redo_compare(uint64_t one, uint64_t other);


/* Indexed by flow_redo_type_e. */

static const char  flow_redo_magic[][FLOW_REDO_MAGIC_SIZE + 1] = {
    "FLOWREDO",
    "FLOWIMAG"
};

/* Indexed by flow_redo_kind_e. */

static const size_t  flow_redo_item_sizes[FLOW_REDO_KIND_END] = {
    [FLOW_REDO_COUNTERS]   = sizeof(flow_redo_counter_t),
    [FLOW_REDO_STRINGS]    = 1,
    [FLOW_REDO_TOPICS]     = sizeof(flow_redo_topic_t),
    [FLOW_REDO_PARTITIONS] = sizeof(flow_redo_partition_t),
    [FLOW_REDO_HOSTS]      = sizeof(flow_redo_host_t),
    [FLOW_REDO_AS_NUMBERS] = sizeof(flow_redo_as_t),
    [FLOW_REDO_SERIES]     = sizeof(flow_redo_series_t),
    [FLOW_REDO_BYTES]      = sizeof(flow_redo_bytes_t),
    [FLOW_REDO_ERRORS]     = sizeof(flow_redo_error_t),
    [FLOW_REDO_LEFT]       = sizeof(flow_redo_left_t),
    [FLOW_REDO_CLUSTER]    = sizeof(flow_redo_cluster_t)
};


void
flow_redo_begin(flow_redo_t *redo, void *memory, size_t size)
{
    redo->start = memory;
    redo->size = size;
    redo->used = FLOW_REDO_HEAD;
    redo->section = 0;
    redo->full = (size < FLOW_REDO_HEAD);
}


void
flow_redo_add(flow_redo_t *redo, flow_redo_kind_e kind, const void *item,
    size_t size)
{
    if (!flow_redo_continues(redo, kind, size)) {
        flow_redo_open(redo, kind);
    }

    flow_redo_put(redo, item, size);
}


/* More than a section can be long goes into several. */

void
flow_redo_add_strings(flow_redo_t *redo, uint64_t start, const char *bytes,
    size_t size)
{
    size_t  piece;

    while (size != 0) {
        piece = UINT32_MAX - sizeof(start);

        if (piece > size) {
            piece = size;
        }

        flow_redo_open(redo, FLOW_REDO_STRINGS);
        flow_redo_put(redo, &start, sizeof(start));
        flow_redo_put(redo, bytes, piece);

        start += piece;
        bytes += piece;
        size -= piece;
    }
}


size_t
flow_redo_end(flow_redo_t *redo, flow_redo_type_e type,
    const flow_position_t *position, const flow_position_t *previous)
{
    flow_redo_bytes_head_t  head;

    if (redo->full) {
        return 0;
    }

    flow_redo_close(redo);

    memset(&head, 0, sizeof(head));
    memcpy(head.magic, flow_redo_magic[type], sizeof(head.magic));
    head.version = FLOW_REDO_VERSION;
    head.length = redo->used;
    head.position = *position;
    head.previous = *previous;
    memcpy(redo->start, &head, sizeof(head));

    head.checksum = flow_text_checksum(redo->start + FLOW_REDO_COVERED,
                                       redo->used - FLOW_REDO_COVERED);
    memcpy(redo->start, &head, sizeof(head));

    return redo->used;
}


int
flow_redo_head(const char *bytes, size_t available, flow_redo_head_t *head)
{
    flow_redo_bytes_head_t  stored;

    if (available < sizeof(stored)) {
        return FLOW_AGAIN;
    }

    memcpy(&stored, bytes, sizeof(stored));

    if (flow_redo_version(bytes, available) != FLOW_REDO_VERSION
        || stored.length < FLOW_REDO_HEAD
        || stored.length > FLOW_REDO_MAX)
    {
        return FLOW_DECLINED;
    }

    head->type = memcmp(stored.magic, flow_redo_magic[FLOW_REDO_RECORD],
                        sizeof(stored.magic)) == 0 ? FLOW_REDO_RECORD
                                                   : FLOW_REDO_IMAGE;
    head->length = stored.length;
    head->position = stored.position;
    head->previous = stored.previous;

    return FLOW_OK;
}


uint32_t
flow_redo_version(const char *bytes, size_t available)
{
    size_t    type;
    uint32_t  version;

    if (available < FLOW_REDO_MAGIC_SIZE + sizeof(version)) {
        return 0;
    }

    for (type = FLOW_REDO_RECORD; type <= FLOW_REDO_IMAGE; type++) {

        if (memcmp(bytes, flow_redo_magic[type], FLOW_REDO_MAGIC_SIZE) == 0) {
            memcpy(&version, bytes + FLOW_REDO_MAGIC_SIZE, sizeof(version));
            return version;
        }
    }

    return 0;
}


bool
flow_redo_is_whole(const char *bytes, size_t available)
{
    flow_redo_head_t        head;
    flow_redo_bytes_head_t  stored;

    if (flow_redo_head(bytes, available, &head) != FLOW_OK
        || head.length > available)
    {
        return false;
    }

    memcpy(&stored, bytes, sizeof(stored));

    return stored.checksum
           == flow_text_checksum(bytes + FLOW_REDO_COVERED,
                                 (size_t) head.length - FLOW_REDO_COVERED);
}


void
flow_redo_walk(flow_redo_walk_t *walk, const char *bytes)
{
    flow_redo_bytes_head_t  head;

    memcpy(&head, bytes, sizeof(head));

    memset(walk, 0, sizeof(*walk));
    walk->at = bytes + FLOW_REDO_HEAD;
    walk->end = bytes + head.length;
}


int
flow_redo_next(flow_redo_walk_t *walk)
{
    size_t               rest;
    flow_redo_section_t  section;

    rest = (size_t) (walk->end - walk->at);

    if (rest == 0) {
        return FLOW_DECLINED;
    }

    if (rest < sizeof(section)) {
        return FLOW_ERROR;
    }

    memcpy(&section, walk->at, sizeof(section));

    if (section.length > rest - sizeof(section)
        || flow_redo_item_size(section.kind) == 0
        || section.length % flow_redo_item_size(section.kind) != 0
        || (section.kind == FLOW_REDO_STRINGS
            && section.length < sizeof(uint64_t)))
    {
        return FLOW_ERROR;
    }

    walk->kind = section.kind;
    walk->items = walk->at + sizeof(section);
    walk->length = section.length;
    walk->at = walk->items + walk->length;

    return FLOW_OK;
}


size_t
flow_redo_item_size(flow_redo_kind_e kind)
{
    return (uint32_t) kind < FLOW_REDO_KIND_END ? flow_redo_item_sizes[kind]
                                                : 0;
}


bool
flow_position_is_valid(const flow_position_t *position)
{
    return position->lineage != 0
           && position->epoch <= FLOW_POSITION_MAX
           && position->number <= FLOW_POSITION_MAX;
}


int
flow_position_compare(const flow_position_t *one, const flow_position_t *other)
{
    int  result;

    result = flow_redo_compare(one->lineage, other->lineage);

    if (result == 0) {
        result = flow_redo_compare(one->epoch, other->epoch);
    }

    if (result == 0) {
        result = flow_redo_compare(one->number, other->number);
    }

    return result;
}


static void
flow_redo_open(flow_redo_t *redo, flow_redo_kind_e kind)
{
    size_t               begin;
    flow_redo_section_t  section;

    flow_redo_close(redo);

    section.kind = kind;
    section.length = 0;
    begin = redo->used;

    flow_redo_put(redo, &section, sizeof(section));

    if (!redo->full) {
        redo->section = begin;
    }
}


/* Writes the length of the open section. */

static void
flow_redo_close(flow_redo_t *redo)
{
    flow_redo_section_t  section;

    if (redo->section == 0) {
        return;
    }

    memcpy(&section, redo->start + redo->section, sizeof(section));
    section.length = (uint32_t) (redo->used - redo->section - sizeof(section));
    memcpy(redo->start + redo->section, &section, sizeof(section));

    redo->section = 0;
}


/* True if an item of the kind can go into the section that is open. */

static bool
flow_redo_continues(const flow_redo_t *redo, flow_redo_kind_e kind,
    size_t size)
{
    flow_redo_section_t  section;

    if (redo->section == 0) {
        return false;
    }

    memcpy(&section, redo->start + redo->section, sizeof(section));

    return section.kind == kind
           && redo->used - redo->section - sizeof(section) + size
              <= UINT32_MAX;
}


static void
flow_redo_put(flow_redo_t *redo, const void *bytes, size_t size)
{
    if (redo->full || size > redo->size - redo->used) {
        redo->full = true;
        return;
    }

    memcpy(redo->start + redo->used, bytes, size);
    redo->used += size;
}


static int
flow_redo_compare(uint64_t one, uint64_t other)
{
    return (one > other) - (one < other);
}
