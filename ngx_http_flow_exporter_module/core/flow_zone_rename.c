/*
 * AS names that have changed, a few a record; see flow_zone_writer.h.
 */

#include <string.h>

#include "flow_text.h"
#include "flow_zone_index.h"


void
flow_zone_adopt_names(flow_zone_writer_t *writer, const flow_names_t *names)
{
    flow_zone_t  *zone;

    zone = writer->zone;

    writer->names = names;
    writer->next_name = FLOW_ZONE_OTHER + 1;
    writer->end_name = writer->filled.as_numbers;

    flow_zone_set(&zone->as_names_loaded, names != NULL);
    flow_zone_set(&zone->as_names, flow_names_count(names));
    flow_zone_set(&zone->as_names_timestamp, flow_names_timestamp(names));
}


void
flow_zone_hold_names(flow_zone_writer_t *writer, bool hold)
{
    writer->hold_names = hold;
}


int
flow_zone_rename(flow_zone_writer_t *writer, uint32_t *entry, uint32_t *name)
{
    char          room[FLOW_ESCAPED_MAX];
    flow_as_t    *slot;
    flow_str_t    wanted;
    flow_zone_t  *zone;

    zone = writer->zone;

    while (flow_zone_has_renames(writer)) {

        *entry = writer->next_name++;
        slot = &flow_zone_as_numbers(zone)[*entry];

        if (flow_rest_has(&writer->index.rest_as_numbers, *entry)) {
            continue;
        }

        wanted.len = flow_text_escape(room,
                         flow_names_find(writer->names,
                                         flow_zone_get(&slot->number)));
        wanted.data = room;

        if (!flow_zone_is_equal(wanted,
                flow_zone_string(zone, flow_zone_get(&slot->name))))
        {
            *name = flow_zone_add_string(writer, wanted);

            if (*name == FLOW_ZONE_NONE) {
                return FLOW_AGAIN;
            }

            flow_zone_rest_string(writer, flow_zone_get(&slot->name));

            return FLOW_OK;
        }
    }

    return FLOW_DECLINED;
}


bool
flow_zone_has_renames(const flow_zone_writer_t *writer)
{
    return !writer->hold_names && writer->next_name < writer->end_name;
}
