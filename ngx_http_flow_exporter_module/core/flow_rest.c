/*
 * Entries out of use, in lists; see flow_rest.h.  For the zone's writer.
 */

#include "flow_rest.h"

#include <stdlib.h>


static void flow_rest_unlink(flow_rest_t *rest, uint32_t node);


/* Memory that is never touched costs nothing: zeros are what it begins with. */

int
flow_rest_init(flow_rest_t *rest, uint32_t capacity)
{
    uint32_t  list;

    rest->count = 0;
    rest->links = calloc((size_t) capacity + FLOW_REST_END,
                         sizeof(flow_rest_link_t));

    if (rest->links == NULL) {
        return FLOW_ERROR;
    }

    for (list = FLOW_REST_RECENT; list < FLOW_REST_END; list++) {
        rest->links[list].next = list;
        rest->links[list].previous = list;
    }

    return FLOW_OK;
}


void
flow_rest_done(flow_rest_t *rest)
{
    free(rest->links);
    rest->links = NULL;
}


void
flow_rest_add(flow_rest_t *rest, uint32_t entry)
{
    flow_rest_move(rest, entry, FLOW_REST_RECENT);
}


void
flow_rest_remove(flow_rest_t *rest, uint32_t entry)
{
    if (flow_rest_has(rest, entry)) {
        flow_rest_unlink(rest, entry + FLOW_REST_END);
    }
}


bool
flow_rest_has(const flow_rest_t *rest, uint32_t entry)
{
    return rest->links[entry + FLOW_REST_END].next != 0;
}


uint32_t
flow_rest_first(const flow_rest_t *rest, flow_rest_e list)
{
    uint32_t  node;

    node = rest->links[list].next;

    return node == (uint32_t) list ? FLOW_REST_NONE : node - FLOW_REST_END;
}


void
flow_rest_move(flow_rest_t *rest, uint32_t entry, flow_rest_e list)
{
    uint32_t           node = entry + FLOW_REST_END;
    flow_rest_link_t  *links = rest->links;

    flow_rest_remove(rest, entry);

    links[node].next = list;
    links[node].previous = links[list].previous;
    links[links[list].previous].next = node;
    links[list].previous = node;
    rest->count++;
}


static void
flow_rest_unlink(flow_rest_t *rest, uint32_t node)
{
    flow_rest_link_t  *links = rest->links;

    links[links[node].next].previous = links[node].previous;
    links[links[node].previous].next = links[node].next;
    links[node].next = 0;
    rest->count--;
}
