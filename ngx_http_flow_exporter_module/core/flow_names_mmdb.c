/*
 * AS names from an MMDB, which is keyed by IP address: reads each node of the
 * search tree once, in the order of the file, so that neither depth nor the
 * second ways into a tree (IPv4 within IPv6) nor loops in a damaged one
 * matter, and decodes each data record once, however many networks share it.
 *
 * libmaxminddb maps the file: cut short while it is read, it ends the process
 * by SIGBUS.  Updaters put a new file in the place of the old one instead.
 */

#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#include "flow_names_table.h"
#include "flow_text.h"


/* So many data records without a name tell a file of another purpose. */

#define FLOW_NAMES_MMDB_FOREIGN  10000


typedef struct {
    MMDB_s         mmdb;
    flow_names_t  *names;
    uint8_t       *seen;       /* a bit for each offset in the data section */
    uint32_t       records;    /* seen so far */
} flow_names_mmdb_t;


static int flow_names_mmdb_walk(flow_names_mmdb_t *reader, const char *path,
    size_t limit, flow_error_t *error);
static int flow_names_mmdb_branch(flow_names_mmdb_t *reader, uint8_t type,
    MMDB_entry_s *entry);
static int flow_names_mmdb_record(flow_names_mmdb_t *reader,
    MMDB_entry_s *entry);
static int flow_names_mmdb_number(const MMDB_entry_data_s *value,
    uint32_t *as_number);
static int flow_names_mmdb_value(MMDB_entry_s *entry,
    const char *const *keys, MMDB_entry_data_s *value);


/* GeoLite2-ASN and DB-IP ASN Lite, then IPinfo. */

static const char *const  flow_names_mmdb_number_keys[] = {
    "autonomous_system_number", "asn", NULL
};

static const char *const  flow_names_mmdb_name_keys[] = {
    "autonomous_system_organization", "as_name", "name", NULL
};


int
flow_names_mmdb_read(flow_names_t *names, const char *path, size_t limit,
    flow_error_t *error)
{
    int                rc, status;
    flow_names_mmdb_t  reader;

    memset(&reader, 0, sizeof(reader));
    reader.names = names;

    status = MMDB_open(path, MMDB_MODE_MMAP, &reader.mmdb);

    if (status == MMDB_INVALID_METADATA_ERROR) {
        return FLOW_DECLINED;
    }

    if (status != MMDB_SUCCESS) {
        flow_error_set(error, "MMDB_open(\"%s\") failed (%s)",
                       path, MMDB_strerror(status));
        return FLOW_ERROR;
    }

    if (reader.mmdb.metadata.build_epoch <= INT64_MAX) {
        names->timestamp = (int64_t) reader.mmdb.metadata.build_epoch;
    }

    reader.seen = calloc((size_t) reader.mmdb.data_section_size / 8 + 1, 1);

    if (reader.seen != NULL) {
        rc = flow_names_mmdb_walk(&reader, path, limit, error);

    } else {
        flow_error_set(error, "no memory for the AS names in \"%s\"", path);
        rc = FLOW_ERROR;
    }

    free(reader.seen);
    MMDB_close(&reader.mmdb);

    return rc;
}


static int
flow_names_mmdb_walk(flow_names_mmdb_t *reader, const char *path,
    size_t limit, flow_error_t *error)
{
    int                 status;
    uint32_t            i;
    MMDB_search_node_s  node;

    for (i = 0; i < reader->mmdb.metadata.node_count; i++) {

        status = MMDB_read_node(&reader->mmdb, i, &node);

        if (status == MMDB_SUCCESS) {
            status = flow_names_mmdb_branch(reader, node.left_record_type,
                                            &node.left_record_entry);
        }

        if (status == MMDB_SUCCESS) {
            status = flow_names_mmdb_branch(reader, node.right_record_type,
                                            &node.right_record_entry);
        }

        if (status != MMDB_SUCCESS) {
            flow_error_set(error, "MMDB \"%s\" failed at node %u (%s)",
                           path, i, MMDB_strerror(status));
            return FLOW_ERROR;
        }

        if (flow_names_count(reader->names) >= limit) {
            return FLOW_OK;
        }

        if (flow_names_count(reader->names) == 0
            && reader->records >= FLOW_NAMES_MMDB_FOREIGN)
        {
            break;
        }
    }

    if (flow_names_count(reader->names) != 0) {
        return FLOW_OK;
    }

    flow_error_set(error, "MMDB \"%s\" of type \"%s\" has no AS names",
                   path, reader->mmdb.metadata.database_type);

    return FLOW_ERROR;
}


