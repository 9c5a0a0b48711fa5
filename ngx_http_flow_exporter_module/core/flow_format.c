/*
 * Where a collector keeps each role of a flow record: the tables, and the
 * look-up that the decoder makes for each key of a record.
 */

#include "flow_format.h"

#include <string.h>


const flow_format_t  flow_format_pmacct = {
    .name = flow_string("pmacct"),
    .keys = {
        [FLOW_ROLE_SOURCE_AS] = flow_string("as_src"),
        [FLOW_ROLE_DESTINATION_AS] = flow_string("as_dst"),
        [FLOW_ROLE_BYTES] = flow_string("bytes"),
        [FLOW_ROLE_PACKETS] = flow_string("packets"),
        [FLOW_ROLE_HOSTNAME] = flow_string("label"),
        [FLOW_ROLE_HOSTNAME_FALLBACK] = flow_string("peer_ip_src"),
        [FLOW_ROLE_EVENT_TYPE] = flow_string("event_type")
    },
    .flow_event = flow_string("purge")
};


flow_role_e
flow_format_role(const flow_format_t *format, flow_str_t key)
{
    flow_role_e        role;
    const flow_str_t  *known;

    if (key.len == 0) {
        return FLOW_ROLE_COUNT;
    }

    /* most keys of a record have no role: few bytes tell */

    for (role = 0; role < FLOW_ROLE_COUNT; role++) {
        known = &format->keys[role];

        if (known->len == key.len
            && known->data[0] == key.data[0]
            && known->data[key.len - 1] == key.data[key.len - 1]
            && memcmp(known->data, key.data, key.len) == 0)
        {
            break;
        }
    }

    return role;
}
