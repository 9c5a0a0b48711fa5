/*
 * flow_text with any bytes: numbers against 128 bits, labels and names that
 * stay as they are when cleaned again, and escapes that can be undone.
 */

#include <string.h>

#include "flow_text.h"
#include "fuzz.h"


static void
check_number(flow_str_t text)
{
    size_t             i;
    uint64_t           number;
    flow_reason_e      reason;
    unsigned __int128  naive = 0;

    for (i = 0; i < text.len; i++) {
        naive = naive * 10 + (unsigned) (text.data[i] - '0');

        if (text.data[i] < '0' || text.data[i] > '9' || naive > UINT64_MAX) {
            break;
        }
    }

    if (flow_text_parse_number(text, &number, &reason) == FLOW_OK) {
        char    decimal[FLOW_DECIMAL_MAX];
        size_t  len = flow_text_decimal(decimal, number);

        require(text.len > 0 && number == naive, "a number is its digits");
        require(len <= text.len
                && memcmp(decimal, text.data + text.len - len, len) == 0,
                "a number is written as it was read");

    } else {
        require(i < text.len || text.len == 0, "digits are a number");
        require(reason == FLOW_REASON_NEGATIVE
                || reason == FLOW_REASON_FRACTIONAL
                || reason == FLOW_REASON_OVERFLOW
                || reason == FLOW_REASON_NOT_NUMBER, "a reason why not");
    }
}


/* Label values in the text format end at the first quote of their own. */

static void
check_escape(flow_str_t text)
{
    char    escaped[FLOW_ESCAPED_MAX];
    size_t  i, n = 0, len = flow_text_escape(escaped, text);

    require(len <= FLOW_ESCAPED_MAX, "an escaped label fits");

    for (i = 0; i < len; i++, n++) {
        char  c = escaped[i];

        require(c != '"' && c != '\n', "nothing in a label ends it");

        if (c == '\\') {
            c = escaped[++i];
            require(i < len && strchr("\\\"n", c) != NULL, "a known escape");
            c = c == 'n' ? '\n' : c;
        }

        require(n < text.len && text.data[n] == c, "escapes can be undone");
    }

    require(n == text.len, "nothing is left out");
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool        cut, repaired, cut_again, repaired_again;
    char        label[FLOW_LABEL_MAX], name[FLOW_LABEL_MAX];
    char        again[FLOW_LABEL_MAX];
    flow_str_t  text = { size, (const char *) data };
    flow_str_t  clean = { 0, label };

    check_number(text);

    clean.len = flow_text_clean_label(label, text, &cut, &repaired);
    require(clean.len <= FLOW_LABEL_MAX && (cut || clean.len >= size),
            "a label is whole, or cut");
    require(repaired || memcmp(label, data, clean.len) == 0,
            "a label that is not repaired is as it came");
    require(flow_text_clean_label(again, clean, &cut_again, &repaired_again)
            == clean.len && !cut_again && !repaired_again
            && memcmp(again, label, clean.len) == 0,
            "a clean label stays as it is");
    check_escape(clean);

    clean.data = name;
    clean.len = flow_text_clean_name(name, text);
    require(clean.len <= FLOW_LABEL_MAX && clean.len <= size, "a name fits");
    require(flow_text_clean_name(again, clean) == clean.len
            && memcmp(again, name, clean.len) == 0,
            "a clean name stays as it is");

    return 0;
}
