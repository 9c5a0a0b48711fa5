/*
 * flow_decode, rule by rule: a message, and the calls that it must lead to.
 * One decoder serves all messages, as in the exporter.
 */

#include "flow_decode_log.h"


#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* A record's start and end around the field in question. */

#define REST      "\"as_src\": 1, \"as_dst\": 2, \"bytes\": 3}"
#define GOOD      "{" REST
#define FLOW      "flow 1 2 3 \"\"\n"
#define AS(v)     "{\"as_src\": " v ", \"as_dst\": 2, \"bytes\": 3}"
#define BYTES(v)  "{\"as_src\": 1, \"as_dst\": 2, \"bytes\": " v "}"
#define LABEL(v)  "{\"label\": " v ", " REST
#define PEER(v)   ", \"peer_ip_src\": " v "}"
#define EVENT(v)  "{\"event_type\": " v ", " REST
#define HOST(s)   "flow 1 2 3 \"" s "\"\n"
#define BAD       "invalid bad_json\n"
#define NO_OBJECT "invalid not_object\n"

#define X5(s)     s s s s s
#define X10(s)    X5(s) X5(s)
#define X32(s)    X10(s) X10(s) X10(s) s s


typedef struct {
    const char  *what;
    const char  *message;
    const char  *calls;
} test_case_t;


