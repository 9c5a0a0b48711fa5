/*
 * Any bytes as a log, behind the image that its first record names: the
 * directory is recovered from, or refused with a sentence and left as it was.
 * What is recovered is the same when it is recovered once more, and can be
 * counted on.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_recover.h"
#include "fuzz.h"
#include "state.h"


#define NAME      "default"
#define LINEAGE   UINT64_C(0x1122334455667788)

/* Room for a file's name in the directory. */

#define PATH_SIZE  256


static char                  directory[64];
static flow_lease_t          lease;
static char                  lease_path[PATH_SIZE];
static char                  log_path[PATH_SIZE];
static char                  image_path[PATH_SIZE];
static _Alignas(64) char     memory[ZONE_SIZE];


static void
make_path(char *path, const char *name)
{
    (void) snprintf(path, PATH_SIZE, "%s/%s", directory, name);
}


/* All files but the lease. */

static void
empty_directory(void)
{
    DIR            *entries;
    char            path[PATH_SIZE + NAME_MAX];
    struct dirent  *entry;

    entries = opendir(directory);
    require(entries != NULL, "the directory can be read");

    while ((entry = readdir(entries)) != NULL) {

        if (strncmp(entry->d_name, NAME ".log.", sizeof(NAME ".log.") - 1)
            == 0
            || strncmp(entry->d_name, NAME ".image.",
                       sizeof(NAME ".image.") - 1) == 0)
        {
            (void) snprintf(path, sizeof(path), "%s/%s", directory,
                            entry->d_name);
            (void) unlink(path);
        }
    }

    (void) closedir(entries);
}


static void
remove_directory(void)
{
    empty_directory();
    (void) unlink(lease_path);
    (void) rmdir(directory);
}


/* In memory, where there is a file system of such. */

static void
make_directory(void)
{
    pid_t         holder;
    flow_error_t  error;

    strcpy(directory, "/dev/shm/flow_fuzz.XXXXXX");

    if (mkdtemp(directory) == NULL) {
        strcpy(directory, "/tmp/flow_fuzz.XXXXXX");
        require(mkdtemp(directory) != NULL, "a directory");
    }

    make_path(lease_path, NAME ".lease");
    flow_lease_init(&lease, lease_path);
    require(flow_lease_take(&lease, 1, &holder, &error) == FLOW_OK,
            "a lease");
    (void) atexit(remove_directory);
}


static void
write_file(const char *path, const char *bytes, size_t size)
{
    int  descriptor;

    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(descriptor != -1
            && write(descriptor, bytes, size) == (ssize_t) size,
            "a file is written");
    (void) close(descriptor);
}


static bool
is_file(const char *path, const char *bytes, size_t size)
{
    int      descriptor;
    bool     same;
    char    *found;
    ssize_t  got;

    found = malloc(size + 1);
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    require(found != NULL && descriptor != -1, "the file is there");

    got = read(descriptor, found, size + 1);
    same = got == (ssize_t) size && memcmp(found, bytes, size) == 0;

    (void) close(descriptor);
    free(found);

    return same;
}


/* An empty image where the log begins, and both under their names. */

static void
make_files(const char *bytes, size_t size)
{
    char               name[128], *image;
    flow_zone_t       *zone;
    flow_position_t    first = { LINEAGE, 1, 0 };
    flow_redo_head_t   head;

    if (flow_redo_head(bytes, size, &head) == FLOW_OK
        && flow_position_is_valid(&head.previous))
    {
        first = head.previous;
    }

    zone = fresh_zone(memory);
    zone->lineage = first.lineage;
    zone->epoch = first.epoch;
    zone->number = first.number;
    image = flow_image_create(zone);
    require(image != NULL && flow_redo_head(image, FLOW_REDO_HEAD, &head)
                             == FLOW_OK, "an image");

    (void) snprintf(name, sizeof(name), NAME ".image.%016llx.%016llx",
                    (unsigned long long) first.epoch,
                    (unsigned long long) first.number);
    make_path(image_path, name);
    write_file(image_path, image, (size_t) head.length);
    free(image);

    (void) snprintf(name, sizeof(name), NAME ".log.%016llx.%016llx",
                    (unsigned long long) first.epoch,
                    (unsigned long long) first.number + 1);
    make_path(log_path, name);
    write_file(log_path, bytes, size);
}


