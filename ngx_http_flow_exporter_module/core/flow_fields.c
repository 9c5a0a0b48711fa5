/*
 * The roles of a record -> flow record, or the reason why there is none: the
 * half of decoding (step 1) that knows nothing of JSON's syntax.
 */

#include "flow_fields.h"
#include "flow_text.h"

#include <string.h>


static void flow_fields_set_number(flow_field_number_t *number,
    flow_field_e kind, flow_str_t text);
static void flow_fields_check_as(flow_field_number_t *number);
static void flow_fields_set_label(flow_field_label_t *label,
    flow_field_e kind, flow_str_t text);
static bool flow_fields_are_invalid(const flow_fields_t *fields,
    flow_reason_e *reason);


void
flow_fields_begin(flow_fields_t *fields)
{
    flow_role_e  role;

    for (role = FLOW_ROLE_SOURCE_AS; role <= FLOW_ROLE_BYTES; role++) {
        fields->numbers[role].status = FLOW_DECLINED;
    }

    fields->packets = false;
    fields->other_event = false;
    fields->hostname.len = 0;
    fields->fallback.len = 0;
}


void
flow_fields_set(flow_fields_t *fields, const flow_format_t *format,
    flow_role_e role, flow_field_e kind, flow_str_t text)
{
    const flow_str_t  *flow;

    switch (role) {

    case FLOW_ROLE_SOURCE_AS:
    case FLOW_ROLE_DESTINATION_AS:
        flow_fields_set_number(&fields->numbers[role], kind, text);
        flow_fields_check_as(&fields->numbers[role]);
        break;

    case FLOW_ROLE_BYTES:
        flow_fields_set_number(&fields->numbers[role], kind, text);
        break;

    case FLOW_ROLE_PACKETS:
        fields->packets = (kind != FLOW_FIELD_NULL);
        break;

    case FLOW_ROLE_HOSTNAME:
        flow_fields_set_label(&fields->hostname, kind, text);
        break;

    case FLOW_ROLE_HOSTNAME_FALLBACK:
        flow_fields_set_label(&fields->fallback, kind, text);
        break;

    case FLOW_ROLE_EVENT_TYPE:
        flow = &format->flow_event;
        fields->other_event = (kind != FLOW_FIELD_NULL
                               && (kind != FLOW_FIELD_STRING
                                   || text.len != flow->len
                                   || memcmp(text.data, flow->data,
                                             text.len) != 0));
        break;

    case FLOW_ROLE_COUNT:
        break;
    }
}


int
flow_fields_end(const flow_fields_t *fields, flow_record_t *record,
    flow_skip_e *skip, flow_reason_e *reason)
{
    const flow_field_label_t   *label;
    const flow_field_number_t  *numbers;

    numbers = fields->numbers;

    if (fields->other_event) {
        *skip = FLOW_SKIP_EVENT_TYPE;
        return FLOW_DECLINED;
    }

    if (numbers[FLOW_ROLE_BYTES].status == FLOW_DECLINED && !fields->packets) {
        *skip = FLOW_SKIP_NO_COUNTERS;
        return FLOW_DECLINED;
    }

    if (flow_fields_are_invalid(fields, reason)) {
        return FLOW_ERROR;
    }

    label = (fields->hostname.len != 0) ? &fields->hostname
                                        : &fields->fallback;

    record->bytes = numbers[FLOW_ROLE_BYTES].value;
    record->source_as = (uint32_t) numbers[FLOW_ROLE_SOURCE_AS].value;
    record->destination_as
        = (uint32_t) numbers[FLOW_ROLE_DESTINATION_AS].value;
    record->hostname.len = label->len;
    record->hostname.data = label->data;
    record->hostname_cut = (label->len != 0 && label->cut);
    record->hostname_repaired = (label->len != 0 && label->repaired);

    return FLOW_OK;
}


static void
flow_fields_set_number(flow_field_number_t *number, flow_field_e kind,
    flow_str_t text)
{
    number->status = FLOW_ERROR;

    switch (kind) {

    case FLOW_FIELD_NULL:
        number->status = FLOW_DECLINED;
        break;

    case FLOW_FIELD_STRING:
    case FLOW_FIELD_NUMBER:
        if (flow_text_parse_number(text, &number->value, &number->reason)
            == FLOW_OK)
        {
            number->status = FLOW_OK;
        }

        break;

    case FLOW_FIELD_OTHER:
        number->reason = FLOW_REASON_NOT_NUMBER;
        break;
    }
}


/* What does not fit 64 bits is above 2^32-1 as well. */

static void
flow_fields_check_as(flow_field_number_t *number)
{
    if (number->status == FLOW_OK && number->value > UINT32_MAX) {
        number->status = FLOW_ERROR;
        number->reason = FLOW_REASON_AS_RANGE;
    }

    if (number->status == FLOW_ERROR
        && number->reason == FLOW_REASON_OVERFLOW)
    {
        number->reason = FLOW_REASON_AS_RANGE;
    }
}


/*
 * pmacct can be told to write its label as an object: that is no hostname,
 * and nothing is wrong with the record.
 */

static void
flow_fields_set_label(flow_field_label_t *label, flow_field_e kind,
    flow_str_t text)
{
    label->len = 0;

    if (kind == FLOW_FIELD_STRING) {
        label->len = flow_text_clean_label(label->data, text, &label->cut,
                                           &label->repaired);
    }
}


static bool
flow_fields_are_invalid(const flow_fields_t *fields, flow_reason_e *reason)
{
    flow_role_e                 role;
    static const flow_reason_e  missing[] = {
        FLOW_REASON_MISSING_SOURCE_AS,
        FLOW_REASON_MISSING_DESTINATION_AS,
        FLOW_REASON_MISSING_BYTES
    };

    for (role = FLOW_ROLE_SOURCE_AS; role <= FLOW_ROLE_BYTES; role++) {
        if (fields->numbers[role].status == FLOW_ERROR) {
            *reason = fields->numbers[role].reason;
            return true;
        }
    }

    for (role = FLOW_ROLE_SOURCE_AS; role <= FLOW_ROLE_BYTES; role++) {
        if (fields->numbers[role].status == FLOW_DECLINED) {
            *reason = missing[role];
            return true;
        }
    }

    return false;
}
