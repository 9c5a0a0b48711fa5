/*
 * flow_text's cleaning of labels and names against a decoder that looks at
 * code points.
 */

#include <stdlib.h>
#include <string.h>

#include "flow_text.h"
#include "random.h"


#define TEXT_MAX    1024
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))


/*
 * Length of the character at "text": the code point that its bits give must
 * be one that this many bytes are for.
 */

static size_t
reference_character(const unsigned char *text, size_t len)
{
    size_t                 i, need;
    uint32_t               point;
    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    if ((text[0] & 0x80) == 0) {
        return 1;
    }

    if ((text[0] & 0xe0) == 0xc0) {
        need = 2;
        point = text[0] & 0x1f;

    } else if ((text[0] & 0xf0) == 0xe0) {
        need = 3;
        point = text[0] & 0x0f;

    } else if ((text[0] & 0xf8) == 0xf0) {
        need = 4;
        point = text[0] & 0x07;

    } else {
        return 0;
    }

    if (need > len) {
        return 0;
    }

    for (i = 1; i < need; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }

        point = point << 6 | (text[i] & 0x3f);
    }

    if (point < least[need] || point > 0x10ffff
        || (point >= 0xd800 && point <= 0xdfff))
    {
        return 0;
    }

    return need;
}


static size_t
reference_clean(char *out, flow_str_t text, const char *replacement, bool *cut,
    bool *repaired)
{
    size_t       i, step, len, used;
    const char  *piece;

    used = 0;
    *cut = false;
    *repaired = false;

    for (i = 0; i < text.len; i += step) {
        len = reference_character((const unsigned char *) text.data + i,
                                  text.len - i);
        step = len != 0 ? len : 1;
        piece = len != 0 ? text.data + i : replacement;

        if (used + (len != 0 ? len : strlen(replacement)) > FLOW_LABEL_MAX) {
            *cut = true;
            break;
        }

        if (len == 0) {
            *repaired = true;
            len = strlen(replacement);
        }

        memcpy(out + used, piece, len);
        used += len;
    }

    return used;
}


static bool
clean_agrees(const char *data, size_t len)
{
    bool        cut, repaired, expected_cut, expected_repaired;
    char        out[FLOW_LABEL_MAX + 1], expected[FLOW_LABEL_MAX + 1], *copy;
    size_t      used, expected_used;
    flow_str_t  text;

    /* memory of just this size: a sanitizer sees each byte too far */

    copy = malloc(len + (len == 0));
    if (copy == NULL) {
        return false;
    }

    memcpy(copy, data, len);
    text.data = copy;
    text.len = len;

    memset(out, '#', sizeof(out));
    used = flow_text_clean_label(out, text, &cut, &repaired);
    expected_used = reference_clean(expected, text, "\xef\xbf\xbd",
                                    &expected_cut, &expected_repaired);

    if (used != expected_used || memcmp(out, expected, used) != 0
        || cut != expected_cut || repaired != expected_repaired
        || out[used] != '#')
    {
        goto failed;
    }

    memset(out, '#', sizeof(out));
    used = flow_text_clean_name(out, text);
    expected_used = reference_clean(expected, text, "", &expected_cut,
                                    &expected_repaired);

    if (used != expected_used || memcmp(out, expected, used) != 0
        || out[used] != '#')
    {
        goto failed;
    }

    free(copy);

    return true;

failed:

    note("%zu bytes, first %02x: %zu bytes, expected %zu", len,
         len != 0 ? (unsigned char) data[0] : 0u, used, expected_used);
    free(copy);

    return false;
}


static void
test_clean_short(void)
{
    char                 text[4];
    bool                 good;
    size_t               i, k, len, rest;
    static const char    edges[] =
        "\x00\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed"
        "\xee\xef\xf0\xf1\xf3\xf4\xf5\xff";
    static const size_t  edge_count = sizeof(edges) - 1;

    good = clean_agrees("", 0);

    for (i = 0; i < 256 * 256; i++) {
        text[0] = (char) (i / 256);
        text[1] = (char) (i % 256);

        good = clean_agrees(text, 1) && clean_agrees(text, 2) && good;
    }

    ok(good, "UTF-8: all texts of one and two bytes");

    good = true;

    for (len = 3; len <= 4; len++) {
        for (i = 0; i < edge_count * edge_count * edge_count * edge_count; i++)
        {
            rest = i;

            for (k = 0; k < 4; k++) {
                text[k] = edges[rest % edge_count];
                rest /= edge_count;
            }

            good = clean_agrees(text, len) && good;
        }
    }

    ok(good, "UTF-8: three and four bytes at the edges of RFC 3629");
}


static size_t
random_text(char *text, size_t len)
{
    size_t                    used, k;
    static const char *const  pieces[] = {
        "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\xa0\x80",
        "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82", "\xff", "\x80", "\xf0\x9f"
    };

    used = 0;

    while (used < len) {
        if (random_below(8) != 0) {
            text[used++] = (char) (' ' + random_below(95));
            continue;
        }

        k = random_below(random_below(2) ? 3 : COUNT(pieces));
        memcpy(text + used, pieces[k], strlen(pieces[k]));
        used += strlen(pieces[k]);
    }

    return used;
}


static void
test_clean_long(void)
{
    char    text[TEXT_MAX + 8];
    bool    good;
    size_t  i, len;

    good = true;

    for (len = 0; len < 300; len++) {
        memset(text, 'a', sizeof(text));
        memcpy(text + len, "\xf0\x9f\x98\x80", 4);

        for (i = 0; i <= 6; i++) {
            good = clean_agrees(text, len + i) && good;
        }

        memcpy(text + len, "\xff\xff\xff\xff", 4);

        for (i = 0; i <= 6; i++) {
            good = clean_agrees(text, len + i) && good;
        }
    }

    ok(good, "UTF-8: cut at each length, within and beside a character");

    good = true;

    for (i = 0; i < 50000; i++) {
        len = random_text(text, random_below(random_below(2) ? 40 : 600));
        good = clean_agrees(text, len) && good;
    }

    ok(good, "UTF-8: random texts agree with the reference");
}


int
main(int argc, char **argv)
{
    random_begin(argc, argv);

    test_clean_short();
    test_clean_long();

    return done();
}
