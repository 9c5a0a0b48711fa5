/*
 * flow_store: what comes back from state files is what was counted, up to
 * some record: never less than was durable, never anything else; and what
 * cannot be trusted is refused by file and byte.
 */

#include "disk.h"
#include "stores.h"


#define ROUNDS   30
#define STEPS    25
#define CHANGES  1500

static bool
append_some(unsigned records)
{
    while (records-- != 0) {
        if (!append_next(random_below(200))) {
            return false;
        }
    }

    return true;
}


/* The first start. */

static bool
start(void)
{
    begin_counting();
    empty_directory();

    return scan() == FLOW_DECLINED && renew();
}


/* Dies within an append: the log ends anywhere within its last record. */

static bool
tear(void)
{
    char         name[NAME_SIZE], path[512];
    size_t       filling = random_below(300);
    struct stat  status;

    name_of("log", &log_first, name);
    path_of(name, path, sizeof(path));

    if (!append_next(filling)
        || stat(path, &status) == -1
        || truncate(path, status.st_size - 1
                          - (off_t) random_below(FLOW_REDO_HEAD + 16
                                                 + filling + 1)) == -1)
    {
        return false;
    }

    counted_end--;

    return true;
}


/* A few bytes as a rule, sometimes more than the reader's window. */

static size_t
random_filling(void)
{
    switch (random_below(100)) {

    case 0:
        return 900000 + random_below(2000000);

    case 1:
    case 2:
        return random_below(100000);

    default:
        return random_below(200);
    }
}


/* Dies and starts again, perhaps several times: each has its epoch. */

static bool
start_again(void)
{
    flow_position_t  first = now_counted()->position;

    if (random_below(2) == 0 && !tear()) {
        return false;
    }

    do {
        close_store();

        if (!comes_back()) {
            return false;
        }

        first.epoch++;
        first.number = 1;

        if (!begin_log(&first) || (random_below(2) == 0 && !write_image())) {
            return false;
        }

    } while (random_below(3) == 0);

    return append(&first, random_below(200));
}


/* One life after another; false at the first thing that is wrong. */

static bool
live(void)
{
    unsigned  step, records;

    if (!start()) {
        return false;
    }

    for (step = 0; step < STEPS; step++) {

        for (records = (unsigned) random_below(8); records != 0; records--) {
            if (!append_next(random_filling())) {
                return false;
            }
        }

        if ((random_below(3) == 0 && !renew())
            || (random_below(3) == 0 && !start_again()))
        {
            return false;
        }
    }

    close_store();

    return true;
}


static void
test_lives(void)
{
    unsigned  round;

    for (round = 0; round < ROUNDS && live(); round++) {
        /* void */
    }

    ok(round == ROUNDS, "%u lives with %u steps each come back whole%s%s",
       ROUNDS, STEPS, error.text[0] == '\0' ? "" : ": ", error.text);
}


/*
 * Two logs that are needed, two images; positions 0, 3, 6 have an image:
 *
 *   log 1: 1 2 3   log 4: 4 5 6   log 7: 7 8 9
 *          (removed)     image 3  image 6
 */

static void
make_logs(void)
{
    ok(start() && append_some(3) && renew() && append_some(3) && renew()
       && append_some(3), "a store with nine records");
    close_store();
}


static void
name_number(const char *kind, uint64_t number, char *name)
{
    flow_position_t  position = { LINEAGE, 1, number };

    name_of(kind, &position, name);
}


/*
 * Any bit of any file flipped, any file cut anywhere: the reference up to
 * some record, or a refusal that names a file.  Only the last record may be
 * lost without a word.
 */

