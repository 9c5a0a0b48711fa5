/*
 * AS names from a text list, one "<number> <name>" a line:
 *
 *   15169 GOOGLE - Google LLC, US      RIPE's asn.txt
 *     AS15169   GOOGLE, US             as CIDR Report has published it, too
 *
 * Blank lines and those that begin with "#" are no entries.  The first entry
 * decides: if it cannot be read, this is no such list; later ones that cannot
 * be read are left out.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "flow_names_table.h"
#include "flow_text.h"


/*
 * What a line has beyond this is ignored.  A name is cut much earlier, so
 * that the bound is on memory alone.
 */

#define FLOW_NAMES_LINE_MAX  16384


typedef struct {
    int     fd;
    size_t  start;      /* of what has not been handed out yet */
    size_t  end;
    size_t  line;       /* number of the line handed out last */
    bool    open;       /* what was handed out last has no line feed */
    char    buffer[FLOW_NAMES_LINE_MAX];
} flow_names_text_t;


static int flow_names_text_walk(flow_names_text_t *reader,
    flow_names_t *names, const char *path, size_t limit, flow_error_t *error);
static int flow_names_text_line(flow_names_text_t *reader, flow_str_t *line);
static int flow_names_text_piece(flow_names_text_t *reader,
    flow_str_t *piece);
static int flow_names_text_fill(flow_names_text_t *reader);
static bool flow_names_text_is_blank(char c);
static flow_str_t flow_names_text_trim(flow_str_t text);
static int flow_names_text_parse(flow_str_t line, uint32_t *as_number,
    flow_str_t *name);
static void flow_names_text_cut_country(flow_str_t *name);


int
flow_names_text_read(flow_names_t *names, const char *path, int fd,
    size_t limit, flow_error_t *error)
{
    flow_names_text_t  reader;

    memset(&reader, 0, sizeof(reader));
    reader.fd = fd;

    if (flow_names_text_walk(&reader, names, path, limit, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    if (flow_names_count(names) == 0) {
        flow_error_set(error, "\"%s\" has no AS names", path);
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


static int
flow_names_text_walk(flow_names_text_t *reader, flow_names_t *names,
    const char *path, size_t limit, flow_error_t *error)
{
    int         rc;
    bool        first;
    uint32_t    as_number;
    flow_str_t  line, name;

    first = true;

    while (flow_names_count(names) < limit) {

        rc = flow_names_text_line(reader, &line);

        if (rc == FLOW_DECLINED) {
            break;
        }

        if (rc == FLOW_ERROR) {
            flow_error_set(error, "read() \"%s\" failed (%d: %s)",
                           path, errno, strerror(errno));
            return FLOW_ERROR;
        }

        line = flow_names_text_trim(line);

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        if (flow_names_text_parse(line, &as_number, &name) == FLOW_OK) {

            if (flow_names_table_add(names, as_number, name) != FLOW_OK) {
                flow_error_set(error, "no memory for the AS names in \"%s\"",
                               path);
                return FLOW_ERROR;
            }

        } else if (first) {
            flow_error_set(error, "\"%s\" is neither an intact MMDB nor a "
                           "list of AS names: no \"<number> <name>\" "
                           "in line %zu", path, reader->line);
            return FLOW_ERROR;
        }

        first = false;
    }

    return FLOW_OK;
}


/*
 * Hands out the next line without its line feed, valid until the next call.
 * FLOW_OK, FLOW_DECLINED at the end of the file, FLOW_ERROR with errno.
 */

static int
flow_names_text_line(flow_names_text_t *reader, flow_str_t *line)
{
    int   rc;
    bool  rest;

    do {
        rest = reader->open;
        rc = flow_names_text_piece(reader, line);
    } while (rc == FLOW_OK && rest);

    reader->line++;

    return rc;
}


/* A line, or as much of one as the buffer holds, "open" then.  As above. */

static int
flow_names_text_piece(flow_names_text_t *reader, flow_str_t *piece)
{
    int    rc;
    char  *start, *feed;

    rc = FLOW_OK;

    for ( ;; ) {
        start = &reader->buffer[reader->start];

        piece->data = start;
        piece->len = reader->end - reader->start;

        feed = memchr(start, '\n', piece->len);

        if (feed != NULL) {
            piece->len = (size_t) (feed - start);
            reader->start += piece->len + 1;
            reader->open = false;
            return FLOW_OK;
        }

        if (rc == FLOW_DECLINED && piece->len == 0) {
            return FLOW_DECLINED;
        }

        if (rc == FLOW_DECLINED || piece->len == sizeof(reader->buffer)) {
            reader->start = reader->end;
            reader->open = true;
            return FLOW_OK;
        }

        rc = flow_names_text_fill(reader);

        if (rc == FLOW_ERROR) {
            return FLOW_ERROR;
        }
    }
}


/* FLOW_OK, FLOW_DECLINED at the end of the file, FLOW_ERROR with errno. */

static int
flow_names_text_fill(flow_names_text_t *reader)
{
    ssize_t  n;

    if (reader->start != 0) {
        memmove(reader->buffer, &reader->buffer[reader->start],
                reader->end - reader->start);

        reader->end -= reader->start;
        reader->start = 0;
    }

    do {
        n = read(reader->fd, &reader->buffer[reader->end],
                 sizeof(reader->buffer) - reader->end);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return FLOW_ERROR;
    }

    reader->end += (size_t) n;

    return n == 0 ? FLOW_DECLINED : FLOW_OK;
}


static bool
flow_names_text_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}


static flow_str_t
flow_names_text_trim(flow_str_t text)
{
    while (text.len != 0 && flow_names_text_is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }

    while (text.len != 0
           && flow_names_text_is_blank(text.data[text.len - 1]))
    {
        text.len--;
    }

    return text;
}


/* FLOW_OK, or FLOW_DECLINED if the trimmed line is no entry. */

static int
flow_names_text_parse(flow_str_t line, uint32_t *as_number, flow_str_t *name)
{
    size_t      i;
    flow_str_t  number;

    for (i = 0; i < line.len; i++) {
        if (flow_names_text_is_blank(line.data[i])) {
            break;
        }
    }

    if (i == line.len) {
        return FLOW_DECLINED;
    }

    number.data = line.data;
    number.len = i;

    name->data = &line.data[i];
    name->len = line.len - i;

    *name = flow_names_text_trim(*name);
    flow_names_text_cut_country(name);

    return flow_names_table_number(number, as_number);
}


/*
 * Leaves out a country code, and nothing else that follows a comma: "Level 3
 * Parent, LLC, US" becomes "Level 3 Parent, LLC".
 */

static void
flow_names_text_cut_country(flow_str_t *name)
{
    const char  *end;

    if (name->len < sizeof(", US") - 1) {
        return;
    }

    end = &name->data[name->len - (sizeof(", US") - 1)];

    if (end[0] == ',' && end[1] == ' '
        && end[2] >= 'A' && end[2] <= 'Z' && end[3] >= 'A' && end[3] <= 'Z')
    {
        name->len -= sizeof(", US") - 1;
    }
}
