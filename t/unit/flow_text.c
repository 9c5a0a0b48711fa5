/*
 * flow_text against references that are as simple as can be: regular
 * expressions for numbers, printf() for digits and escapes.
 */

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "flow_text.h"
#include "random.h"


#define TEXT_MAX    1024
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))


static regex_t  unsigned_form;
static regex_t  negative_form;
static regex_t  fractional_form;


static flow_str_t
string_of(const char *text)
{
    flow_str_t  result;

    result.len = strlen(text);
    result.data = text;

    return result;
}


/* -1: a number, in *number; else the reason why it is none. */

static int
reference_number(const char *text, uint64_t *number)
{
    if (regexec(&negative_form, text, 0, NULL, 0) == 0) {
        return FLOW_REASON_NEGATIVE;
    }

    if (regexec(&fractional_form, text, 0, NULL, 0) == 0) {
        return FLOW_REASON_FRACTIONAL;
    }

    if (regexec(&unsigned_form, text, 0, NULL, 0) != 0) {
        return FLOW_REASON_NOT_NUMBER;
    }

    while (*text == '0') {
        text++;
    }

    if (strlen(text) > 20
        || (strlen(text) == 20 && strcmp(text, "18446744073709551615") > 0))
    {
        return FLOW_REASON_OVERFLOW;
    }

    *number = strtoull(text, NULL, 10);

    return -1;
}


static bool
number_agrees(const char *text)
{
    int            expected;
    uint64_t       number, expected_number;
    flow_reason_e  reason;

    number = 0;
    expected_number = 0;
    reason = FLOW_REASON_COUNT;

    expected = reference_number(text, &expected_number);

    if (flow_text_parse_number(string_of(text), &number, &reason) == FLOW_OK) {
        if (expected == -1 && number == expected_number) {
            return true;
        }

    } else if (expected == (int) reason) {
        return true;
    }

    note("\"%s\": reason %d, expected %d; number %llu, expected %llu", text,
         (int) reason, expected, (unsigned long long) number,
         (unsigned long long) expected_number);

    return false;
}


static void
test_numbers(void)
{
    char                     text[64];
    bool                     good;
    size_t                   i, k, len;
    static const char *const edges[] = {
        "", "0", "00", "-", "-0", "-1", "-x", "+5", " 5", "5 ", "5x", "x",
        "1.0", "1.", ".5", "1e3", "1E+3", "1e", "1e+", "1.5e-7", "-1.5",
        "-1e2", "007", "007.5", "9223372036854775808", "0x10", "1,000",
        "18446744073709551614", "18446744073709551615",
        "18446744073709551616", "18446744073709551620",
        "18446744073709551625", "28446744073709551615",
        "99999999999999999999", "100000000000000000000",
        "000000000000000000000000018446744073709551615",
        "99999999999999999999x", "99999999999999999999.5", "1.2.3", "1e2.5",
        "--1", "NaN", "Infinity", "1_000", "\xd9\xa1"
    };

    good = true;

    for (i = 0; i < COUNT(edges); i++) {
        good = number_agrees(edges[i]) && good;
    }

    ok(good, "numbers: the edges, one by one");

    good = true;

    for (i = 0; i < 300000; i++) {
        len = random_below(25);

        for (k = 0; k < len; k++) {
            text[k] = "0123456789012345678901234567890123456789.-+eE x9"
                      [random_below(random_below(4) ? 40 : 48)];
        }

        text[len] = '\0';

        good = number_agrees(text) && good;
    }

    ok(good, "numbers: random texts agree with the regular expressions");
}


static bool
decimal_agrees(uint64_t number)
{
    char    out[FLOW_DECIMAL_MAX + 1], expected[32];
    size_t  len;

    memset(out, '#', sizeof(out));
    len = flow_text_decimal(out, number);

    snprintf(expected, sizeof(expected), "%llu", (unsigned long long) number);

    if (len == strlen(expected) && memcmp(out, expected, len) == 0
        && out[len] == '#')
    {
        return true;
    }

    note("%s: %zu bytes, \"%.20s\"", expected, len, out);

    return false;
}


static void
test_decimal(void)
{
    bool      good;
    size_t    i;
    uint64_t  number;

    good = true;
    number = 1;

    for (i = 0; i < 20; i++) {
        good = decimal_agrees(number - 1) && decimal_agrees(number)
               && decimal_agrees(number + 1) && good;
        number *= 10;
    }

    for (i = 0; i < 12000; i++) {
        good = decimal_agrees(i) && good;
    }

    good = decimal_agrees(UINT64_MAX)
           && decimal_agrees((uint64_t) 1 << 63) && good;

    for (i = 0; i < 200000; i++) {
        number = random_below((uint64_t) 1 << 32) << 32
                 | random_below((uint64_t) 1 << 32);
        good = decimal_agrees(number >> random_below(64)) && good;
    }

    ok(good, "decimal output is printf's");
}