static bool
survives_change(const saved_t *saved, unsigned *refused, unsigned *shorter)
{
    char                *bytes;
    bool                 cut = random_below(4) == 0;
    size_t               at;
    loaded_t             loaded;
    uint64_t             number;
    const saved_file_t  *file;

    restore_directory(saved);

    file = &saved->files[random_below(saved->count)];
    at = random_below(file->size);

    bytes = malloc(file->size);
    memcpy(bytes, file->bytes, file->size);
    bytes[at] = (char) (bytes[at] ^ 1 << random_below(8));
    write_file(file->name, bytes, cut ? at : file->size);
    free(bytes);

    if (scan() != FLOW_OK) {
        (*refused)++;
        return strstr(error.text, file->name) != NULL;
    }

    number = flow_store_end(store)->number;
    *shorter += number != now_counted()->position.number;

    return replays_reference(&loaded)
           && (number >= now_counted()->position.number - 1
               || (cut && strstr(file->name, "log") != NULL));
}


static void
test_changes(void)
{
    saved_t   saved;
    unsigned  i, wrong = 0, refused = 0, shorter = 0;

    make_logs();
    save_directory(&saved);

    for (i = 0; i < CHANGES; i++) {
        wrong += !survives_change(&saved, &refused, &shorter);
        close_store();
    }

    ok(wrong == 0 && refused != 0 && shorter != 0,
       "%u changed bits and cut files: %u refused, %u ended before, none wrong",
       CHANGES, refused, shorter);

    restore_directory(&saved);
    ok(comes_back(), "unchanged they come back");
    close_store();
    forget_saved(&saved);
}


/* Flips a bit of a file of make_logs(), and scans. */

static int
scan_flipped(const saved_t *saved, const char *kind, uint64_t number,
    size_t at)
{
    char    *bytes;
    char     name[NAME_SIZE];
    size_t   size;

    restore_directory(saved);
    name_number(kind, number, name);

    bytes = read_file(name, &size);

    if (bytes == NULL) {
        return FLOW_ERROR;
    }

    bytes[at < size ? at : size - 1] ^= 1;
    write_file(name, bytes, size);
    free(bytes);

    return scan();
}


static void
test_places(void)
{
    saved_t   saved;
    loaded_t  loaded;

    make_logs();
    save_directory(&saved);

    ok(scan_flipped(&saved, "log", 4, 100) == FLOW_OK
       && flow_store_end(store)->number == 9
       && replays_reference(&loaded) && loaded.records == 3,
       "damage before the image does not matter");
    close_store();

    ok(scan_flipped(&saved, "image", 3, 90) == FLOW_OK
       && flow_store_end(store)->number == 9,
       "nor in an older image");
    close_store();

    ok(scan_flipped(&saved, "image", 6, 90) == FLOW_OK
       && flow_store_end(store)->number == 9
       && flow_store_newest(store)->number == 9
       && replays_reference(&loaded) && loaded.records == 6,
       "a damaged image: the one before it, and more records");
    close_store();

    ok(scan_flipped(&saved, "log", 7, 90) == FLOW_ERROR
       && strstr(error.text, "log.0000000000000001.0000000000000007\" "
                 "is damaged at byte 0: a checksum is wrong") != NULL,
       "damage with records after it is an error: %s", error.text);
    close_store();

    ok(scan_flipped(&saved, "log", 7, SIZE_MAX) == FLOW_OK
       && flow_store_end(store)->number == 8,
       "damage without any is cut off");
    close_store();

    ok(scan() == FLOW_OK && flow_store_end(store)->number == 8
       && replays_reference(&loaded),
       "and is not there afterwards");
    close_store();

    ok(scan_flipped(&saved, "log", 7, 8) == FLOW_OK
       || strstr(error.text, "damaged at byte 0") != NULL,
       "a version that never was is damage");
    close_store();

    forget_saved(&saved);
}


/* A record and an image are lost, or both images. */

