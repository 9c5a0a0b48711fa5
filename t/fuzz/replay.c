/*
 * Gives each file of a directory to a fuzz target: that of the corpus that
 * the target was built with, or those in the arguments.
 */

#include <dirent.h>
#include <string.h>

#include "fuzz.h"
#include "../unit/tap.h"


/* From memory of just its size, so that a sanitizer sees a byte too far. */

static bool
replay(const char *path)
{
    long      size;
    bool      good;
    FILE     *file;
    uint8_t  *data;

    file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }

    good = fseek(file, 0, SEEK_END) == 0;
    size = ftell(file);
    rewind(file);

    data = malloc(size > 0 ? (size_t) size : 1);

    if (!good || size < 0 || data == NULL
        || fread(data, 1, (size_t) size, file) != (size_t) size)
    {
        good = false;

    } else {
        (void) LLVMFuzzerTestOneInput(data, (size_t) size);
    }

    free(data);
    fclose(file);

    return good;
}


static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}


static void
replay_directory(const char *directory)
{
    int              i, count;
    char             path[1024];
    struct dirent  **entries;

    count = scandir(directory, &entries, is_visible, alphasort);

    if (!ok(count > 0, "%s has files", directory)) {
        return;
    }

    for (i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        ok(replay(path), "%s", entries[i]->d_name);
        free(entries[i]);
    }

    free(entries);
}


int
main(int argc, char **argv)
{
    int  i;

    if (argc == 1) {
        replay_directory(FUZZ_CORPUS);
    }

    for (i = 1; i < argc; i++) {
        ok(replay(argv[i]), "%s", argv[i]);
    }

    return done();
}
