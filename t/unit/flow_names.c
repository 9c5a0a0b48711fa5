/*
 * Does every AS number get the name that an MMDB gives it, and is every other
 * file refused in words that name it, without harm?  The files, and what must
 * be found in them, come from make-mmdb.pl.
 *
 * Reads ../mmdb beside its own directory, writes one file into the latter.
 */

#include <sys/stat.h>

#include "names.h"


const char *__lsan_default_suppressions(void);


/* MMDB_open() of libmaxminddb leaks where it refuses damaged metadata. */

const char *
__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}


static const char *
mmdb_path(const char *name, const char *suffix)
{
    static char  path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/../mmdb/%s.%s", directory, name,
             suffix);

    return path;
}


static size_t
read_file(const char *path, char *data, size_t size)
{
    size_t   len;
    FILE    *file;

    file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }

    len = fread(data, 1, size, file);
    fclose(file);

    return len;
}


static void
read_expected(const char *name)
{
    char    line[2 * NAME_SIZE], *hex;
    char    bytes[NAME_SIZE];
    size_t  i;
    FILE   *file;

    list.count = 0;

    file = fopen(mmdb_path(name, "expected"), "r");
    if (file == NULL) {
        perror(mmdb_path(name, "expected"));
        exit(1);
    }

    while (fgets(line, sizeof(line), file) != NULL) {
        hex = strchr(line, ' ') + 1;

        for (i = 0; hex[2 * i] != '\n'; i++) {
            sscanf(&hex[2 * i], "%2hhx", (unsigned char *) &bytes[i]);
        }

        bytes[i] = '\0';
        list_add(strtoul(line, NULL, 10), bytes);
    }

    fclose(file);
}


static void
test_mmdb(const char *name)
{
    flow_error_t   error;
    flow_names_t  *names;

    read_expected(name);

    error.text[0] = '\0';
    names = flow_names_create(mmdb_path(name, "mmdb"), &error);

    if (!ok(names != NULL, "%s: is loaded %s", name, error.text)) {
        return;
    }

    ok(list.count != 0 && is_list(names), "%s: all %zu names, and no other",
       name, list.count);
    ok(flow_names_timestamp(names) == 1700000000, "%s: build time", name);
    ok(flow_names_check(mmdb_path(name, "mmdb"), &error) == FLOW_OK,
       "%s: passes the check", name);

    flow_names_destroy(names);
}


/* A data record may be of any type. */

static void
test_refused_records(void)
{
    char    data[4096], *place;
    size_t  len;

    ok(is_refused(mmdb_path("bare", "mmdb"), "has no AS names"),
       "a data record that is a string is refused");

    len = read_file(mmdb_path("bare", "mmdb"), data, sizeof(data));
    place = memmem(data, len, "\x43" "AS5", 4);

    if (ok(place != NULL, "the string is found")) {
        memcpy(place, "\x00\x04", 2);
        write_scratch(data, len);
        ok(is_refused(scratch, "has no AS names"),
           "and so is one that is an empty array");
    }
}


static void
test_refused(void)
{
    bool         root;
    static char  absent[PATH_MAX];

    ok(is_refused(mmdb_path("city", "mmdb"),
                  "of type \"GeoLite2-City\" has no AS names"),
       "an MMDB of another purpose is refused with its type");
    ok(is_refused(mmdb_path("uint128", "mmdb"), "has no AS names")
       && is_refused(mmdb_path("double", "mmdb"), "has no AS names"),
       "other types of number are refused");
    ok(is_refused(mmdb_path("late", "mmdb"),
                  "of type \"Late\" has no AS names"),
       "a foreign MMDB is not read to its end");

    snprintf(absent, sizeof(absent), "%s/no such file", directory);
    ok(is_refused(absent, "open() \"")
       && is_refused(absent, " failed (2: No such file or directory)"),
       "a file that is missing");
    ok(is_refused(directory, "is not a regular file"), "a directory");

    write_scratch("", 0);
    ok(is_refused(scratch, "is empty"), "an empty file");

    write_scratch("1 name\n", 7);
    chmod(scratch, 0);

    root = geteuid() == 0;

    if (!root || seteuid(65534) == 0) {
        ok(is_refused(scratch, " failed (13: Permission denied)"),
           "a file that may not be read");
        ok(!root || seteuid(0) == 0, "back to root");
    }

    unlink(scratch);
    ok(mkfifo(scratch, 0600) == 0
       && is_refused(scratch, "is not a regular file"),
       "a pipe is refused without waiting");
    unlink(scratch);
}