static void
test_escape(void)
{
    char        text[TEXT_MAX], out[FLOW_ESCAPED_MAX + 1];
    char        expected[FLOW_ESCAPED_MAX + 1];
    bool        good;
    size_t      i, k, len, used;
    flow_str_t  input;

    good = true;

    for (i = 0; i < 50000; i++) {
        len = i == 0 ? FLOW_LABEL_MAX : random_below(FLOW_LABEL_MAX + 1);
        used = 0;

        for (k = 0; k < len; k++) {
            text[k] = i == 0 ? '\n' : (char) random_below(256);

            if (random_below(4) == 0) {
                text[k] = "\\\"\n\r"[random_below(4)];
            }

            if (text[k] == '\\') {
                used += (size_t) sprintf(expected + used, "\\\\");
            } else if (text[k] == '"') {
                used += (size_t) sprintf(expected + used, "\\\"");
            } else if (text[k] == '\n') {
                used += (size_t) sprintf(expected + used, "\\n");
            } else {
                expected[used++] = text[k];
            }
        }

        input.data = text;
        input.len = len;

        memset(out, '#', sizeof(out));

        good = flow_text_escape(out, input) == used
               && memcmp(out, expected, used) == 0 && out[used] == '#'
               && good;
    }

    ok(good, "escaping: backslash, double quote, line feed, nothing else");
}


/*
 * Low bits: 2^16 keys in 2^16 places should fill 1 - 1/e of them (63.2 %);
 * what follows a pattern fills far fewer.
 */

static void
hash_fills(const char *format, const char *what)
{
    char            text[64], filled[1 << 16];
    size_t          i, count;
    flow_str_t      key;

    memset(filled, 0, sizeof(filled));
    count = 0;

    for (i = 0; i < 1 << 16; i++) {
        key.len = (size_t) snprintf(text, sizeof(text), format, (unsigned) i);
        key.data = text;

        filled[flow_text_hash(key) & 0xffff] = 1;
    }

    for (i = 0; i < 1 << 16; i++) {
        count += (size_t) filled[i];
    }

    ok(count > 65536 * 61 / 100, "hash: %s fill %zu of 65536 places", what,
       count);
}


static void
test_hash(void)
{
    bool        good;
    char        text[64], zeros[64], other[64];
    size_t      i, k;
    flow_str_t  key, same;

    memset(zeros, 0, sizeof(zeros));
    good = true;

    for (i = 0; i < sizeof(zeros); i++) {
        key.data = zeros;
        key.len = i;

        for (k = 0; k < i; k++) {
            same.data = zeros;
            same.len = k;
            good = flow_text_hash(key) != flow_text_hash(same) && good;
        }
    }

    ok(good, "hash: zeros of different lengths differ");

    good = true;

    for (i = 0; i < 10000; i++) {
        key.len = random_below(48);

        for (k = 0; k < key.len; k++) {
            text[k + i % 8] = (char) random_below(256);
            other[k] = text[k + i % 8];
        }

        key.data = text + i % 8;
        same.data = other;
        same.len = key.len;

        good = flow_text_hash(key) == flow_text_hash(same) && good;
    }

    ok(good, "hash: the same bytes at any address give the same");

    hash_fills("%u", "numbers");
    hash_fills("edge%u.example.net", "hostnames");
    hash_fills("%04x-router-in-a-rather-long-domain.example.net",
               "keys that differ at their start");
    hash_fills("2001:db8:0:%x::1", "addresses");
}


static void
test_error(void)
{
    char          text[2048];
    flow_error_t  error;

    flow_error_set(&error, "\"%s\" in line %d", "asn", 7);
    ok(strcmp(error.text, "\"asn\" in line 7") == 0, "error: as printf");

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';

    flow_error_set(&error, "%s", text);
    ok(strlen(error.text) == sizeof(error.text) - 1,
       "error: cut where the room ends");
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    if (regcomp(&unsigned_form, "^[0-9]+$", REG_EXTENDED) != 0
        || regcomp(&negative_form,
                   "^-[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED)
        || regcomp(&fractional_form,
                   "^[0-9]+([.][0-9]+|([.][0-9]+)?[eE][-+]?[0-9]+)$",
                   REG_EXTENDED) != 0)
    {
        return 1;
    }

    test_numbers();
    test_decimal();
    test_escape();
    test_hash();
    test_error();

    regfree(&unsigned_form);
    regfree(&negative_form);
    regfree(&fractional_form);

    return done();
}