static void
test_lost(void)
{
    char      name[NAME_SIZE];
    saved_t   saved;
    loaded_t  loaded;

    make_logs();
    save_directory(&saved);

    name_number("image", 3, name);
    ok(scan_flipped(&saved, "image", 6, 90) == FLOW_OK, "an image is damaged");
    close_store();
    write_file(name, "x", 1);
    ok(scan() == FLOW_ERROR
       && strstr(error.text, "image.0000000000000001.0000000000000006\" is "
                 "damaged") != NULL,
       "without another one that is an error: %s", error.text);
    close_store();

    name_number("log", 4, name);
    ok(scan_flipped(&saved, "image", 6, 90) == FLOW_OK, "an image is damaged");
    close_store();
    write_file(name, "x", 1);
    ok(scan() == FLOW_ERROR && strstr(error.text, "7\" is damaged") == NULL
       && strstr(error.text, "4\" is damaged at byte 0") != NULL,
       "so is damage that the older image needs: %s", error.text);
    close_store();

    restore_directory(&saved);
    ok(scan() == FLOW_OK, "a scan");
    counted[counted_end + 1].position = (flow_position_t) { LINEAGE, 1, 12 };
    counted[++counted_end].sum = 77;
    ok(renew() && append_some(2), "a gap where records were not durable");
    close_store();
    forget_saved(&saved);

    save_directory(&saved);
    ok(scan_flipped(&saved, "image", 12, 90) == FLOW_OK
       && flow_store_end(store)->number == 9
       && flow_store_newest(store)->number == 14
       && replays_reference(&loaded),
       "without the image of the gap the end is behind the newest");
    close_store();

    restore_directory(&saved);
    name_number("image", 12, name);
    write_file(name, "", 0);
    ok(scan() == FLOW_OK && flow_store_newest(store)->number == 14,
       "an empty image is a damaged one");
    close_store();

    forget_saved(&saved);
}


/* Somebody has removed files. */

static void
test_missing(void)
{
    char  name[NAME_SIZE], path[512];

    make_logs();
    name_number("image", 6, name);
    path_of(name, path, sizeof(path));
    unlink(path);

    ok(comes_back(), "a missing image: the one before it, and more records");
    close_store();

    name_number("log", 4, name);
    path_of(name, path, sizeof(path));
    unlink(path);

    ok(scan() == FLOW_ERROR
       && strstr(error.text, "7\" is damaged at byte 0: the record does not "
                 "follow") != NULL,
       "a missing log is an error: %s", error.text);
    close_store();
}


/* What is not to be understood is refused. */

static void
test_version(void)
{
    char      name[NAME_SIZE];
    char     *bytes;
    size_t    size;

    make_logs();

    name_number("log", 7, name);
    bytes = read_file(name, &size);
    bytes[8] = 2;
    write_file(name, bytes, size);
    ok(scan() == FLOW_ERROR && strstr(error.text, name) != NULL
       && strstr(error.text, "version 2") != NULL,
       "a later version: %s", error.text);
    close_store();

    bytes[8] = 1;
    memset(bytes + 24, 3, 8);
    write_file(name, bytes, size);
    ok(scan() == FLOW_ERROR && strstr(error.text, "at byte 0") != NULL,
       "another lineage, if the checksum is wrong, is damage");
    close_store();
    free(bytes);

    empty_directory();
    write_file(name, "x", 1);
    ok(scan() == FLOW_ERROR && strstr(error.text, "no image") != NULL,
       "a log without an image: %s", error.text);
    close_store();
}


static void
append_file(const char *name, const char *bytes, size_t size)
{
    char     path[512];
    FILE    *file;

    path_of(name, path, sizeof(path));
    file = fopen(path, "ab");

    if (file != NULL) {
        (void) !fwrite(bytes, 1, size, file);
        fclose(file);
    }
}


/* So is what belongs to others, in a file that is needed or not. */

