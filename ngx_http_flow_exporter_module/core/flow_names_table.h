/*
 * Private to flow_names*.c: the table of AS names, and the readers of each
 * kind of file, which fill it.
 *
 *   index   AS number -> place in the arena
 *   arena   [ number, 4 bytes | length, 1 byte | name ] [ ... ] ...
 */

#ifndef FLOW_NAMES_TABLE_H
#define FLOW_NAMES_TABLE_H

#include "flow_index.h"
#include "flow_names.h"


struct flow_names_s {
    flow_index_t  index;
    char         *arena;
    uint32_t      arena_used;
    uint32_t      arena_size;
    int64_t       timestamp;     /* seconds */
};


/*
 * Adds a name, cleaned, unless it is empty or the AS number has one already.
 * FLOW_OK, or FLOW_ERROR if memory is short.
 */

int flow_names_table_add(flow_names_t *names, uint32_t as_number,
    flow_str_t name) FLOW_MUST_CHECK;

/* Reads "15169" or "AS15169": FLOW_OK, or FLOW_DECLINED if it is neither. */

int flow_names_table_number(flow_str_t text, uint32_t *as_number)
    FLOW_MUST_CHECK;


/*
 * The readers: each adds the file's names until there are "limit" of them,
 * which must be one at the least.  FLOW_OK, FLOW_ERROR with a sentence;
 * FLOW_DECLINED where the file is no MMDB.
 */

int flow_names_mmdb_read(flow_names_t *names, const char *path, size_t limit,
    flow_error_t *error) FLOW_MUST_CHECK;
int flow_names_text_read(flow_names_t *names, const char *path, int fd,
    size_t limit, flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_NAMES_TABLE_H */
