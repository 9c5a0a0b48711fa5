/*
 * Inside of the store: its files and how they are read.  For flow_store*.c
 * alone.
 */

#ifndef FLOW_STORE_FILES_H
#define FLOW_STORE_FILES_H

#include <pthread.h>
#include <sys/stat.h>

#include "flow_store.h"


/* An exporter's name, and a file's: NAME.image.<16 digits>.<16 digits>. */

#define FLOW_STORE_NAME_MAX  32
#define FLOW_STORE_FILE_MAX  80

/* Only its owner, and root, may read it. */

#define FLOW_STORE_MODE      (S_IRUSR | S_IWUSR)


typedef enum {
    FLOW_STORE_LOG = 0,
    FLOW_STORE_IMAGE,
    FLOW_STORE_KIND_COUNT
} flow_store_kind_e;

typedef enum {
    FLOW_STORE_UNREAD = 0,
    FLOW_STORE_WHOLE,
    FLOW_STORE_DAMAGED
} flow_store_state_e;


typedef struct {
    flow_position_t     position;    /* of its name: without lineage */
    flow_position_t     last;        /* of a log's records; zeros: unknown */
    uint64_t            bytes;
    int64_t             time;        /* written, milliseconds, since epoch */
    flow_store_state_e  state;       /* of an image */
} flow_store_file_t;


/* Sorted by position. */

typedef struct {
    flow_store_file_t  *files;
    uint32_t            count;
    uint32_t            room;
} flow_store_list_t;


/* Positions of the chain, from "first" on, one after another. */

typedef struct {
    flow_position_t  first;
    uint64_t         last;           /* number */
} flow_store_run_t;


/* A record of the chain, in the log of this name. */

typedef struct {
    flow_position_t  log;
    uint64_t         offset;
    uint64_t         length;         /* 0: there is none */
} flow_store_place_t;


struct flow_store_s {
    int                 directory;
    char               *path;        /* of the directory, for sentences */
    char                name[FLOW_STORE_NAME_MAX + 1];

    /* of what was scanned */
    flow_position_t     image;
    flow_position_t     end;
    flow_position_t     newest;
    flow_store_run_t   *runs;
    uint32_t            run_count;
    uint32_t            run_room;
    flow_store_place_t  last;
    flow_store_place_t  torn;        /* what is to be cut off */

    /* the log that takes records; the thread that appends */
    int                 log;         /* descriptor; -1: none */
    flow_position_t     log_first;
    uint64_t            log_used;

    /* guards the lists, between the threads that append and write images */
    pthread_mutex_t     mutex;
    flow_store_list_t   lists[FLOW_STORE_KIND_COUNT];
};


/*
 * Reads a file from its start, by a window of its bytes that is as large as
 * the largest record.
 */

typedef struct {
    const flow_store_t  *store;
    uint64_t             lineage;    /* of the image, and so of records */

    int                  descriptor; /* -1: no file is open */
    char                 file[FLOW_STORE_FILE_MAX];
    uint64_t             size;
    uint64_t             at;         /* where to look next */
    bool                 lost;       /* behind damage: looking for a record */

    char                *window;
    size_t               room;
    uint64_t             window_at;  /* where in the file it begins */
    size_t               window_used;

    /* what was read */
    const char          *bytes;
    uint64_t             offset;
    flow_redo_head_t     head;
    const char          *reason;     /* what is wrong at "offset" */
    bool                 ends;       /* only that the file ends there */
} flow_store_reader_t;


/* flow_store_files.c */

/* Reads the directory anew.  FLOW_OK, or FLOW_ERROR with a sentence. */

int flow_store_list(flow_store_t *store, flow_error_t *error) FLOW_MUST_CHECK;

/* Finds the place of a position; true if a file of that name is in it. */

bool flow_store_find(const flow_store_list_t *list,
    const flow_position_t *position, uint32_t *place);

/* Adds a file, or changes the one of the same name. */

int flow_store_put(flow_store_list_t *list, const flow_store_file_t *file)
    FLOW_MUST_CHECK;
void flow_store_take(flow_store_list_t *list, uint32_t place);

/* True if an image has all that is in the log, and that is not the last. */

bool flow_store_is_covered(const flow_store_list_t *logs, uint32_t place,
    const flow_position_t *image);

int flow_store_compare(const flow_position_t *one,
    const flow_position_t *other);

/* When a file was written, milliseconds since the epoch. */

int64_t flow_store_time(const struct stat *status);

/* Of the images that are whole the n-th newest, or NULL. */

const flow_store_file_t *flow_store_whole(const flow_store_list_t *images,
    uint32_t nth);

/* Writes the file's name at "name" (FLOW_STORE_FILE_MAX bytes). */

void flow_store_name(const flow_store_t *store, flow_store_kind_e kind,
    const flow_position_t *position, char *name);
void flow_store_new_name(const flow_store_t *store, char *name);

/* Removes an image whose writer has died. */

void flow_store_remove_new(const flow_store_t *store);

/* All bytes or an error, in errno; each goes on after a signal. */

int flow_store_write(int descriptor, const char *bytes, uint64_t length,
    uint64_t offset) FLOW_MUST_CHECK;
int flow_store_sync(int descriptor) FLOW_MUST_CHECK;
int flow_store_sync_data(int descriptor) FLOW_MUST_CHECK;
int flow_store_cut(int descriptor, uint64_t length) FLOW_MUST_CHECK;

/* Sets the sentence of a call that failed; "file" NULL: the directory. */

void flow_store_failed(const flow_store_t *store, const char *call,
    const char *file, flow_error_t *error);


/* flow_store.c */

/* No log takes records any more. */

void flow_store_leave_log(flow_store_t *store);


/* flow_store_image.c */

/* The newest image that is whole; false: there is none.  Any thread. */

bool flow_store_find_image(flow_store_t *store, flow_store_file_t *image);


/* flow_store_read.c */

void flow_store_reader_init(flow_store_reader_t *reader,
    const flow_store_t *store);
void flow_store_reader_done(flow_store_reader_t *reader);

int flow_store_reader_open(flow_store_reader_t *reader,
    flow_store_kind_e kind, const flow_position_t *position,
    flow_error_t *error) FLOW_MUST_CHECK;

/*
 * FLOW_ERROR, with a sentence, if the file that is open begins with a whole
 * record, or image, of another lineage.
 */

int flow_store_reader_check(flow_store_reader_t *reader, flow_error_t *error)
    FLOW_MUST_CHECK;

/*
 * Reads the next whole record of a log.  FLOW_OK; FLOW_DECLINED at the end of
 * the file; FLOW_AGAIN if there is none at "offset", for "reason": the next
 * call looks for one that may follow; FLOW_ERROR with a sentence.
 */

int flow_store_reader_next(flow_store_reader_t *reader, flow_error_t *error)
    FLOW_MUST_CHECK;

/*
 * Reads an image, named by a position.  FLOW_OK; FLOW_DECLINED if it is
 * damaged, for "reason"; FLOW_ERROR with a sentence.
 */

int flow_store_reader_image(flow_store_reader_t *reader,
    const flow_position_t *position, flow_error_t *error) FLOW_MUST_CHECK;

/* Sets the sentence that says what is wrong with the file, and where. */

void flow_store_reader_refuse(const flow_store_reader_t *reader,
    flow_error_t *error);

/* Makes bytes of the file that is open available at "bytes". */

int flow_store_reader_view(flow_store_reader_t *reader, uint64_t offset,
    uint64_t length, flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_STORE_FILES_H */
