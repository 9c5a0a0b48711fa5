/*
 * The values that a record gives to its roles, as the decoder meets them, and
 * what comes of them: a flow record, or the reason why there is none.
 */

#ifndef FLOW_FIELDS_H
#define FLOW_FIELDS_H

#include "flow_format.h"
#include "flow_record.h"


/* Kinds of JSON values. */

typedef enum {
    FLOW_FIELD_NULL = 0,
    FLOW_FIELD_STRING,
    FLOW_FIELD_NUMBER,
    FLOW_FIELD_OTHER         /* true, false, object, array */
} flow_field_e;


typedef struct {
    uint64_t       value;    /* where status is FLOW_OK */
    int            status;   /* FLOW_DECLINED: missing; FLOW_ERROR: wrong */
    flow_reason_e  reason;   /* where status is FLOW_ERROR */
} flow_field_number_t;


typedef struct {
    size_t  len;             /* 0: missing or empty */
    bool    cut;
    bool    repaired;
    char    data[FLOW_LABEL_MAX];
} flow_field_label_t;


typedef struct {
    flow_field_number_t  numbers[FLOW_ROLE_BYTES + 1];   /* by role */
    bool                 packets;
    bool                 other_event;
    flow_field_label_t   hostname;
    flow_field_label_t   fallback;
} flow_fields_t;


/* Begins a record, in which every role is missing. */

void flow_fields_begin(flow_fields_t *fields);

/*
 * Sets the value of a role; "text" is that of a string or a number, and is
 * copied.  A later value replaces an earlier one; null makes it missing.
 */

void flow_fields_set(flow_fields_t *fields, const flow_format_t *format,
    flow_role_e role, flow_field_e kind, flow_str_t text);

/*
 * Ends a record.  FLOW_OK: *record, valid until the next record begins;
 * FLOW_DECLINED: no flow, by *skip; FLOW_ERROR: invalid, by *reason.  Which
 * of several reasons is told is fixed: a wrong value before a missing one,
 * and source AS, destination AS, bytes.
 */

int flow_fields_end(const flow_fields_t *fields, flow_record_t *record,
    flow_skip_e *skip, flow_reason_e *reason) FLOW_MUST_CHECK;


#endif /* FLOW_FIELDS_H */
