/*
 * Reads logs and images.  Nothing of them is believed before its checksum: a
 * length is compared with what the file has before there is memory for it.
 *
 * A record that is not whole leads to a search for the next one that is, by
 * the bytes that each begins with.  Bytes within a record that look like one,
 * in a host's name say, would have to know the lineage.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                /* memmem() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_store_files.h"
#include "flow_text.h"


#define FLOW_STORE_WINDOW      (1024 * 1024)

#define FLOW_STORE_MAGIC       "FLOWREDO"
#define FLOW_STORE_MAGIC_SIZE  (sizeof(FLOW_STORE_MAGIC) - 1)


static int flow_store_reader_record(flow_store_reader_t *reader,
    flow_error_t *error);
static int flow_store_reader_whole(flow_store_reader_t *reader,
    flow_redo_type_e type, flow_error_t *error);
static int flow_store_reader_head(flow_store_reader_t *reader,
    flow_error_t *error);
static int flow_store_reader_seek(flow_store_reader_t *reader,
    flow_error_t *error);
static int flow_store_reader_foreign(const flow_store_reader_t *reader,
    flow_error_t *error);
static int flow_store_reader_fail(const flow_store_reader_t *reader,
    const char *reason, flow_error_t *error);
static int flow_store_reader_grow(flow_store_reader_t *reader, size_t size,
    flow_error_t *error);
static int flow_store_reader_fill(flow_store_reader_t *reader,
    flow_error_t *error);


void
flow_store_reader_init(flow_store_reader_t *reader, const flow_store_t *store)
{
    memset(reader, 0, sizeof(*reader));

    reader->store = store;
    reader->descriptor = -1;
}


void
flow_store_reader_done(flow_store_reader_t *reader)
{
    if (reader->descriptor != -1) {
        (void) close(reader->descriptor);
        reader->descriptor = -1;
    }

    free(reader->window);
    reader->window = NULL;
}


int
flow_store_reader_open(flow_store_reader_t *reader, flow_store_kind_e kind,
    const flow_position_t *position, flow_error_t *error)
{
    struct stat  status;

    if (reader->descriptor != -1) {
        (void) close(reader->descriptor);
    }

    flow_store_name(reader->store, kind, position, reader->file);

    /* O_NONBLOCK: whatever took the file's place is not waited for */

    reader->descriptor = openat(reader->store->directory, reader->file,
                                O_RDONLY | O_CLOEXEC | O_NOFOLLOW
                                | O_NONBLOCK);

    if (reader->descriptor == -1) {
        flow_store_failed(reader->store, "open", reader->file, error);
        return FLOW_ERROR;
    }

    if (fstat(reader->descriptor, &status) == -1) {
        flow_store_failed(reader->store, "fstat", reader->file, error);
        return FLOW_ERROR;
    }

    if (!S_ISREG(status.st_mode)) {
        return flow_store_reader_fail(reader, "is not a regular file", error);
    }

    reader->size = (uint64_t) status.st_size;
    reader->at = 0;
    reader->lost = false;
    reader->window_at = 0;
    reader->window_used = 0;

    return FLOW_OK;
}