static void
test_nothing(void)
{
    ok(flow_names_find(NULL, 15169).len == 0, "no file: all names empty");
    flow_names_destroy(NULL);
}


/* Whatever is in the file: a verdict, and names that may be shown. */

static bool
is_survived(const char *data, size_t len, int *loaded)
{
    bool           good;
    uint32_t       number;
    flow_str_t     name;
    flow_error_t   check, create;
    flow_names_t  *names;

    write_scratch(data, len);

    check.text[0] = '\0';
    create.text[0] = '\0';
    names = flow_names_create(scratch, &create);

    if (flow_names_check(scratch, &check) != FLOW_OK) {
        return names == NULL && strstr(check.text, scratch) != NULL
               && strstr(create.text, scratch) != NULL;
    }

    if (names == NULL) {
        return strstr(create.text, scratch) != NULL;
    }

    good = true;
    (*loaded)++;

    for (number = 64496; number <= 64498; number++) {
        name = flow_names_find(names, number);
        good = good && name.len <= FLOW_LABEL_MAX
               && memchr(name.data, 0xff, name.len) == NULL;
    }

    flow_names_destroy(names);

    return good;
}


static void
test_damage(int rounds)
{
    int            i, n, loaded;
    bool           good;
    char           data[4096], copy[4096], *place;
    size_t         len, end;
    flow_error_t   error;
    flow_names_t  *names;

    len = read_file(mmdb_path("damage", "mmdb"), data, sizeof(data));

    memcpy(copy, data, len);
    place = memmem(copy, len, "PLACEHOLDER", 11);

    if (ok(place != NULL, "the file to damage, %zu bytes", len)) {
        memcpy(place, "PL\xff" "CE\xc3OLDE\x80", 11);
        write_scratch(copy, len);
        names = flow_names_create(scratch, &error);
        ok(names != NULL && is_name(names, 64496, "PLCEOLDE one"),
           "an MMDB's invalid UTF-8 is dropped");
        flow_names_destroy(names);
    }

    good = true;
    loaded = 0;

    for (end = 1; good && end < len; end++) {
        good = is_survived(data, end, &loaded);
    }

    ok(good, "cut short at any of %zu places; %d load", end - 1, loaded);

    srandom(SEED);
    loaded = 0;

    for (i = 0; good && i < rounds; i++) {
        memcpy(copy, data, len);

        for (n = (int) (random() % 6); n >= 0; n--) {
            copy[(size_t) random() % len] = (char) random();
        }

        good = is_survived(copy, len, &loaded);
    }

    ok(good && loaded > 0 && loaded < rounds,
       "%d times damaged, %d load, seed %d", i, loaded, SEED);
}


static int
count_descriptors(void)
{
    int  fd, count;

    count = 0;

    for (fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) != -1;
    }

    return count;
}


static bool
is_mapped(const char *name)
{
    bool   found;
    char   line[PATH_MAX];
    FILE  *maps;

    maps = fopen("/proc/self/maps", "r");
    if (maps == NULL) {
        perror("/proc/self/maps");
        exit(1);
    }

    found = false;

    while (fgets(line, sizeof(line), maps) != NULL) {
        found = found || strstr(line, name) != NULL;
    }

    fclose(maps);

    return found;
}


int
main(int argc, char **argv)
{
    int  descriptors;

    if (argc < 1) {
        return 1;
    }

    set_paths(argv[0]);
    descriptors = count_descriptors();

    test_nothing();
    test_mmdb("geolite");
    test_mmdb("ipinfo");
    test_mmdb("uint16");
    test_mmdb("int32");
    test_mmdb("uint32");
    test_mmdb("uint64");
    test_refused();
    test_refused_records();
    test_damage(20000);

    ok(count_descriptors() == descriptors
       && !is_mapped(".mmdb") && !is_mapped(scratch),
       "no file stays open or mapped");

    unlink(scratch);

    return done();
}
