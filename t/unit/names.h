/*
 * For the unit tests of AS names: the naive reference, the file that a test
 * writes and reads again, and what both kinds of file are asked for.
 */

#ifndef NAMES_H
#define NAMES_H

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_names.h"
#include "tap.h"


#define SEED        20240229
#define NAME_SIZE   4096
#define NAMES_MAX   1000


/* The naive reference: a list that is searched from its start. */

typedef struct {
    unsigned long  number;
    char           name[NAME_SIZE];
} pair_t;

typedef struct {
    size_t  count;
    pair_t  pairs[NAMES_MAX];
} list_t;


static char    directory[PATH_MAX / 2];   /* that of the test's program */
static char    scratch[PATH_MAX];         /* the file that it may write */
static list_t  list;


static inline void
set_paths(const char *program)
{
    static char  copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", program);
    snprintf(directory, sizeof(directory), "%s", dirname(copy));
    snprintf(scratch, sizeof(scratch), "%s.list", program);

    /* a run that was killed may have left it, a pipe even */

    unlink(scratch);
}


/* Not truncated at first: some file systems flush such a file at close(). */

static inline void
write_scratch(const void *data, size_t len)
{
    int  fd;

    fd = open(scratch, O_WRONLY|O_CREAT, 0644);

    if (fd == -1 || write(fd, data, len) != (ssize_t) len
        || ftruncate(fd, (off_t) len) == -1 || close(fd) == -1)
    {
        perror(scratch);
        exit(1);
    }
}


static inline const char *
list_find(unsigned long number)
{
    size_t  i;

    for (i = 0; i < list.count; i++) {
        if (list.pairs[i].number == number) {
            return list.pairs[i].name;
        }
    }

    return "";
}


static inline void
list_add(unsigned long number, const char *name)
{
    if (name[0] != '\0' && list_find(number)[0] == '\0') {
        list.pairs[list.count].number = number;
        strcpy(list.pairs[list.count++].name, name);
    }
}


static inline bool
is_name(const flow_names_t *names, uint32_t number, const char *expected)
{
    flow_str_t  name;

    name = flow_names_find(names, number);

    if (name.len == strlen(expected)
        && memcmp(name.data, expected, name.len) == 0)
    {
        return true;
    }

    note("AS%u: \"%.*s\" for \"%s\"", number, (int) name.len, name.data,
         expected);

    return false;
}


/* The names are those of the list, no more and no fewer. */

static inline bool
is_list(const flow_names_t *names)
{
    bool      good;
    size_t    i;
    uint32_t  number;

    good = true;

    for (i = 0; i < list.count; i++) {
        number = (uint32_t) list.pairs[i].number;
        good = is_name(names, number, list.pairs[i].name) && good;
        good = is_name(names, number + 1, list_find(number + 1)) && good;
    }

    return good && flow_names_count(names) == list.count;
}


/* check and create give a file the same verdict, in the same words. */

static inline bool
is_refused(const char *path, const char *words)
{
    flow_error_t   check, create;
    flow_names_t  *names;

    check.text[0] = '\0';
    create.text[0] = '\0';

    if (flow_names_check(path, &check) == FLOW_OK) {
        return false;
    }

    names = flow_names_create(path, &create);

    if (names != NULL) {
        flow_names_destroy(names);
        return false;
    }

    if (strstr(check.text, path) == NULL || strstr(check.text, words) == NULL
        || strcmp(check.text, create.text) != 0)
    {
        note("\"%s\" and \"%s\"", check.text, create.text);
        return false;
    }

    return true;
}


#endif /* NAMES_H */