static const test_case_t  decoded[] = {

    /* shapes of a message */
    { "pmacct's own record",
      "{\"event_type\": \"purge\", \"tag\": 7, \"label\": \"edge1\", "
      "\"as_src\": 64496, \"as_dst\": 64511, \"peer_ip_src\": \"192.0.2.4\", "
      "\"ip_proto\": \"tcp\", \"stamp_inserted\": \"2026-11-24 06:21:00\", "
      "\"packets\": 12, \"bytes\": 9400, \"writer_id\": \"edge/4711\"}",
      "flow 64496 64511 9400 \"edge1\"\n" },
    { "objects a line each, and a line feed at the end",
      GOOD "\n" GOOD "\n", FLOW FLOW },
    { "objects without anything between", GOOD GOOD GOOD, FLOW FLOW FLOW },
    { "objects with spaces of all kinds", "\r\n\t " GOOD "\r\n \t" GOOD " ",
      FLOW FLOW },
    { "array", "[" GOOD ", " GOOD "]\n", FLOW FLOW },
    { "array, then an object, then an array",
      "[" GOOD "]" GOOD "[" GOOD "]", FLOW FLOW FLOW },
    { "empty array", " [ ] ", "" },
    { "white space only", " \r\n\t", "" },
    { "a bare number at the end", GOOD " 12", FLOW NO_OBJECT },
    { "bare values", "\"{}\" 1 -2.5e3 true false null " GOOD,
      NO_OBJECT NO_OBJECT NO_OBJECT NO_OBJECT NO_OBJECT NO_OBJECT FLOW },
    { "bare values in an array", "[1, " GOOD ", \"as_src\", null, true]",
      NO_OBJECT FLOW NO_OBJECT NO_OBJECT NO_OBJECT },
    { "arrays in an array", "[[], [[1, " GOOD "], {}], " GOOD "]",
      NO_OBJECT NO_OBJECT FLOW },
    { "32 levels in a record",
      "{\"x\": " "[" X10("[") X10("[") X10("[") X10("]") X10("]") X10("]") "]"
      ", " REST, FLOW },
    { "32 levels of arrays", X32("[") X32("]"), NO_OBJECT },

    /* which keys count */
    { "unknown fields of any depth", "{\"x\": {\"y\": [{\"z\": []}]}, " REST,
      FLOW },
    { "the same keys in nested objects",
      "{\"x\": {\"as_src\": 9, \"bytes\": 9, \"event_type\": \"log\"}, "
      "\"y\": [{\"label\": \"no\"}], " REST, FLOW },
    { "values of unknown fields at the depth of roles",
      "{\"x\": \"9\", " REST, FLOW },
    { "the last of two keys counts",
      "{\"as_src\": \"x\", \"bytes\": 7, \"label\": \"no\", " REST
      "{\"label\": \"a\", \"label\": \"b\", " REST, HOST("no") HOST("b") },
    { "a later null makes it missing",
      "{\"label\": \"a\", \"label\": null, " REST, FLOW },
    { "keys with escapes", "{\"as\\u005fsrc\": 4, \"as_dst\": 5, "
      "\"\\u0062ytes\": 6}", "flow 4 5 6 \"\"\n" },
    { "nothing of a record stays for the next",
      "{\"label\": \"a\", \"packets\": 1, " REST "{\"as_src\": 8}" GOOD,
      HOST("a") "skip no_counters\n" FLOW },

    /* event type, counters */
    { "purge", EVENT("\"purge\""), FLOW },
    { "event type null", EVENT("null"), FLOW },
    { "markers", "{\"event_type\": \"purge_init\", \"writer_id\": \"a\"}"
      EVENT("\"purge_close\""), "skip event_type\nskip event_type\n" },
    { "other event types", EVENT("\"log\"") EVENT("\"\"") EVENT("1")
      EVENT("{\"a\": \"purge\"}") EVENT("[\"purge\"]") EVENT("true"),
      "skip event_type\nskip event_type\nskip event_type\n"
      "skip event_type\nskip event_type\nskip event_type\n" },
    { "event type before all that is wrong",
      "{\"event_type\": \"log\", \"as_src\": -1, \"bytes\": \"x\"}",
      "skip event_type\n" },
    { "neither bytes nor packets", "{\"as_src\": 1, \"as_dst\": 2}" "{}"
      "{\"as_src\": -1, \"bytes\": null, \"packets\": null}",
      "skip no_counters\nskip no_counters\nskip no_counters\n" },
    { "packets without bytes",
      "{\"as_src\": 1, \"as_dst\": 2, \"packets\": 0}"
      "{\"as_src\": 1, \"as_dst\": 2, \"packets\": {}, \"bytes\": null}",
      "invalid missing_bytes\ninvalid missing_bytes\n" },
    { "packets are not judged", "{\"packets\": -1.5, " REST
      "{\"packets\": \"x\", " REST, FLOW FLOW },

    /* order of reasons */
    { "missing source AS, destination AS",
      "{\"as_dst\": 2, \"bytes\": 3}{\"as_src\": 1, \"bytes\": 3}"
      "{\"bytes\": 3}{\"as_src\": null, \"as_dst\": 2, \"bytes\": 3}",
      "invalid missing_source_as\ninvalid missing_destination_as\n"
      "invalid missing_source_as\ninvalid missing_source_as\n" },
    { "a wrong value before a missing one",
      "{\"bytes\": -1}" "{\"bytes\": -1, \"as_dst\": 1.5}"
      "{\"bytes\": -1, \"as_dst\": 1.5, \"as_src\": 4294967296}",
      "invalid negative\ninvalid fractional\ninvalid as_range\n" },

    /* numbers */
    { "2^63, 2^64-1, zero", BYTES("9223372036854775808")
      BYTES("18446744073709551615") BYTES("0"),
      "flow 1 2 9223372036854775808 \"\"\n"
      "flow 1 2 18446744073709551615 \"\"\nflow 1 2 0 \"\"\n" },
    { "2^64", BYTES("18446744073709551616") BYTES("\"18446744073709551616\""),
      "invalid overflow\ninvalid overflow\n" },
    { "AS 2^32-1, AS 0, AS 2^32", AS("4294967295") AS("0") AS("4294967296"),
      "flow 4294967295 2 3 \"\"\nflow 0 2 3 \"\"\ninvalid as_range\n" },
    { "an AS beyond 64 bits is out of an AS's range as well",
      AS("18446744073709551616") AS("\"99999999999999999999999\""),
      "invalid as_range\ninvalid as_range\n" },
    { "strings of digits", AS("\"0064496\"") BYTES("\"5\""),
      "flow 64496 2 3 \"\"\nflow 1 2 5 \"\"\n" },
    { "strings of digits with escapes", BYTES("\"\\u0035\\u0036\""),
      "flow 1 2 56 \"\"\n" },
    { "negative", BYTES("-5") BYTES("-0") AS("\"-1\"") BYTES("-1.5"),
      "invalid negative\ninvalid negative\ninvalid negative\n"
      "invalid negative\n" },
    { "fractional", BYTES("1.0") BYTES("1e3") AS("\"1.5\""),
      "invalid fractional\ninvalid fractional\ninvalid fractional\n" },
    { "no numbers", BYTES("\" 5\"") BYTES("\"+5\"") BYTES("\"\"")
      BYTES("true") BYTES("[5]") BYTES("{\"bytes\": 5}") AS("\"AS1\""),
      "invalid not_number\ninvalid not_number\ninvalid not_number\n"
      "invalid not_number\ninvalid not_number\ninvalid not_number\n"
      "invalid not_number\n" },

    /* hostname */
    { "label", LABEL("\"edge1\""), HOST("edge1") },
    { "label before the address, in whichever order",
      "{\"peer_ip_src\": \"192.0.2.4\", \"label\": \"edge1\", " REST
      "{\"label\": \"edge1\", \"peer_ip_src\": \"192.0.2.4\", " REST,
      HOST("edge1") HOST("edge1") },
    { "address where label is empty, null, or no string",
      "{\"peer_ip_src\": \"::1\", \"label\": \"\", " REST
      "{\"peer_ip_src\": \"::2\", \"label\": null, " REST
      "{\"peer_ip_src\": \"::3\", \"label\": {\"a\": \"b\"}, " REST
      "{\"peer_ip_src\": \"::4\", \"label\": [\"a\"], " REST
      "{\"peer_ip_src\": \"::5\", \"label\": 7, " REST
      "{\"peer_ip_src\": \"::6\", \"label\": true, " REST
      "{\"peer_ip_src\": \"::7\", " REST,
      HOST("::1") HOST("::2") HOST("::3") HOST("::4") HOST("::5")
      HOST("::6") HOST("::7") },
    { "neither", "{\"peer_ip_src\": \"\", " REST "{\"peer_ip_src\": 1, " REST,
      FLOW FLOW },
    { "label with escapes stays until the record ends",
      "{\"label\": \"\\u00e9\\\"\\\\\\/\", \"x\": \"\\n\\n\\n\\n\", " REST,
      HOST("\xc3\xa9\"\\/") },
    { "surrogate pair", LABEL("\"\\ud83d\\ude00\""), HOST("\xf0\x9f\x98\x80") },
    { "half of a surrogate pair", LABEL("\"\\ud800\\\\uZZZZ\"")
      LABEL("\"\\ud800\\\\u\"") LABEL("\"\\udc00\""),
      HOST("?\\uZZZZ") HOST("?\\u") "flow 1 2 3 "
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\" repaired\n" },
    { "bad UTF-8 is repaired", LABEL("\"a\xff" "b\""),
      "flow 1 2 3 \"a\xef\xbf\xbd" "b\" repaired\n" },
    { "long label", LABEL("\"" X10(X10("abc")) "\""),
      "flow 1 2 3 \"" X10(X5("abc")) X10("abc") X10("abc") X10("abc") X5("abc")
      "\" cut\n" }
};


