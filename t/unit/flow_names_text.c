/*
 * Does every AS number get the name that a text list gives it, in the forms
 * that CIDR Report and RIPE publish, and in random lists as regular
 * expressions read them?
 *
 * Writes one file into its own directory.
 */

#include <regex.h>

#include "names.h"


#define LINES  30


static char  text[LINES * NAME_SIZE];


/* The lines of a list, an AS number, its name. */

static const struct {
    const char    *line;
    uint32_t       number;
    const char    *name;
}  lines[] = {
    { "15169  GOOGLE, US\n", 15169, "GOOGLE" },
    { "15169 GOOGLE - Google LLC, US\n", 15169, "GOOGLE - Google LLC" },
    { "1\tLVLT-1 - Level 3 Parent, LLC, US\n", 1,
      "LVLT-1 - Level 3 Parent, LLC" },
    { "0\t-Reserved AS-, ZZ\n", 0, "-Reserved AS-" },
    { "   AS7018   ATT-INTERNET4, US", 7018, "ATT-INTERNET4" },
    { "4294967295 LAST, ZZ\r\n", 4294967295, "LAST" },
    { "5 NAME, us\n", 5, "NAME, us" },
    { "5 NAME, Us\n", 5, "NAME, Us" },
    { "5 NAME, uS\n", 5, "NAME, uS" },
    { "5 NAME, @A\n", 5, "NAME, @A" },
    { "5 NAME, [A\n", 5, "NAME, [A" },
    { "5 NAME, A@\n", 5, "NAME, A@" },
    { "5 NAME, A[\n", 5, "NAME, A[" },
    { "5 NAME, AZ\n5 another, ZA\n", 5, "NAME" },
    { "5 NAME.  US\n", 5, "NAME.  US" },
    { "5 NAME, LLC\n", 5, "NAME, LLC" },
    { "5 NAME,US\n", 5, "NAME,US" },
    { "5 NAME, U\n", 5, "NAME, U" },
    { "5 NAME, US, DE \t\r\n", 5, "NAME, US" },
    { "5 NAME , US\n", 5, "NAME " },
    { "5 US\n", 5, "US" },
    { "5 K\xf8penhavn, DK\n", 5, "Kpenhavn" },
    { "5 K\xc3\xb8" "benhavn, DK\n", 5, "K\xc3\xb8" "benhavn" },
    { "\n \t\r\n# 5 comment\n\n5 NAME\n", 5, "NAME" },
    { "5 , US\n5 second, US\n5 third, US\n", 5, "second" },
    { "6 six\nno entry\n5\n5 \n5 five\n", 5, "five" },
    { "6 six\n4294967296 large\n-5 x\n5.0 x\nas5 x\n5 ok\n", 5, "ok" },
    { "6 six\n5 tab\tand \\ \"\"\n", 5, "tab\tand \\ \"\"" },
};


static void
test_lines(void)
{
    size_t         i;
    flow_error_t   error;
    flow_names_t  *names;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        write_scratch(lines[i].line, strlen(lines[i].line));

        error.text[0] = '\0';
        names = flow_names_create(scratch, &error);

        ok(names != NULL && is_name(names, lines[i].number, lines[i].name)
           && flow_names_check(scratch, &error) == FLOW_OK,
           "a text list names AS%u %s%s", lines[i].number, lines[i].name,
           error.text);

        flow_names_destroy(names);
    }
}