static void
test_foreign(void)
{
    char      name[NAME_SIZE];
    char     *bytes;
    saved_t   saved;

    make_logs();
    save_directory(&saved);

    bytes = compose(FLOW_REDO_RECORD, 1, 1,
                    &(flow_position_t) { 5, 1, 1 },
                    &(flow_position_t) { 5, 1, 0 });

    name_number("log", 1, name);
    write_file(name, bytes, FLOW_REDO_HEAD + 18);
    ok(scan() == FLOW_ERROR && strstr(error.text, name) != NULL
       && strstr(error.text, "lineage") != NULL,
       "another exporter's log: %s", error.text);
    close_store();

    restore_directory(&saved);
    name_number("log", 7, name);
    write_file(name, bytes, FLOW_REDO_HEAD + 18);
    ok(scan() == FLOW_ERROR && strstr(error.text, "lineage") != NULL,
       "the same where a log is needed");
    close_store();

    restore_directory(&saved);
    append_file(name, bytes, FLOW_REDO_HEAD + 18);
    ok(scan() == FLOW_ERROR && strstr(error.text, "lineage") != NULL,
       "the same behind our own records");
    close_store();
    free(bytes);

    forget_saved(&saved);
}


/* Nothing is waited for, or followed. */

static void
test_kinds(void)
{
    char  name[NAME_SIZE], path[512];

    make_logs();
    name_number("log", 1, name);
    path_of(name, path, sizeof(path));
    unlink(path);

    ok(symlink("/etc/passwd", path) == 0 && scan() == FLOW_ERROR
       && strstr(error.text, "not a regular file") != NULL,
       "a link: %s", error.text);
    close_store();

    unlink(path);
    ok(mkfifo(path, 0600) == 0 && scan() == FLOW_ERROR
       && strstr(error.text, "not a regular file") != NULL, "a pipe");
    close_store();

    unlink(path);
    ok(comes_back(), "nothing was changed by that");
    close_store();
}


static void
test_names(void)
{
    size_t                     i, there = 0;
    static const char *const   names[] = {
        "default2.log.0000000000000001.0000000000000001",
        "default2.image.0000000000000001.0000000000000001",
        "default2.image.new", "default.lease", "default.image.newer",
        "default.log.0000000000000001", "default.log.1.1",
        "default.image.0000000000000001.000000000000000A",
        "default.log.0000000000000001.00000000000000001",
        "default.log.0000000000000001.0000000000000001.bak",
        "xdefault.log.0000000000000001.0000000000000001"
    };

    empty_directory();

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        write_file(names[i], "not ours", 8);
    }

    write_file("default.image.new", "left", 4);
    begin_counting();

    ok(scan() == FLOW_DECLINED, "names of others are none of ours");
    ok(!is_there("default.image.new"), "an image that was begun is removed");
    ok(renew() && append_some(2) && renew() && append_some(2) && renew(),
       "images are written beside them");
    close_store();

    write_file("default.image.new", "left", 4);
    ok(comes_back() && !is_there("default.image.new"),
       "one that was begun is removed then as well");
    close_store();

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        there += is_there(names[i]);
    }

    ok(there == sizeof(names) / sizeof(names[0]),
       "what is not ours stays");

    ok(flow_store_open("/nonexistent", "default", &error) == NULL
       && strstr(error.text, "/nonexistent") != NULL,
       "a directory that is not there: %s", error.text);
    ok(flow_store_open(directory, "", &error) == NULL
       && flow_store_open(directory, "a23456789012345678901234567890123",
                          &error) == NULL,
       "a name is not empty, nor longer than 32 bytes");
}


