/*
 * AS number -> name: opens the file, tells its kind by its content, and
 * keeps the table.  flow_names_mmdb.c and flow_names_text.c read the file;
 * the zone's writer asks for a name when it meets an AS number.
 */

#include "flow_names.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_names_table.h"
#include "flow_text.h"


#define FLOW_NAMES_ENTRIES     1024        /* both grow by doubling */
#define FLOW_NAMES_ARENA_SIZE  (64 * 1024)

#define FLOW_NAMES_HEAD_SIZE   (sizeof(uint32_t) + 1)
#define FLOW_NAMES_ENTRY_MAX   (FLOW_NAMES_HEAD_SIZE + FLOW_LABEL_MAX)

static_assert(FLOW_LABEL_MAX <= UINT8_MAX, "a name's length is one byte");


static flow_names_t *flow_names_load(const char *path, size_t limit,
    flow_error_t *error);
static int flow_names_open(const char *path, struct stat *info,
    flow_error_t *error);
static flow_names_t *flow_names_allocate(void);
static int flow_names_grow_arena(flow_names_t *names);
static uint32_t flow_names_place(const flow_names_t *names,
    uint32_t as_number);
static bool flow_names_match(const void *table, uint32_t entry,
    const void *key);


int
flow_names_check(const char *path, flow_error_t *error)
{
    flow_names_t  *names;

    names = flow_names_load(path, 1, error);
    if (names == NULL) {
        return FLOW_ERROR;
    }

    flow_names_destroy(names);

    return FLOW_OK;
}


flow_names_t *
flow_names_create(const char *path, flow_error_t *error)
{
    char          *arena;
    flow_names_t  *names;

    names = flow_names_load(path, SIZE_MAX, error);
    if (names == NULL) {
        return NULL;
    }

    arena = realloc(names->arena, names->arena_used);

    if (arena != NULL) {
        names->arena = arena;
        names->arena_size = names->arena_used;
    }

    return names;
}


void
flow_names_destroy(flow_names_t *names)
{
    if (names == NULL) {
        return;
    }

    flow_index_done(&names->index);
    free(names->arena);
    free(names);
}


flow_str_t
flow_names_find(const flow_names_t *names, uint32_t as_number)
{
    uint32_t    place;
    flow_str_t  name;

    name.len = 0;
    name.data = "";

    if (names == NULL) {
        return name;
    }

    place = flow_names_place(names, as_number);

    if (place != FLOW_INDEX_NONE) {
        name.data = &names->arena[place + FLOW_NAMES_HEAD_SIZE];
        name.len = (unsigned char) name.data[-1];
    }

    return name;
}


size_t
flow_names_count(const flow_names_t *names)
{
    return names == NULL ? 0 : names->index.used;
}


int64_t
flow_names_timestamp(const flow_names_t *names)
{
    return names == NULL ? 0 : names->timestamp;
}


/*
 * Checking is loading that stops after the first name, so that both judge a
 * file alike.
 */

static flow_names_t *
flow_names_load(const char *path, size_t limit, flow_error_t *error)
{
    int            fd, rc;
    struct stat    info;
    flow_names_t  *names;

    fd = flow_names_open(path, &info, error);
    if (fd == -1) {
        return NULL;
    }

    names = flow_names_allocate();
    if (names == NULL) {
        flow_error_set(error, "no memory for the AS names in \"%s\"", path);
        close(fd);
        return NULL;
    }

    names->timestamp = info.st_mtime;

    rc = flow_names_mmdb_read(names, path, limit, error);

    if (rc == FLOW_DECLINED) {
        rc = flow_names_text_read(names, path, fd, limit, error);
    }

    close(fd);

    if (rc != FLOW_OK) {
        flow_names_destroy(names);
        return NULL;
    }

    return names;
}


/* Returns a descriptor, or -1 with a sentence. */

static int
flow_names_open(const char *path, struct stat *info, flow_error_t *error)
{
    int  fd;

    /* non-blocking: a pipe is to be refused, not to be waited for */

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        flow_error_set(error, "open() \"%s\" failed (%d: %s)",
                       path, errno, strerror(errno));
        return -1;
    }

    if (fstat(fd, info) == -1) {
        flow_error_set(error, "fstat() \"%s\" failed (%d: %s)",
                       path, errno, strerror(errno));

    } else if (!S_ISREG(info->st_mode)) {
        flow_error_set(error, "\"%s\" is not a regular file", path);

    } else if (info->st_size == 0) {
        flow_error_set(error, "\"%s\" is empty", path);

    } else {
        return fd;
    }

    close(fd);

    return -1;
}


static flow_names_t *
flow_names_allocate(void)
{
    flow_names_t  *names;

    names = calloc(1, sizeof(flow_names_t));
    if (names == NULL) {
        return NULL;
    }

    names->arena_size = FLOW_NAMES_ARENA_SIZE;
    names->arena = malloc(names->arena_size);

    if (names->arena == NULL
        || flow_index_init(&names->index, FLOW_NAMES_ENTRIES) != FLOW_OK)
    {
        flow_names_destroy(names);
        return NULL;
    }

    return names;
}


int
flow_names_table_add(flow_names_t *names, uint32_t as_number,
    flow_str_t name)
{
    char    *entry;
    size_t   len;

    if (flow_names_place(names, as_number) != FLOW_INDEX_NONE) {
        return FLOW_OK;
    }

    if (names->arena_size - names->arena_used < FLOW_NAMES_ENTRY_MAX
        && flow_names_grow_arena(names) != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    entry = &names->arena[names->arena_used];
    len = flow_text_clean_name(&entry[FLOW_NAMES_HEAD_SIZE], name);

    if (len == 0) {
        return FLOW_OK;
    }

    memcpy(entry, &as_number, sizeof(as_number));
    entry[sizeof(as_number)] = (char) len;

    if (flow_index_add(&names->index, flow_index_hash(as_number, 0),
                       names->arena_used)
        != FLOW_OK)
    {
        return FLOW_ERROR;
    }

    names->arena_used += (uint32_t) (FLOW_NAMES_HEAD_SIZE + len);

    return FLOW_OK;
}


int
flow_names_table_number(flow_str_t text, uint32_t *as_number)
{
    uint64_t       number;
    flow_reason_e  reason;

    if (text.len > 2 && text.data[0] == 'A' && text.data[1] == 'S') {
        text.data += 2;
        text.len -= 2;
    }

    if (flow_text_parse_number(text, &number, &reason) != FLOW_OK
        || number > UINT32_MAX)
    {
        return FLOW_DECLINED;
    }

    *as_number = (uint32_t) number;

    return FLOW_OK;
}


/* Places are 32 bits wide, and so is the arena's size. */

static int
flow_names_grow_arena(flow_names_t *names)
{
    char  *arena;

    if (names->arena_size > UINT32_MAX / 2) {
        return FLOW_ERROR;
    }

    arena = realloc(names->arena, (size_t) names->arena_size * 2);
    if (arena == NULL) {
        return FLOW_ERROR;
    }

    names->arena = arena;
    names->arena_size *= 2;

    return FLOW_OK;
}


/* Returns the entry's place in the arena, or FLOW_INDEX_NONE. */

static uint32_t
flow_names_place(const flow_names_t *names, uint32_t as_number)
{
    return flow_index_find(&names->index, flow_index_hash(as_number, 0),
                           flow_names_match, names->arena, &as_number);
}


static bool
flow_names_match(const void *table, uint32_t entry, const void *key)
{
    const char  *arena;

    arena = table;

    return memcmp(&arena[entry], key, sizeof(uint32_t)) == 0;
}
