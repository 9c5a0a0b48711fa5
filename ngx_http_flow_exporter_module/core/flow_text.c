/*
 * Text: strict numbers, decimal output, UTF-8, label escaping, hash, checksum.
 *
 * Foreign bytes become numbers and labels here, on their way into a record;
 * numbers become digits here, on their way out of the zone.
 */

#include "flow_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>


/* An odd constant with well spread bits: 2^64 divided by the golden ratio. */

#define FLOW_TEXT_HASH_FACTOR  0x9e3779b97f4a7c15u

#define FLOW_TEXT_HIGH_BITS    0x8080808080808080u


static size_t flow_text_digits(flow_str_t text, size_t start);
static flow_reason_e flow_text_number_reason(flow_str_t text);
static size_t flow_text_clean(char *out, flow_str_t text,
    flow_str_t replacement, bool *cut, bool *repaired);
static size_t flow_text_ascii(flow_str_t text);
static size_t flow_text_character(const unsigned char *text, size_t len);


static const char  flow_text_pairs[] =
    "00010203040506070809"
    "10111213141516171819"
    "20212223242526272829"
    "30313233343536373839"
    "40414243444546474849"
    "50515253545556575859"
    "60616263646566676869"
    "70717273747576777879"
    "80818283848586878889"
    "90919293949596979899";


void
flow_error_set(flow_error_t *error, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
}


int
flow_text_parse_number(flow_str_t text, uint64_t *number,
    flow_reason_e *reason)
{
    size_t    i;
    uint64_t  value, digit;

    value = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        digit = (uint64_t) (text.data[i] - '0');

        if (value >= UINT64_MAX / 10
            && (value > UINT64_MAX / 10 || digit > UINT64_MAX % 10))
        {
            break;
        }

        value = value * 10 + digit;
    }

    if (i == text.len && i != 0) {
        *number = value;
        return FLOW_OK;
    }

    *reason = flow_text_number_reason(text);

    return FLOW_DECLINED;
}


size_t
flow_text_decimal(char *out, uint64_t number)
{
    char         digits[FLOW_DECIMAL_MAX];
    size_t       start;
    const char  *pair;

    start = sizeof(digits);

    while (number >= 10) {
        pair = &flow_text_pairs[number % 100 * 2];
        number /= 100;

        start -= 2;
        memcpy(&digits[start], pair, 2);
    }

    if (number != 0 || start == sizeof(digits)) {
        digits[--start] = (char) ('0' + number);
    }

    memcpy(out, &digits[start], sizeof(digits) - start);

    return sizeof(digits) - start;
}


size_t
flow_text_clean_label(char *out, flow_str_t text, bool *cut, bool *repaired)
{
    static const flow_str_t  replacement = flow_string("\xef\xbf\xbd");

    return flow_text_clean(out, text, replacement, cut, repaired);
}


size_t
flow_text_clean_name(char *out, flow_str_t text)
{
    bool                     cut, repaired;
    static const flow_str_t  nothing = flow_string("");

    return flow_text_clean(out, text, nothing, &cut, &repaired);
}


size_t
flow_text_escape(char *out, flow_str_t text)
{
    char    c;
    size_t  i, used;

    used = 0;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == '\n') {
            out[used++] = '\\';
            c = 'n';

        } else if (c == '\\' || c == '"') {
            out[used++] = '\\';
        }

        out[used++] = c;
    }

    return used;
}


static inline uint64_t
flow_text_hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * FLOW_TEXT_HASH_FACTOR;

    return hash ^ hash >> 32;
}


/*
 * Each step is a bijection of the word, so that strings of one length up to
 * 8 bytes never collide before the table's size cuts the hash.
 */

uint64_t
flow_text_hash(flow_str_t text)
{
    size_t    i, rest;
    uint64_t  hash, word;

    rest = text.len % sizeof(word);
    hash = text.len * FLOW_TEXT_HASH_FACTOR;

    /* copies of a constant length are single instructions */

    for (i = 0; i < text.len - rest; i += sizeof(word)) {
        memcpy(&word, &text.data[i], sizeof(word));
        hash = flow_text_hash_word(hash, word);
    }

    if (rest != 0) {
        word = 0;
        memcpy(&word, &text.data[i], rest);
        hash = flow_text_hash_word(hash, word);
    }

    hash *= FLOW_TEXT_HASH_FACTOR;

    return hash ^ hash >> 29;
}


