/*
 * What the fuzz targets of state files share: bytes get past the checksums,
 * for what is behind these is what the targets are for.
 */

#ifndef FUZZ_STATE_H
#define FUZZ_STATE_H

#include <string.h>

#include "flow_redo.h"
#include "flow_text.h"
#include "flow_zone.h"


#define ZONE_SIZE  FLOW_ZONE_SIZE_MIN

/* Of a record's head, see flow_redo.h. */

#define CHECKSUM_AT  12
#define COVERED_AT   16
#define LENGTH_AT    16


/*
 * Gives each record, from the first on, the checksum that is right; the last
 * one also a length that ends with the bytes, if it went beyond them and
 * "whole" is set.
 */

static inline void
fix_checksums(char *bytes, size_t size, bool whole)
{
    size_t    at, rest;
    uint32_t  checksum;
    uint64_t  length;

    for (at = 0; size - at >= FLOW_REDO_HEAD; at += (size_t) length) {

        rest = size - at;
        memcpy(&length, bytes + at + LENGTH_AT, sizeof(length));

        if (length > rest && whole) {
            length = rest;
            memcpy(bytes + at + LENGTH_AT, &length, sizeof(length));
        }

        if (length < FLOW_REDO_HEAD || length > rest) {
            break;
        }

        checksum = flow_text_checksum(bytes + at + COVERED_AT,
                                      (size_t) length - COVERED_AT);
        memcpy(bytes + at + CHECKSUM_AT, &checksum, sizeof(checksum));
    }
}


/* An empty zone in memory that is used again. */

static inline flow_zone_t *
fresh_zone(char *memory)
{
    memset(memory, 0, ZONE_SIZE);

    return flow_zone_format(memory, ZONE_SIZE);
}


#endif /* FUZZ_STATE_H */