/* Follows one of a node's two records; returns MMDB_SUCCESS or an error. */

static int
flow_names_mmdb_branch(flow_names_mmdb_t *reader, uint8_t type,
    MMDB_entry_s *entry)
{
    uint8_t  bit;

    if (type == MMDB_RECORD_TYPE_SEARCH_NODE || type == MMDB_RECORD_TYPE_EMPTY)
    {
        return MMDB_SUCCESS;
    }

    if (type != MMDB_RECORD_TYPE_DATA
        || entry->offset >= reader->mmdb.data_section_size)
    {
        return MMDB_CORRUPT_SEARCH_TREE_ERROR;
    }

    bit = (uint8_t) (1 << entry->offset % 8);

    if (reader->seen[entry->offset / 8] & bit) {
        return MMDB_SUCCESS;
    }

    reader->seen[entry->offset / 8] |= bit;
    reader->records++;

    return flow_names_mmdb_record(reader, entry);
}


/* Adds the name in a data record, if there is one. */

static int
flow_names_mmdb_record(flow_names_mmdb_t *reader, MMDB_entry_s *entry)
{
    int                status;
    uint32_t           as_number;
    flow_str_t         name;
    MMDB_entry_data_s  value;

    status = flow_names_mmdb_value(entry, flow_names_mmdb_number_keys,
                                   &value);

    if (status != MMDB_SUCCESS || !value.has_data
        || flow_names_mmdb_number(&value, &as_number) != FLOW_OK)
    {
        return status;
    }

    status = flow_names_mmdb_value(entry, flow_names_mmdb_name_keys, &value);

    if (status != MMDB_SUCCESS || !value.has_data
        || value.type != MMDB_DATA_TYPE_UTF8_STRING)
    {
        return status;
    }

    name.len = value.data_size;
    name.data = value.utf8_string;

    if (flow_names_table_add(reader->names, as_number, name) != FLOW_OK) {
        return MMDB_OUT_OF_MEMORY_ERROR;
    }

    return MMDB_SUCCESS;
}


static int
flow_names_mmdb_number(const MMDB_entry_data_s *value, uint32_t *as_number)
{
    flow_str_t  text;

    switch (value->type) {

    case MMDB_DATA_TYPE_UINT16:
        *as_number = value->uint16;
        return FLOW_OK;

    case MMDB_DATA_TYPE_UINT32:
        *as_number = value->uint32;
        return FLOW_OK;

    case MMDB_DATA_TYPE_INT32:
        *as_number = (uint32_t) value->int32;
        return value->int32 >= 0 ? FLOW_OK : FLOW_DECLINED;

    case MMDB_DATA_TYPE_UINT64:
        *as_number = (uint32_t) value->uint64;
        return value->uint64 <= UINT32_MAX ? FLOW_OK : FLOW_DECLINED;

    case MMDB_DATA_TYPE_UTF8_STRING:
        text.len = value->data_size;
        text.data = value->utf8_string;
        return flow_names_table_number(text, as_number);

    default:
        return FLOW_DECLINED;
    }
}


/*
 * Gets the value of the first key that the record has; value->has_data is
 * false if it has none of them.  Returns MMDB_SUCCESS or an error.
 */

static int
flow_names_mmdb_value(MMDB_entry_s *entry, const char *const *keys,
    MMDB_entry_data_s *value)
{
    int          status;
    const char  *path[2];

    path[1] = NULL;
    value->has_data = false;

    for ( /* void */ ; *keys != NULL; keys++) {
        path[0] = *keys;

        status = MMDB_aget_value(entry, value, path);

        if (status == MMDB_SUCCESS && value->has_data) {
            return MMDB_SUCCESS;
        }

        /* the record lacks the key, or is not even a map */

        if (status != MMDB_SUCCESS
            && status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
        {
            return status;
        }

        value->has_data = false;
    }

    return MMDB_SUCCESS;
}
