/*
 * Step 6, its innermost part: a series -> a line of text, label values
 * escaped already.  The caller has room for the longest line, so that no
 * piece of it has to look for the buffer's end.
 */

#include "flow_line.h"

#include <assert.h>
#include <string.h>

#include "flow_text.h"


/* What stands between name, values and number. */

#define FLOW_LINE_TARGET       "{destination_as=\""
#define FLOW_LINE_TARGET_NAME  "\",destination_as_name=\""
#define FLOW_LINE_HOST         "\",hostname=\""
#define FLOW_LINE_SOURCE       "\",source_as=\""
#define FLOW_LINE_SOURCE_NAME  "\",source_as_name=\""
#define FLOW_LINE_VALUE        "\"} "

static_assert(FLOW_LINE_NAME_MAX
              + sizeof(FLOW_LINE_TARGET) + sizeof(FLOW_LINE_TARGET_NAME)
              + sizeof(FLOW_LINE_HOST) + sizeof(FLOW_LINE_SOURCE)
              + sizeof(FLOW_LINE_SOURCE_NAME) + sizeof(FLOW_LINE_VALUE)
              + 3 * FLOW_ESCAPED_MAX + 3 * FLOW_DECIMAL_MAX + 1
              <= FLOW_LINE_MAX,
              "FLOW_LINE_MAX is too small");

#define flow_line_literal(out, text)                                          \
    ((char *) memcpy(out, text, sizeof(text) - 1) + sizeof(text) - 1)


static char *flow_line_as(char *out, const flow_series_view_t *view,
    uint32_t number);


/*
 * Copies "text", cut where it is longer than "max".  Most values have 8 to 64
 * bytes: the blocks are cheaper than a call of memcpy(); the last one overlaps
 * the one before.
 */

static inline char *
flow_line_copy(char *out, flow_str_t text, size_t max)
{
    size_t  at, len;

    len = text.len < max ? text.len : max;

    if (len < 8) {

        for (at = 0; at < len; at++) {
            out[at] = text.data[at];
        }

    } else if (len < 16) {
        memcpy(out, text.data, 8);
        memcpy(out + len - 8, text.data + len - 8, 8);

    } else {

        for (at = 0; at < len - 16; at += 16) {
            memcpy(out + at, text.data + at, 16);
        }

        memcpy(out + len - 16, text.data + len - 16, 16);
    }

    return out + len;
}


size_t
flow_line_write(char *out, flow_str_t name, const flow_series_view_t *view)
{
    char  *start;

    start = out;

    out = flow_line_copy(out, name, FLOW_LINE_NAME_MAX);

    out = flow_line_literal(out, FLOW_LINE_TARGET);
    out = flow_line_as(out, view, view->destination_as);
    out = flow_line_literal(out, FLOW_LINE_TARGET_NAME);
    out = flow_line_copy(out, view->destination_name, FLOW_ESCAPED_MAX);

    out = flow_line_literal(out, FLOW_LINE_HOST);
    out = flow_line_copy(out, view->hostname, FLOW_ESCAPED_MAX);

    out = flow_line_literal(out, FLOW_LINE_SOURCE);
    out = flow_line_as(out, view, view->source_as);
    out = flow_line_literal(out, FLOW_LINE_SOURCE_NAME);
    out = flow_line_copy(out, view->source_name, FLOW_ESCAPED_MAX);

    out = flow_line_literal(out, FLOW_LINE_VALUE);
    out += flow_text_decimal(out, view->bytes);
    *out++ = '\n';

    return (size_t) (out - start);
}


static char *
flow_line_as(char *out, const flow_series_view_t *view, uint32_t number)
{
    if (view->overflow) {
        return flow_line_literal(out, "other");
    }

    return out + flow_text_decimal(out, number);
}
