/*
 * What is at hand while a record is composed; for flow_publish.c, which claims
 * entries, and flow_publish_write.c, which writes the record, alone.
 */

#ifndef FLOW_PUBLISHING_H
#define FLOW_PUBLISHING_H

#include "flow_publish.h"
#include "flow_zone_word.h"


/* Changed AS names that one record has at most. */

#define FLOW_PUBLISH_RENAMES  2048


typedef struct {
    flow_publish_t  *of;
    flow_zone_t     *zone;
    flow_redo_t      redo;
    size_t           left;           /* of the journal, for what is new */
    flow_sum_t       overflow[FLOW_DIRECTION_COUNT];
    uint64_t         overflow_records;
    flow_redo_as_t   renames[FLOW_PUBLISH_RENAMES];
    uint32_t         rename_count;
    uint64_t         left_bytes[FLOW_DIRECTION_COUNT];
} flow_publishing_t;


void flow_publish_write(flow_publishing_t *now);


#endif /* FLOW_PUBLISHING_H */