uint32_t
flow_text_checksum(const char *bytes, size_t len)
{
    return (uint32_t) crc32_z(0, (const Bytef *) bytes, len);
}


/* Index after the digits that begin at "start". */

static size_t
flow_text_digits(flow_str_t text, size_t start)
{
    while (start < text.len
           && text.data[start] >= '0' && text.data[start] <= '9')
    {
        start++;
    }

    return start;
}


/* Why a text is not an unsigned number of 64 bits. */

static flow_reason_e
flow_text_number_reason(flow_str_t text)
{
    bool    negative, fractional;
    size_t  i, start;

    negative = (text.len != 0 && text.data[0] == '-');
    fractional = false;

    start = negative ? 1 : 0;
    i = flow_text_digits(text, start);

    if (i == start) {
        return FLOW_REASON_NOT_NUMBER;
    }

    if (i < text.len && text.data[i] == '.') {
        fractional = true;
        start = i + 1;
        i = flow_text_digits(text, start);

        if (i == start) {
            return FLOW_REASON_NOT_NUMBER;
        }
    }

    if (i < text.len && (text.data[i] == 'e' || text.data[i] == 'E')) {
        fractional = true;
        start = i + 1;

        if (start < text.len
            && (text.data[start] == '+' || text.data[start] == '-'))
        {
            start++;
        }

        i = flow_text_digits(text, start);

        if (i == start) {
            return FLOW_REASON_NOT_NUMBER;
        }
    }

    if (i != text.len) {
        return FLOW_REASON_NOT_NUMBER;
    }

    if (negative) {
        return FLOW_REASON_NEGATIVE;
    }

    return fractional ? FLOW_REASON_FRACTIONAL : FLOW_REASON_OVERFLOW;
}


/*
 * Copies at most FLOW_LABEL_MAX bytes of well-formed UTF-8, "replacement" in
 * place of each byte that belongs to none.
 */

static size_t
flow_text_clean(char *out, flow_str_t text, flow_str_t replacement, bool *cut,
    bool *repaired)
{
    size_t      i, len, used;
    flow_str_t  piece;

    *cut = false;
    *repaired = false;

    used = flow_text_ascii(text);

    if (used != 0) {
        memcpy(out, text.data, used);
    }

    for (i = used; i < text.len; i += len) {

        len = flow_text_character((const unsigned char *) &text.data[i],
                                  text.len - i);
        piece.len = len;
        piece.data = &text.data[i];

        if (len == 0) {
            piece = replacement;
            len = 1;
        }

        if (piece.len > FLOW_LABEL_MAX - used) {
            *cut = true;
            break;
        }

        if (piece.data == replacement.data) {
            *repaired = true;
        }

        memcpy(&out[used], piece.data, piece.len);
        used += piece.len;
    }

    return used;
}


/* Number of bytes at the start, up to FLOW_LABEL_MAX, that are ASCII. */

static size_t
flow_text_ascii(flow_str_t text)
{
    size_t    i, len;
    uint64_t  word;

    len = text.len < FLOW_LABEL_MAX ? text.len : FLOW_LABEL_MAX;

    for (i = 0; len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, &text.data[i], sizeof(word));

        if ((word & FLOW_TEXT_HIGH_BITS) != 0) {
            break;
        }
    }

    while (i < len && (unsigned char) text.data[i] < 0x80) {
        i++;
    }

    return i;
}


/*
 * Length of the well-formed character at the start of "text", or 0.  What is
 * not well-formed though it looks so (overlong forms, surrogates, above
 * U+10FFFF) differs in its second byte only.
 */

static size_t
flow_text_character(const unsigned char *text, size_t len)
{
    size_t         i, need;
    unsigned char  first, low, high;

    first = text[0];
    low = 0x80;
    high = 0xbf;

    if (first < 0x80) {
        return 1;
    }

    if (first >= 0xc2 && first <= 0xdf) {
        need = 2;

    } else if (first >= 0xe0 && first <= 0xef) {
        need = 3;
        low = (first == 0xe0) ? 0xa0 : 0x80;
        high = (first == 0xed) ? 0x9f : 0xbf;

    } else if (first >= 0xf0 && first <= 0xf4) {
        need = 4;
        low = (first == 0xf0) ? 0x90 : 0x80;
        high = (first == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if (len < need || text[1] < low || text[1] > high) {
        return 0;
    }

    for (i = 2; i < need; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf) {
            return 0;
        }
    }

    return need;
}