static const test_case_t  refused[] = {

    { "nothing JSON", "garbage", BAD },
    { "a byte order mark", "\xef\xbb\xbf" GOOD, BAD },
    { "cut in an object", GOOD "\n{\"as_src\": 1, \"by", FLOW BAD },
    { "cut in a bare string", GOOD " \"abc", FLOW BAD },
    { "cut in a bare string that looks like an end", GOOD "\"}", FLOW BAD },
    { "cut in a bare string at an escape", "\"\\", BAD },
    { "cut in a bare word", GOOD " tru", FLOW BAD },
    { "cut at a bare minus", GOOD " -", FLOW BAD },
    { "cut in an array", "[" GOOD ", " GOOD, FLOW FLOW BAD },
    { "cut in a nested array of an array", "[[1, 2", BAD },
    { "comma between objects", GOOD "," GOOD, FLOW BAD },
    { "control character in a string", LABEL("\"a\x01\""), BAD },
    { "what breaks is one, what follows goes on at the next line",
      GOOD "\n{\"as_src\": 1,, \"bytes\"\n" GOOD "\n" GOOD "\n",
      FLOW BAD FLOW FLOW },
    { "several broken lines", "{\"a\n{b\n" GOOD "\n{\n" GOOD "\n{\"c\":",
      BAD BAD FLOW BAD FLOW BAD },
    { "a cut line does not take the next one with it",
      GOOD "\n{\"as_src\":\n" GOOD "\n" GOOD "\n", FLOW BAD FLOW FLOW },
    { "nor where the message ends there", "{\"as_src\":\n" GOOD, BAD FLOW },
    { "objects on the broken line are lost with it",
      GOOD " {x} " GOOD "\n" GOOD, FLOW BAD FLOW },
    { "lines that begin otherwise are no place to go on",
      "{\"a\"\n [" GOOD "]\n\n\n" GOOD, BAD FLOW },
    { "nothing follows within a broken array",
      "[\n" GOOD ",\n{\"a\"\n" GOOD "\n" GOOD "\n]\n" GOOD, FLOW BAD },
    { "after a whole array it does",
      "[" GOOD "]\n{\"a\"\n" GOOD, FLOW BAD FLOW },
    { "33 levels in a record",
      GOOD "\n{\"x\": " X32("[") X32("]") ", " REST "\n" GOOD,
      FLOW "invalid too_deep\n" FLOW },
    { "33 levels of arrays", X32("[") "[", "invalid too_deep\n" }
};