static void
test_retention(void)
{
    char         name[NAME_SIZE], path[512];
    loaded_t     loaded;
    struct stat  status;

    ok(start() && append_some(2), "one image");
    ok(flow_store_log_bytes(store) != 0 && flow_store_image_bytes(store) != 0
       && flow_store_image_time(store) > 1600000000000, "its size and time");

    name_number("log", 1, name);
    path_of(name, path, sizeof(path));
    ok(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600
       && (uint64_t) status.st_size == flow_store_log_bytes(store),
       "files are for their owner");

    ok(renew() && flow_store_log_bytes(store) == 0,
       "an image covers the logs before it");
    ok(append_some(2) && is_there(name), "a second image keeps the first log");
    name_number("image", 0, name);
    ok(is_there(name), "and the first image");

    ok(renew(), "a third image");
    ok(!is_there(name), "removes the first");
    name_number("log", 1, name);
    ok(!is_there(name), "and its log");
    name_number("log", 3, name);
    ok(is_there(name), "not that of the second");
    name_number("image", 2, name);
    ok(is_there(name), "nor the second");

    close_store();
    ok(comes_back() && replays_reference(&loaded) && loaded.records == 0,
       "what is left comes back");
    close_store();
}


/* Which positions are known, and what follows each. */

static void
test_replay(void)
{
    unsigned         i, wrong = 0;
    loaded_t         loaded;
    flow_position_t  other;

    make_logs();
    ok(scan() == FLOW_OK, "a scan");

    for (i = 0; i <= counted_end; i++) {
        wrong += flow_store_has(store, &counted[i].position) != (i >= 6);

        memset(&loaded, 0, sizeof(loaded));
        loaded.position = counted[i].position;
        loaded.sum = counted[i].sum;

        if (flow_store_replay(store, &counted[i].position, load, &loaded,
                              &error) != (i >= 6 ? FLOW_OK : FLOW_ERROR))
        {
            wrong++;
        }

        wrong += i >= 6 && (loaded.sum != now_counted()->sum
                            || loaded.records != 9 - i || loaded.wrong != 0);
    }

    ok(wrong == 0, "what follows is replayed, from each record of the chain");

    other = now_counted()->position;
    other.lineage++;
    wrong += flow_store_has(store, &other);
    other = now_counted()->position;
    other.epoch++;
    wrong += flow_store_has(store, &other);
    other = next_position();
    wrong += flow_store_has(store, &other);
    ok(wrong == 0, "no other position is known");

    close_store();
}


static int
refuse(void *data, const char *bytes, flow_error_t *sentence)
{
    unsigned  *calls = data;

    (void) bytes;
    flow_error_set(sentence, "refused");

    return ++*calls == 2 ? FLOW_DECLINED : FLOW_OK;
}


static void
test_logs(void)
{
    unsigned         calls = 0;
    flow_position_t  first;

    make_logs();
    ok(scan() == FLOW_OK, "a scan");
    ok(flow_store_replay(store, NULL, refuse, &calls, &error) == FLOW_DECLINED
       && calls == 2, "a replay ends where it is told to");
    ok(!append_next(1), "no log is open yet: %s", error.text);
    counted_end--;

    first = (flow_position_t) { LINEAGE, 1, 7 };
    ok(!begin_log(&first), "a log that is there is not opened: %s",
       error.text);
    first = (flow_position_t) { LINEAGE, 1, 6 };
    ok(!begin_log(&first), "nor one before it made: %s", error.text);
    first = (flow_position_t) { LINEAGE, 2, 1 };
    ok(begin_log(&first) && append(&first, 3), "a later one is");
    close_store();
    ok(comes_back(), "and read");
    close_store();
}


/* Epochs begin anew where the lease is lost. */

static void
test_empty(void)
{
    flow_position_t  first = { LINEAGE, 5, 1 };

    begin_counting();
    empty_directory();
    ok(scan() == FLOW_DECLINED && begin_log(&first), "a log");
    close_store();
    ok(scan() == FLOW_DECLINED && renew() && append_next(3),
       "without a record it does not stand in the way: %s", error.text);
    close_store();
    ok(comes_back(), "and all is read");
    close_store();
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    if (!make_directory()) {
        ok(false, "a directory");
        return done();
    }

    test_lives();
    test_changes();
    test_places();
    test_lost();
    test_missing();
    test_version();
    test_foreign();
    test_kinds();
    test_names();
    test_retention();
    test_replay();
    test_logs();
    test_empty();

    remove_directory();

    return done();
}
