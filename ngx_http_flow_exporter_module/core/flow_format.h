/*
 * Where a collector keeps each role of a flow record.  A format is a
 * constant table; any thread may read it.
 */

#ifndef FLOW_FORMAT_H
#define FLOW_FORMAT_H

#include "flow_record.h"


typedef enum {
    FLOW_ROLE_SOURCE_AS = 0,
    FLOW_ROLE_DESTINATION_AS,
    FLOW_ROLE_BYTES,
    FLOW_ROLE_PACKETS,
    FLOW_ROLE_HOSTNAME,             /* first choice */
    FLOW_ROLE_HOSTNAME_FALLBACK,    /* where the first is missing or empty */
    FLOW_ROLE_EVENT_TYPE,           /* tells flows from other events */
    FLOW_ROLE_COUNT
} flow_role_e;


typedef struct {
    flow_str_t  name;                   /* as the user writes it */
    flow_str_t  keys[FLOW_ROLE_COUNT];  /* of the object; len 0: none */
    flow_str_t  flow_event;             /* event type of a flow record */
} flow_format_t;


/* nfacctd, pmacctd, sfacctd and uacctd with "kafka_output: json". */

extern const flow_format_t  flow_format_pmacct;


/* Returns the role kept under "key", or FLOW_ROLE_COUNT if none is. */

flow_role_e flow_format_role(const flow_format_t *format, flow_str_t key);


#endif /* FLOW_FORMAT_H */
