/*
 * Each state file by itself, for who looks at them; see flow_store_look.h.
 */

#include <string.h>

#include "flow_store_files.h"
#include "flow_store_look.h"


typedef struct {
    flow_store_t        *store;
    flow_store_view_pt   handler;
    void                *data;
} flow_store_looking_t;


static void flow_store_view_init(const flow_store_looking_t *looking,
    flow_store_kind_e kind, uint32_t place, char *name,
    flow_store_view_t *view);
static void flow_store_verify_image(const flow_store_looking_t *looking,
    flow_store_reader_t *reader, uint32_t place);
static void flow_store_verify_log(const flow_store_looking_t *looking,
    flow_store_reader_t *reader, uint32_t place);
static int flow_store_verify_records(flow_store_reader_t *reader,
    flow_store_view_t *view, bool *ends, flow_error_t *error);
static bool flow_store_is_last(const flow_store_t *store, uint32_t place);
static void flow_store_learn_lineage(flow_store_reader_t *reader);


void
flow_store_each(flow_store_t *store, flow_store_view_pt handler, void *data)
{
    char                  name[FLOW_STORE_FILE_MAX];
    uint32_t              i, k;
    flow_store_view_t     view;
    flow_store_looking_t  looking = { store, handler, data };

    static const flow_store_kind_e  kinds[] = {
        FLOW_STORE_IMAGE, FLOW_STORE_LOG
    };

    for (k = 0; k < FLOW_STORE_KIND_COUNT; k++) {
        for (i = 0; i < store->lists[kinds[k]].count; i++) {
            flow_store_view_init(&looking, kinds[k], i, name, &view);
            handler(data, &view);
        }
    }
}


int
flow_store_verify(flow_store_t *store, flow_store_view_pt handler, void *data,
    flow_error_t *error)
{
    uint32_t              i;
    flow_store_reader_t   reader;
    flow_store_looking_t  looking = { store, handler, data };

    if (flow_store_list(store, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    flow_store_reader_init(&reader, store);

    /* the newest that is whole is whose lineage counts */

    for (i = 0; i < store->lists[FLOW_STORE_IMAGE].count; i++) {
        flow_store_verify_image(&looking, &reader, i);
    }

    for (i = 0; i < store->lists[FLOW_STORE_LOG].count; i++) {
        flow_store_verify_log(&looking, &reader, i);
    }

    flow_store_reader_done(&reader);

    return FLOW_OK;
}


static void
flow_store_view_init(const flow_store_looking_t *looking,
    flow_store_kind_e kind, uint32_t place, char *name,
    flow_store_view_t *view)
{
    const flow_store_file_t  *file;

    file = &looking->store->lists[kind].files[place];
    flow_store_name(looking->store, kind, &file->position, name);

    memset(view, 0, sizeof(*view));
    view->name = name;
    view->image = (kind == FLOW_STORE_IMAGE);
    view->bytes = file->bytes;
    view->time = file->time;
}


static void
flow_store_verify_image(const flow_store_looking_t *looking,
    flow_store_reader_t *reader, uint32_t place)
{
    char               name[FLOW_STORE_FILE_MAX];
    flow_error_t       error;
    flow_store_view_t  view;

    flow_store_view_init(looking, FLOW_STORE_IMAGE, place, name, &view);
    view.verdict = FLOW_STORE_BAD;

    switch (flow_store_reader_image(reader,
        &looking->store->lists[FLOW_STORE_IMAGE].files[place].position,
        &error))
    {

    case FLOW_OK:
        view.verdict = FLOW_STORE_GOOD;
        reader->lineage = reader->head.position.lineage;
        looking->store->image = reader->head.position;
        break;

    case FLOW_DECLINED:
        view.offset = reader->offset;
        view.reason = reader->reason;
        break;

    default:
        view.trouble = &error;
        break;
    }

    looking->handler(looking->data, &view);
}


static void
flow_store_verify_log(const flow_store_looking_t *looking,
    flow_store_reader_t *reader, uint32_t place)
{
    bool                      ends;
    char                      name[FLOW_STORE_FILE_MAX];
    flow_error_t              error;
    flow_store_view_t         view;
    const flow_store_list_t  *logs;

    logs = &looking->store->lists[FLOW_STORE_LOG];
    flow_store_view_init(looking, FLOW_STORE_LOG, place, name, &view);

    if (flow_store_reader_open(reader, FLOW_STORE_LOG,
                               &logs->files[place].position, &error)
        != FLOW_OK
        || flow_store_verify_records(reader, &view, &ends, &error) != FLOW_OK)
    {
        view.verdict = FLOW_STORE_BAD;
        view.reason = NULL;
        view.trouble = &error;

    } else if (view.reason == NULL) {
        view.verdict = FLOW_STORE_GOOD;

    } else {
        view.verdict = ends && flow_store_is_last(looking->store, place)
                       ? FLOW_STORE_TORN : FLOW_STORE_BAD;
    }

    looking->handler(looking->data, &view);
}


/* "ends": all that is wrong is that the file ends within a record. */

static int
flow_store_verify_records(flow_store_reader_t *reader,
    flow_store_view_t *view, bool *ends, flow_error_t *error)
{
    int  rc;

    *ends = false;

    if (reader->lineage == 0) {
        flow_store_learn_lineage(reader);
    }

    for ( ;; ) {
        rc = flow_store_reader_next(reader, error);

        switch (rc) {

        case FLOW_OK:
            view->records++;
            *ends = false;
            break;

        case FLOW_AGAIN:

            if (view->reason == NULL) {
                view->offset = reader->offset;
                view->reason = reader->reason;
                *ends = reader->ends;
            }

            break;

        case FLOW_DECLINED:
            return FLOW_OK;

        default:
            return FLOW_ERROR;
        }
    }
}


static bool
flow_store_is_last(const flow_store_t *store, uint32_t place)
{
    const flow_store_list_t  *logs;

    logs = &store->lists[FLOW_STORE_LOG];

    while (++place < logs->count) {
        if (logs->files[place].bytes != 0) {
            return false;
        }
    }

    return true;
}


/* Without an image a log's first record tells of its own. */

static void
flow_store_learn_lineage(flow_store_reader_t *reader)
{
    flow_error_t      error;
    flow_redo_head_t  head;

    if (reader->size >= FLOW_REDO_HEAD
        && flow_store_reader_view(reader, 0, FLOW_REDO_HEAD, &error)
           == FLOW_OK
        && flow_redo_head(reader->bytes, FLOW_REDO_HEAD, &head) == FLOW_OK)
    {
        reader->lineage = head.position.lineage;
    }
}