static int
recover(flow_zone_t *zone, flow_store_t *store, flow_recovered_t *recovered)
{
    int           rc;
    flow_error_t  error;

    error.text[0] = '\0';
    rc = flow_recover(zone, store, &lease, 1, recovered, &error);
    require(rc == FLOW_OK || error.text[0] != '\0',
            "a refusal has a sentence");

    return rc;
}


/* An empty record and an image: the next recovery ends with them. */

static void
count_on(flow_zone_t *zone, flow_store_t *store,
    const flow_recovered_t *recovered)
{
    char             bytes[FLOW_REDO_HEAD], *image;
    flow_redo_t      redo;
    flow_error_t     error;
    flow_position_t  before, next;

    before = flow_journal_position(zone);
    next.lineage = recovered->lineage;
    next.epoch = recovered->state.epoch;
    next.number = before.number + 1;

    require(flow_store_begin_log(store, &next, &error) == FLOW_OK,
            "a new log");

    flow_redo_begin(&redo, bytes, sizeof(bytes));
    require(flow_redo_end(&redo, FLOW_REDO_RECORD, &next, &before)
            == sizeof(bytes), "an empty record");
    require(flow_store_append(store, bytes, &error) == FLOW_OK,
            "it is appended");
    flow_journal_replay(zone, bytes);

    require(flow_store_scan(store, &error) == FLOW_OK
            && flow_position_compare(flow_store_end(store), &next) == 0,
            "the chain ends with it");

    image = flow_image_create(zone);
    require(image != NULL
            && flow_store_write_image(store, image, &error) == FLOW_OK,
            "an image is written");
    free(image);

    require(flow_store_scan(store, &error) == FLOW_OK
            && flow_position_compare(flow_store_end(store), &next) == 0,
            "the chain ends with that");
}


static void
check(const char *bytes, size_t size)
{
    flow_zone_t       *zone;
    flow_store_t      *store;
    flow_error_t       error;
    flow_position_t    end;
    flow_recovered_t   recovered;

    store = flow_store_open(directory, NAME, &error);
    require(store != NULL, "a store");
    zone = fresh_zone(memory);

    if (recover(zone, store, &recovered) != FLOW_OK) {

        if (flow_store_scan(store, &error) == FLOW_ERROR) {
            require(is_file(log_path, bytes, size),
                    "what is refused is not changed");
        }

        flow_store_close(store);
        return;
    }

    end = *flow_store_end(store);
    require(recovered.how == FLOW_RECOVERED_LOADED && !recovered.unsettled
            && flow_zone_is_sound(zone), "it is loaded");

    zone = fresh_zone(memory);
    require(recover(zone, store, &recovered) == FLOW_OK
            && flow_position_compare(flow_store_end(store), &end) == 0,
            "once more, and the same");

    count_on(zone, store, &recovered);
    flow_store_close(store);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                *bytes;
    flow_error_t         error;
    flow_lease_state_t   fresh = { 0, 1, false };

    if (directory[0] == '\0') {
        make_directory();
    }

    bytes = malloc(size + 1);
    require(bytes != NULL, "memory suffices");

    if (size != 0) {
        memcpy(bytes, data, size);
    }

    fix_checksums(bytes, size, false);
    require(flow_lease_write(&lease, &fresh, &error) == FLOW_OK, "a lease");

    make_files(bytes, size);
    check(bytes, size);
    empty_directory();

    free(bytes);

    return 0;
}