static void
check(flow_decoder_t *decoder, log_t *log, const test_case_t *test,
    flow_message_result_e expected)
{
    bool                   good;
    flow_message_result_e  result;

    log_clear(log);
    result = decode(decoder, test->message, strlen(test->message));

    good = result == expected && strcmp(log->text, test->calls) == 0;

    if (!ok(good, "%s: %s", log_results[expected], test->what)) {
        note("%s\n%s", log_results[result], log->text);
    }

    if (!is_intact(decoder, log)) {
        ok(false, "the message after it: %s", log->text);
    }
}


static void
test_tombstones(flow_decoder_t *decoder, log_t *log)
{
    flow_message_t  message;

    memset(&message, 0, sizeof(message));
    log_clear(log);

    ok(flow_decode_message(decoder, &message) == FLOW_MESSAGE_TOMBSTONE
       && log->len == 0, "tombstone: no value");

    message.value.data = "";

    ok(flow_decode_message(decoder, &message) == FLOW_MESSAGE_TOMBSTONE
       && log->len == 0, "tombstone: no byte");
}


/*
 * Tokens as long as the message, around the sizes at which yajl's buffers
 * grow: first in its buffer for escapes, then in the one for cut tokens.
 */

static void
test_long_tokens(log_t *log)
{
    bool             good;
    char            *text;
    size_t           size, len;
    flow_decoder_t  *decoder;

    good = true;

    for (size = 1024; size <= 1 << 20; size *= 2) {
        text = malloc(size + 8);
        decoder = flow_decode_create(&flow_format_pmacct, &log_handler, log);

        for (len = size - 8; text != NULL && len <= size + 8; len++) {
            memset(text, 'a', len);
            memcpy(text, "\"\\n", 3);
            text[len - 1] = '"';

            log_clear(log);
            good = decode(decoder, text, len) == FLOW_MESSAGE_DECODED
                   && strcmp(log->text, NO_OBJECT) == 0 && good;

            text[len - 1] = 'a';

            log_clear(log);
            good = decode(decoder, text, len) == FLOW_MESSAGE_REFUSED
                   && strcmp(log->text, BAD) == 0 && good;

            good = is_intact(decoder, log) && good;
        }

        flow_decode_destroy(decoder);
        free(text);
    }

    ok(good, "tokens as long as the message, up to 1 MiB");
}


