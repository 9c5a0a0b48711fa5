/*
 * Looking at state files: whatever is wrong with one is told of it, nothing is
 * changed, and the chain is that of who recovers.
 */

#include "flow_store_look.h"
#include "stores.h"


typedef struct {
    char                  names[8][NAME_SIZE];
    flow_store_verdict_e  verdicts[8];
    uint64_t              records;
    uint64_t              bytes;
    unsigned              count;
    unsigned              wrong;
} seen_t;


static void
see(void *data, const flow_store_view_t *view)
{
    seen_t  *seen = data;

    if (seen->count == 8) {
        seen->wrong++;
        return;
    }

    snprintf(seen->names[seen->count], NAME_SIZE, "%s", view->name);
    seen->verdicts[seen->count++] = view->verdict;
    seen->records += view->records;
    seen->bytes += view->bytes;
    seen->wrong += view->image
                   != (strstr(view->name, ".image.") != NULL);
    seen->wrong += view->time == 0;
    seen->wrong += (view->verdict >= FLOW_STORE_TORN)
                   != (view->reason != NULL || view->trouble != NULL);
}


/* Each file is told of; true if only this one is not good. */

static bool
verdict_is(const char *name, flow_store_verdict_e verdict, seen_t *seen)
{
    unsigned  i, wrong;
    saved_t   before, after;

    memset(seen, 0, sizeof(*seen));
    save_directory(&before);

    if (!open_store()) {
        return false;
    }

    wrong = flow_store_verify(store, see, seen, &error) != FLOW_OK;
    close_store();

    for (i = 0; i < seen->count; i++) {
        wrong += seen->verdicts[i]
                 != (strcmp(seen->names[i], name) == 0 ? verdict
                                                       : FLOW_STORE_GOOD);
    }

    save_directory(&after);
    wrong += before.count != after.count;

    for (i = 0; i < before.count && i < after.count; i++) {
        wrong += strcmp(before.files[i].name, after.files[i].name) != 0
                 || before.files[i].size != after.files[i].size
                 || memcmp(before.files[i].bytes, after.files[i].bytes,
                           before.files[i].size) != 0;
    }

    forget_saved(&before);
    forget_saved(&after);

    return wrong + seen->wrong == 0;
}


static void
change(const char *name, size_t at)
{
    char    *bytes;
    size_t   size;

    bytes = read_file(name, &size);
    bytes[at] ^= 1;
    write_file(name, bytes, size);
    free(bytes);
}


static void
test_verdicts(void)
{
    char     log[NAME_SIZE], image[NAME_SIZE], *bytes;
    size_t   size;
    seen_t   seen;
    saved_t  saved;

    begin_counting();
    empty_directory();
    ok(scan() == FLOW_DECLINED && renew() && append_next(3) && append_next(4),
       "an image and a log");
    name_of("image", &counted[0].position, image);
    name_of("log", &counted[1].position, log);
    close_store();

    ok(verdict_is("", FLOW_STORE_GOOD, &seen) && seen.count == 2
       && seen.records == 2 && strcmp(seen.names[0], image) == 0
       && strcmp(seen.names[1], log) == 0, "both are good");

    save_directory(&saved);
    bytes = read_file(log, &size);

    write_file(log, bytes, size - 3);
    ok(verdict_is(log, FLOW_STORE_TORN, &seen) && seen.records == 1,
       "a log that ends within a record");

    write_file(log, bytes, size);
    free(bytes);
    change(log, size - 1);
    ok(verdict_is(log, FLOW_STORE_BAD, &seen) && seen.records == 1,
       "a bit of the last record");

    restore_directory(&saved);
    change(log, 90);
    ok(verdict_is(log, FLOW_STORE_BAD, &seen) && seen.records == 1,
       "a bit of the first record");

    restore_directory(&saved);
    change(image, 90);
    ok(verdict_is(image, FLOW_STORE_BAD, &seen) && seen.records == 2,
       "a bit of the only image");

    restore_directory(&saved);
    change(log, 8);
    ok(verdict_is(log, FLOW_STORE_BAD, &seen), "another version");

    restore_directory(&saved);
    forget_saved(&saved);
}


static void
test_look(void)
{
    seen_t    seen = { .count = 0 };
    loaded_t  loaded;

    ok(open_store() && flow_store_look(store, &error) == FLOW_OK
       && replays_reference(&loaded), "the chain is found, and replayed");

    flow_store_each(store, see, &seen);
    ok(seen.count == 2 && seen.wrong == 0 && seen.records == 0
       && seen.verdicts[0] == FLOW_STORE_SEEN, "its files are told");

    ok(flow_store_clear(store, &error) == FLOW_OK
       && flow_store_look(store, &error) == FLOW_DECLINED,
       "until they are removed");
    close_store();
    ok(scan() == FLOW_DECLINED, "all of them");
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

    test_verdicts();
    test_look();

    remove_directory();

    return done();
}
