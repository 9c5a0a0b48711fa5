/*
 * flow_format: each key of a format has its role, and nothing near it has
 * one.
 */

#include <string.h>

#include "flow_format.h"
#include "tap.h"


/* What pmacct writes, by role; written down once more on purpose. */

static const char *const  pmacct_keys[FLOW_ROLE_COUNT] = {
    "as_src", "as_dst", "bytes", "packets", "label", "peer_ip_src",
    "event_type"
};


static flow_role_e
reference_role(const char *key, size_t len)
{
    flow_role_e  role;

    for (role = 0; role < FLOW_ROLE_COUNT; role++) {
        if (strlen(pmacct_keys[role]) == len
            && memcmp(pmacct_keys[role], key, len) == 0)
        {
            break;
        }
    }

    return role;
}


static bool
role_agrees(const char *data, size_t len)
{
    flow_str_t  key;

    key.data = data;
    key.len = len;

    return flow_format_role(&flow_format_pmacct, key)
           == reference_role(data, len);
}


/* Each key cut, lengthened, and with each of its bytes changed. */

static bool
neighbours_agree(const char *key)
{
    char    text[32];
    bool    good;
    size_t  i, len;
    int     c;

    good = true;
    len = strlen(key);

    for (i = 0; i <= len; i++) {
        good = role_agrees(key, i) && role_agrees(key + i, len - i) && good;
    }

    for (i = 0; i < len; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, key, len);
            text[i] = (char) c;
            text[len] = (char) c;

            good = role_agrees(text, len) && role_agrees(text, len + 1)
                   && good;
        }
    }

    return good;
}


int
main(void)
{
    size_t                    i;
    flow_role_e               role;
    static const char *const  others[] = {
        "", "tag", "ip_src", "ip_dst", "ip_proto", "peer_as_src", "peer_ip_dst",
        "flows", "stamp_inserted", "writer_id", "AS_SRC", "Label"
    };

    for (role = 0; role < FLOW_ROLE_COUNT; role++) {
        ok(role_agrees(pmacct_keys[role], strlen(pmacct_keys[role])),
           "pmacct: %s", pmacct_keys[role]);
        ok(neighbours_agree(pmacct_keys[role]),
           "pmacct: what differs from %s in one byte", pmacct_keys[role]);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ok(role_agrees(others[i], strlen(others[i])),
           "pmacct: \"%s\" has no role", others[i]);
    }

    return done();
}