/* Each line could be taken for a part of all lines before it. */

static void
test_many_broken_lines(flow_decoder_t *decoder, log_t *log)
{
    size_t              i;
    char               *text;
    static const char   line[] = "{\"a\": [{},\n";
    static const size_t count = 100000;

    text = malloc(count * (sizeof(line) - 1));

    for (i = 0; text != NULL && i < count; i++) {
        memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
    }

    log_clear(log);
    ok(text != NULL
       && decode(decoder, text, count * (sizeof(line) - 1))
          == FLOW_MESSAGE_REFUSED
       && is_intact(decoder, log), "a long message of broken lines ends");

    free(text);
}


/*
 * Memory: with the linker's --wrap=malloc and --wrap=calloc, these two stand
 * between the core and the C library.
 */

void *__real_malloc(size_t size) __attribute__((weak));
void *__real_calloc(size_t count, size_t size) __attribute__((weak));
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static unsigned  allocations_left = UINT32_MAX;


void *
__wrap_malloc(size_t size)
{
    if (allocations_left == 0 || __real_malloc == NULL) {
        return NULL;
    }

    allocations_left--;

    return __real_malloc(size);
}


void *
__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left == 0 || __real_calloc == NULL) {
        return NULL;
    }

    allocations_left--;

    return __real_calloc(count, size);
}


static void
test_huge_length(flow_decoder_t *decoder, log_t *log)
{
    flow_message_t  message;

    memset(&message, 0, sizeof(message));
    message.value.data = GOOD;
    message.value.len = SIZE_MAX / 2;
    log_clear(log);

    ok(flow_decode_message(decoder, &message) == FLOW_MESSAGE_RESULT_COUNT
       && log->len == 0 && is_intact(decoder, log),
       "memory: a length beyond all memory");
}


static void
test_allocations(log_t *log)
{
    unsigned               n;
    flow_decoder_t        *decoder;
    flow_message_t         message;
    flow_message_result_e  result;
    static char            text[1 << 20];

    if (__real_malloc == NULL || __real_calloc == NULL) {
        ok(true, "memory: each allocation fails # SKIP not linked for it");
        return;
    }

    decoder = NULL;

    for (n = 0; n < 10 && decoder == NULL; n++) {
        allocations_left = n;
        decoder = flow_decode_create(&flow_format_pmacct, &log_handler, log);
        allocations_left = UINT32_MAX;
    }

    if (!ok(n == 3 && decoder != NULL && is_intact(decoder, log),
            "memory: each of a decoder's two allocations fails"))
    {
        return;
    }

    memset(text, ' ', sizeof(text));
    memset(&message, 0, sizeof(message));
    message.value.data = text;
    message.value.len = sizeof(text);

    allocations_left = 0;
    result = flow_decode_message(decoder, &message);
    allocations_left = UINT32_MAX;

    ok(result == FLOW_MESSAGE_RESULT_COUNT,
       "memory: no room for a long message");

    flow_decode_destroy(decoder);
}


int
main(void)
{
    size_t           i;
    static log_t     log;
    flow_decoder_t  *decoder;

    decoder = flow_decode_create(&flow_format_pmacct, &log_handler, &log);
    if (!ok(decoder != NULL, "a decoder")) {
        return done();
    }

    for (i = 0; i < COUNT(decoded); i++) {
        check(decoder, &log, &decoded[i], FLOW_MESSAGE_DECODED);
    }

    for (i = 0; i < COUNT(refused); i++) {
        check(decoder, &log, &refused[i], FLOW_MESSAGE_REFUSED);
    }

    test_tombstones(decoder, &log);
    test_long_tokens(&log);
    test_many_broken_lines(decoder, &log);
    test_huge_length(decoder, &log);
    test_allocations(&log);

    flow_decode_destroy(decoder);

    return done();
}