static void
test_refused_lines(void)
{
    size_t  i;

    static const struct {
        const char  *lines;
        const char  *words;
    } cases[] = {
        { "# nothing but a comment\n\n", "\" has no AS names" },
        { "5 , US\n", "\" has no AS names" },
        { "<html>\n5 NAME, US\n", "\"<number> <name>\" in line 1" },
        { "\n# number, name\n5,NAME\n", "\"<number> <name>\" in line 3" },
        { "4294967296 NAME, US\n", "\"<number> <name>\" in line 1" },
        { "AS NAME\n", "in line 1" },
        { "5\n", "in line 1" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_scratch(cases[i].lines, strlen(cases[i].lines));

        ok(is_refused(scratch, cases[i].words), "a text file: %s",
           cases[i].words);
    }
}


/* Lines about as long as the reader's buffer, and far longer ones. */

static void
test_long_lines(void)
{
    bool            good;
    char           *line, name[256];
    size_t          i, len;
    flow_error_t    error;
    flow_names_t   *names;
    const size_t    size = 100000;

    line = malloc(size + 16);
    good = line != NULL;

    for (i = 0; i < 255; i++) {
        name[i] = i % 2 == 0 ? '8' : ' ';
    }

    name[255] = '\0';

    for (len = 300; good && len <= size; len += len < 16350 ? 16050
                                               : len < 16420 ? 1 : 27861)
    {
        /* whatever the end of the line is, it looks like an entry */

        for (i = 0; i < len; i++) {
            line[i] = name[i % 2];
        }

        memcpy(line, "5 ", 2);
        memcpy(&line[len], "\n7 seven", 8);
        write_scratch(line, len + 8);

        names = flow_names_create(scratch, &error);
        good = names != NULL && is_name(names, 5, name)
               && is_name(names, 7, "seven")
               && flow_names_count(names) == 2;
        flow_names_destroy(names);
    }

    ok(good, "long lines are cut and do not harm the next one");

    if (line != NULL) {
        memset(line, '\0', size);
        write_scratch(line, size);
        ok(is_refused(scratch, "in line 1"), "zeros without a line feed");
    }

    free(line);
}


static void
test_many(void)
{
    bool            good;
    char            name[256];
    FILE           *file;
    uint32_t        i;
    flow_error_t    error;
    flow_names_t   *names;
    const uint32_t  count = 30000;

    file = fopen(scratch, "w");

    for (i = 0; file != NULL && i < count; i++) {
        fprintf(file, "%u %0*u, XX\n", i * 143165, (int) (i % 256), i);
        fprintf(file, "%u another name of %u, XX\n", i * 143165, i);
    }

    good = file != NULL && fclose(file) == 0;

    names = flow_names_create(scratch, &error);
    good = good && names != NULL && flow_names_count(names) == count;

    for (i = 0; good && i < count; i++) {
        snprintf(name, sizeof(name), "%0*u", (int) (i % 256), i);
        good = is_name(names, i * 143165, name)
               && is_name(names, i * 143165 + 1, "");
    }

    ok(good, "%u AS numbers, each with the first of two names", count);

    flow_names_destroy(names);
}


static const char *
random_of(const char *const *pieces, size_t count)
{
    return pieces[(size_t) random() % count];
}


/* A line that is an entry, or nearly one. */

static void
random_line(char *line)
{
    long  n;

    static const char *const  starts[] = {
        "", "", "", " \t ", "AS", "  AS", "#", "x"
    };

    static const char *const  numbers[] = {
        "0", "5", "7", "11", "64496", "64497", "4294967295", "4294967296"
    };

    static const char *const  pieces[] = {
        " ", "\t", "  ", "AS", "#", "5", "64496", "99999999999",
        ", US", ", U", ",US", ", ", "US", "name", "\xc3\xa9", "\xe2\x82\xac",
        "\xff", "\xfe", "-", "\r", "x"
    };

    line[0] = '\0';

    if (random() % 8 != 0) {
        strcat(line, random_of(starts, 8));
        strcat(line, random_of(numbers, 8));
        strcat(line, random() % 8 != 0 ? " " : "");
    }

    n = random() % 10 != 0 ? 8 : 200;

    for (n = random() % n; n > 0; n--) {
        strcat(line, random_of(pieces, sizeof(pieces) / sizeof(pieces[0])));
    }

    if (random() % 2 == 0) {
        strcat(line, ", DE");
    }
}


/* The reference: what a line says, by regular expressions. */

static bool
reference_line(const char *line, bool *entry)
{
    char            name[NAME_SIZE];
    size_t          i, len;
    regmatch_t      match[4];
    unsigned long   number;
    static bool     compiled;
    static regex_t  blank, whole, country;

    if (!compiled) {
        compiled = regcomp(&blank, "^[ \t\r]*(#.*)?$", REG_EXTENDED) == 0
            && regcomp(&whole, "^[ \t\r]*(AS)?([0-9]+)[ \t\r]+"
                       "(.*[^ \t\r])[ \t\r]*$", REG_EXTENDED) == 0
            && regcomp(&country, ", [A-Z][A-Z]$", REG_EXTENDED) == 0;
    }

    *entry = regexec(&blank, line, 0, NULL, 0) != 0;

    if (!*entry || regexec(&whole, line, 4, match, 0) != 0) {
        return false;
    }

    number = strtoul(&line[match[2].rm_so], NULL, 10);

    if (number > UINT32_MAX) {
        return false;
    }

    len = (size_t) (match[3].rm_eo - match[3].rm_so);
    memcpy(name, &line[match[3].rm_so], len);
    name[len] = '\0';

    if (regexec(&country, name, 1, match, 0) == 0) {
        name[match[0].rm_so] = '\0';
    }

    /* the only bytes that random_line() makes invalid UTF-8 of */

    for (i = 0, len = 0; name[i] != '\0'; i++) {
        if (name[i] != '\xff' && name[i] != '\xfe') {
            name[len++] = name[i];
        }
    }

    if (len > 255) {
        for (len = 255; (name[len] & 0xc0) == 0x80; len--) { /* void */ }
    }

    name[len] = '\0';
    list_add(number, name);

    return true;
}


static bool
random_list(bool *accepted)
{
    bool    first, entry, read, refused;
    char    line[NAME_SIZE];
    int     i, n;
    size_t  len;

    list.count = 0;
    len = 0;
    first = true;
    refused = false;
    n = 1 + (int) (random() % LINES);

    for (i = 0; i < n; i++) {
        random_line(line);
        read = reference_line(line, &entry);

        if (entry && first) {
            refused = !read;
            first = false;
        }

        len += (size_t) sprintf(&text[len], "%s%s", line,
                                i < n - 1 ? "\n" : "");
    }

    *accepted = !refused && list.count != 0;

    if (len == 0) {
        return false;
    }

    write_scratch(text, len);

    return true;
}


static void
test_random_lists(int rounds)
{
    int            i, loaded;
    bool           good, accepted;
    flow_error_t   error;
    flow_names_t  *names;

    srandom(SEED);
    good = true;
    loaded = 0;

    for (i = 0; good && i < rounds; i++) {
        if (!random_list(&accepted)) {
            continue;
        }

        names = flow_names_create(scratch, &error);
        good = (names != NULL) == accepted
               && (flow_names_check(scratch, &error) == FLOW_OK) == accepted
               && (names == NULL || is_list(names));

        loaded += names != NULL;
        flow_names_destroy(names);
    }

    ok(good && loaded > rounds / 4,
       "%d random lists, of which %d are loaded, seed %d", i, loaded, SEED);

    if (!good) {
        note("the failing list is:\n%s", text);
    }
}


int
main(int argc, char **argv)
{
    if (argc < 1) {
        return 1;
    }

    set_paths(argv[0]);

    test_lines();
    test_refused_lines();
    test_long_lines();
    test_many();
    test_random_lists(3000);

    unlink(scratch);

    return done();
}
