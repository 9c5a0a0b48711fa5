/*
 * A line of a flow family: the one piece of a scrape that comes a million
 * times.
 */

#ifndef FLOW_LINE_H
#define FLOW_LINE_H

#include "flow_zone.h"


/* Room for any line; the name is the family's, at most FLOW_LINE_NAME_MAX. */

#define FLOW_LINE_NAME_MAX  64
#define FLOW_LINE_MAX       2048


/*
 * Writes the line of a series at "out", which has FLOW_LINE_MAX bytes;
 * returns the number of bytes written.
 */

size_t flow_line_write(char *out, flow_str_t name,
    const flow_series_view_t *view);


#endif /* FLOW_LINE_H */