int
flow_store_reader_check(flow_store_reader_t *reader, flow_error_t *error)
{
    flow_redo_head_t  head;

    if (reader->size < FLOW_REDO_HEAD) {
        return FLOW_OK;
    }

    if (flow_store_reader_view(reader, 0, FLOW_REDO_HEAD, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    if (flow_redo_head(reader->bytes, FLOW_REDO_HEAD, &head) != FLOW_OK
        || head.position.lineage == reader->lineage
        || head.length > reader->size)
    {
        return FLOW_OK;
    }

    if (flow_store_reader_view(reader, 0, head.length, error) != FLOW_OK) {
        return FLOW_ERROR;
    }

    return flow_redo_is_whole(reader->bytes, (size_t) head.length)
           ? flow_store_reader_foreign(reader, error)
           : FLOW_OK;
}


int
flow_store_reader_next(flow_store_reader_t *reader, flow_error_t *error)
{
    int  rc;

    while (reader->at < reader->size) {

        if (reader->lost) {
            rc = flow_store_reader_seek(reader, error);
            if (rc != FLOW_OK) {
                return rc;
            }
        }

        rc = flow_store_reader_record(reader, error);

        if (rc == FLOW_OK) {
            reader->lost = false;
            reader->at += reader->head.length;
            return FLOW_OK;
        }

        if (rc == FLOW_ERROR) {
            return FLOW_ERROR;
        }

        reader->at++;

        if (!reader->lost) {
            reader->lost = true;
            return FLOW_AGAIN;
        }
    }

    return FLOW_DECLINED;
}


int
flow_store_reader_image(flow_store_reader_t *reader,
    const flow_position_t *position, flow_error_t *error)
{
    int  rc;

    if (flow_store_reader_open(reader, FLOW_STORE_IMAGE, position, error)
        != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    rc = flow_store_reader_whole(reader, FLOW_REDO_IMAGE, error);

    if (rc != FLOW_OK) {
        return rc;
    }

    if (reader->head.length != reader->size) {
        reader->reason = "it is longer than its image";
        return FLOW_DECLINED;
    }

    if (flow_store_compare(&reader->head.position, position) != 0) {
        reader->reason = "its position is not that of its name";
        return FLOW_DECLINED;
    }

    return FLOW_OK;
}


/* FLOW_OK: a record at "at"; FLOW_DECLINED: none; FLOW_ERROR. */

static int
flow_store_reader_record(flow_store_reader_t *reader, flow_error_t *error)
{
    int  rc;

    rc = flow_store_reader_whole(reader, FLOW_REDO_RECORD, error);

    if (rc != FLOW_OK || reader->head.position.lineage == reader->lineage) {
        return rc;
    }

    if (reader->lost) {
        return FLOW_DECLINED;
    }

    return flow_store_reader_foreign(reader, error);
}


static int
flow_store_reader_whole(flow_store_reader_t *reader, flow_redo_type_e type,
    flow_error_t *error)
{
    int       rc;
    uint64_t  rest;

    reader->offset = reader->at;
    rest = reader->size - reader->at;
    reader->ends = true;

    if (rest < FLOW_REDO_HEAD) {
        reader->reason = "it ends within the head of a record";
        return FLOW_DECLINED;
    }

    rc = flow_store_reader_head(reader, error);

    if (rc == FLOW_ERROR) {
        return FLOW_ERROR;
    }

    if (rc != FLOW_OK
        || reader->head.type != type
        || !flow_position_is_valid(&reader->head.position))
    {
        reader->ends = false;
        reader->reason = "there is no head of a record";
        return FLOW_DECLINED;
    }

    if (reader->head.length > rest) {
        reader->reason = "it ends within a record";
        return FLOW_DECLINED;
    }

    if (flow_store_reader_view(reader, reader->at, reader->head.length, error)
        != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    if (!flow_redo_is_whole(reader->bytes, (size_t) reader->head.length)) {
        reader->ends = false;
        reader->reason = "a checksum is wrong";
        return FLOW_DECLINED;
    }

    return FLOW_OK;
}


/* The later version of bytes that are searched through is no version. */

static int
flow_store_reader_head(flow_store_reader_t *reader, flow_error_t *error)
{
    uint32_t  version;

    if (flow_store_reader_view(reader, reader->at, FLOW_REDO_HEAD, error)
        != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    version = flow_redo_version(reader->bytes, FLOW_REDO_HEAD);

    if (version > FLOW_REDO_VERSION && !reader->lost) {
        flow_error_set(error, "\"%s/%s\" is of version %u at byte %llu, later "
                       "than version %u", reader->store->path, reader->file,
                       version, (unsigned long long) reader->offset,
                       FLOW_REDO_VERSION);
        return FLOW_ERROR;
    }

    return flow_redo_head(reader->bytes, FLOW_REDO_HEAD, &reader->head);
}


/* Moves "at" on to what may be a record; FLOW_DECLINED: the file's end. */

static int
flow_store_reader_seek(flow_store_reader_t *reader, flow_error_t *error)
{
    uint64_t     rest;
    const char  *found;

    for ( ;; ) {
        rest = reader->size - reader->at;

        if (rest < FLOW_STORE_MAGIC_SIZE) {
            reader->at = reader->size;
            return FLOW_DECLINED;
        }

        if (rest > FLOW_STORE_WINDOW) {
            rest = FLOW_STORE_WINDOW;
        }

        if (flow_store_reader_view(reader, reader->at, rest, error)
            != FLOW_OK)
        {
            return FLOW_ERROR;
        }

        found = memmem(reader->bytes, (size_t) rest, FLOW_STORE_MAGIC,
                       FLOW_STORE_MAGIC_SIZE);

        if (found != NULL) {
            reader->at += (uint64_t) (found - reader->bytes);
            return FLOW_OK;
        }

        reader->at += rest - (FLOW_STORE_MAGIC_SIZE - 1);
    }
}


/* The image is the newest, which does not make it the right one. */

static int
flow_store_reader_foreign(const flow_store_reader_t *reader,
    flow_error_t *error)
{
    char  image[FLOW_STORE_FILE_MAX];

    flow_store_name(reader->store, FLOW_STORE_IMAGE, &reader->store->image,
                    image);

    flow_error_set(error, "\"%s/%s\" is of another lineage than \"%s\": one "
                   "of them is not of this exporter", reader->store->path,
                   reader->file, image);

    return FLOW_ERROR;
}


static int
flow_store_reader_fail(const flow_store_reader_t *reader, const char *reason,
    flow_error_t *error)
{
    flow_error_set(error, "\"%s/%s\" %s", reader->store->path, reader->file,
                   reason);

    return FLOW_ERROR;
}


void
flow_store_reader_refuse(const flow_store_reader_t *reader,
    flow_error_t *error)
{
    flow_error_set(error, "\"%s/%s\" is damaged at byte %llu: %s",
                   reader->store->path, reader->file,
                   (unsigned long long) reader->offset, reader->reason);
}


int
flow_store_reader_view(flow_store_reader_t *reader, uint64_t offset,
    uint64_t length, flow_error_t *error)
{
    size_t  kept;

    if (offset < reader->window_at
        || offset > reader->window_at + reader->window_used)
    {
        reader->window_at = offset;
        reader->window_used = 0;
    }

    if (length > reader->window_at + reader->window_used - offset) {

        kept = (size_t) (reader->window_at + reader->window_used - offset);

        if (kept != 0) {
            memmove(reader->window,
                    reader->window + (offset - reader->window_at), kept);
        }

        reader->window_at = offset;
        reader->window_used = kept;

        if (flow_store_reader_grow(reader, (size_t) length, error) != FLOW_OK
            || flow_store_reader_fill(reader, error) != FLOW_OK)
        {
            return FLOW_ERROR;
        }
    }

    reader->bytes = reader->window + (offset - reader->window_at);

    return FLOW_OK;
}


static int
flow_store_reader_grow(flow_store_reader_t *reader, size_t size,
    flow_error_t *error)
{
    char  *window;

    if (size < FLOW_STORE_WINDOW) {
        size = FLOW_STORE_WINDOW;
    }

    if (size <= reader->room) {
        return FLOW_OK;
    }

    window = realloc(reader->window, size);
    if (window == NULL) {
        flow_error_set(error, "no memory for %zu bytes of \"%s/%s\"", size,
                       reader->store->path, reader->file);
        return FLOW_ERROR;
    }

    reader->window = window;
    reader->room = size;

    return FLOW_OK;
}


/* Fills the window, as far as the file goes. */

static int
flow_store_reader_fill(flow_store_reader_t *reader, flow_error_t *error)
{
    size_t   wanted;
    ssize_t  got;

    wanted = reader->room;

    if (wanted > reader->size - reader->window_at) {
        wanted = (size_t) (reader->size - reader->window_at);
    }

    while (reader->window_used < wanted) {

        do {
            got = pread(reader->descriptor,
                        reader->window + reader->window_used,
                        wanted - reader->window_used,
                        (off_t) (reader->window_at + reader->window_used));
        } while (got == -1 && errno == EINTR);

        if (got == -1) {
            flow_store_failed(reader->store, "read", reader->file, error);
            return FLOW_ERROR;
        }

        if (got == 0) {
            return flow_store_reader_fail(reader, "became shorter while it "
                                          "was read", error);
        }

        reader->window_used += (size_t) got;
    }

    return FLOW_OK;
}
