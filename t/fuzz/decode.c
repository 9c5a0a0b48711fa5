/*
 * flow_decode with any bytes as a message: as many calls as the message has
 * elements, by a count of its tokens; labels that can be shown; the same
 * again when it comes again; and a decoder that reads the next one.
 */

#include <ctype.h>
#include <string.h>

#include "flow_decode.h"
#include "flow_text.h"
#include "fuzz.h"


typedef struct {
    unsigned  calls;
    unsigned  records;
    unsigned  refusals;
    uint64_t  bytes;
} counts_t;


static void
count_record(void *data, const flow_record_t *record)
{
    bool       cut, repaired;
    char       clean[FLOW_LABEL_MAX];
    counts_t  *counts = data;

    counts->calls++;
    counts->records++;
    counts->bytes += record->bytes;

    require(record->hostname.len <= FLOW_LABEL_MAX
            && flow_text_clean_label(clean, record->hostname, &cut, &repaired)
               == record->hostname.len
            && !cut && !repaired, "a hostname is clean");
}


static void
count_skipped(void *data, flow_skip_e skip)
{
    counts_t  *counts = data;

    counts->calls++;
    require(skip < FLOW_SKIP_COUNT, "a known skip");
}


static void
count_invalid(void *data, flow_reason_e reason)
{
    counts_t  *counts = data;

    counts->calls++;
    counts->refusals += reason == FLOW_REASON_BAD_JSON
                        || reason == FLOW_REASON_TOO_DEEP;
    require(reason < FLOW_REASON_COUNT, "a known reason");
}


/*
 * Counts the elements of a message that is JSON up to its end.  False: there
 * are scalars in it that may be several ones, such as "01".
 */

static bool
count_elements(const char *text, size_t len, unsigned *count)
{
    bool      array = false;
    size_t    i;
    unsigned  depth = 0;

    for (i = 0, *count = 0; i < len; i++) {

        if (memchr(" \t\n\v\f\r,:", text[i], 8) != NULL) {
            continue;
        }

        *count += depth == array && (depth > 0 || text[i] != '[')
                  && text[i] != ']';

        if (text[i] == '[' || text[i] == '{') {
            array = array || (depth == 0 && text[i] == '[');
            depth++;

        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
            array = array && depth > 0;

        } else if (text[i] == '"') {
            for (i++; text[i] != '"'; i++) {
                i += text[i] == '\\';
            }

        } else if (islower((unsigned char) text[i])) {
            i += text[i] == 'f' ? 4 : 3;

        } else if (i + 1 < len && memchr("+-.0123456789Ee", text[i + 1], 15)
                                  != NULL)
        {
            return false;
        }
    }

    return true;
}


static flow_message_result_e
decode(flow_decoder_t *decoder, const void *data, size_t size)
{
    flow_message_t  message = { 0, 0, 0, -1, { size, data } };

    return flow_decode_message(decoder, &message);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned               elements;
    counts_t               first;
    flow_message_result_e  result;

    static counts_t          counts;
    static flow_decoder_t   *decoder;
    static const char        good[] = "{\"as_src\":1,\"as_dst\":2,\"bytes\":3}";

    static const flow_decode_handler_t  handler = {
        count_record, count_skipped, count_invalid
    };

    if (decoder == NULL) {
        decoder = flow_decode_create(&flow_format_pmacct, &handler, &counts);
    }

    memset(&counts, 0, sizeof(counts));
    result = decode(decoder, data, size);
    first = counts;

    require(result < FLOW_MESSAGE_RESULT_COUNT, "memory suffices");
    require((result == FLOW_MESSAGE_TOMBSTONE) == (size == 0), "tombstone");
    require((result == FLOW_MESSAGE_REFUSED) == (counts.refusals > 0),
            "what is refused is told");

    if (result == FLOW_MESSAGE_DECODED
        && count_elements((const char *) data, size, &elements))
    {
        require(elements == counts.calls, "one call an element");
    }

    memset(&counts, 0, sizeof(counts));
    require(decode(decoder, data, size) == result
            && memcmp(&counts, &first, sizeof(counts)) == 0,
            "the same message, the same calls");

    memset(&counts, 0, sizeof(counts));
    require(decode(decoder, good, sizeof(good) - 1) == FLOW_MESSAGE_DECODED
            && counts.calls == 1 && counts.bytes == 3,
            "the next message is read");

    return 0;
}
