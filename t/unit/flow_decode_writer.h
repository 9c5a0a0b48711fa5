/*
 * A writer of random records that knows what each must lead to: the JSON
 * goes to its text, the calls to its log.
 */

#ifndef FLOW_DECODE_WRITER_H
#define FLOW_DECODE_WRITER_H

#include "flow_decode_log.h"
#include "random.h"


#define COUNT(a)      (sizeof(a) / sizeof((a)[0]))
#define MESSAGE_SIZE  131072
#define ITEMS_MAX     16
#define NO_REASON     "none"


/* A message in the making, and what is expected of it. */

typedef struct {
    char    text[MESSAGE_SIZE];
    size_t  len;
    log_t   calls;

    /* prefix test: elements, and the calls up to the end of each */
    size_t  items;
    size_t  starts[ITEMS_MAX];
    size_t  ends[ITEMS_MAX];
    size_t  calls_len[ITEMS_MAX];
} writer_t;


/* A way to write a value, and what the rules of design make of it. */

typedef struct {
    const char  *json;
    const char  *outcome;    /* digits, NO_REASON for missing, or a reason */
} value_t;


typedef struct {
    const char  *json;
    const char  *text;       /* as cleaned; NULL: JSON's own bytes */
    bool         repaired;
} piece_t;


static const value_t  as_values[] = {
    { "0", "0" }, { "64496", "64496" }, { "\"64511\"", "64511" },
    { "4294967295", "4294967295" }, { "\"007\"", "7" },
    { "null", NO_REASON }, { "4294967296", "as_range" },
    { "\"99999999999999999999999999\"", "as_range" },
    { "-1", "negative" }, { "2.5", "fractional" }, { "1E2", "fractional" },
    { "\"AS1\"", "not_number" }, { "\"\"", "not_number" },
    { "false", "not_number" }, { "[1]", "not_number" },
    { "{\"bytes\": 1}", "not_number" }
};

static const value_t  bytes_values[] = {
    { "0", "0" }, { "9400", "9400" }, { "\"1500\"", "1500" },
    { "9223372036854775808", "9223372036854775808" },
    { "18446744073709551615", "18446744073709551615" },
    { "null", NO_REASON }, { "18446744073709551616", "overflow" },
    { "-9", "negative" }, { "\"-9\"", "negative" }, { "0.0", "fractional" },
    { "\"1e9\"", "fractional" }, { "\"5 \"", "not_number" },
    { "true", "not_number" }, { "{}", "not_number" }, { "[]", "not_number" }
};

static const piece_t  pieces[] = {
    { "e", NULL, false }, { "d", NULL, false }, { "1", NULL, false },
    { ".", NULL, false }, { " ", NULL, false }, { "}", NULL, false },
    { "{", NULL, false }, { ",", NULL, false }, { "\xc3\xa9", NULL, false },
    { "\xf0\x9f\x98\x80", NULL, false }, { "\\\"", "\"", false },
    { "\\\\", "\\", false }, { "\\/", "/", false }, { "\\t", "\t", false },
    { "\\u20ac", "\xe2\x82\xac", false }, { "\\u0041", "A", false },
    { "\\ud83d\\ude00", "\xf0\x9f\x98\x80", false },
    { "\xff", "\xef\xbf\xbd", true }, { "\xc0", "\xef\xbf\xbd", true }
};

static const char *const  unknown[] = {
    "\"tag\": 7", "\"ip_src\": \"192.0.2.1\"", "\"x\": null", "\"\": true",
    "\"as_path\": [64496, 64497, {\"bytes\": 1}]",
    "\"x\": {\"as_src\": 1, \"event_type\": \"log\", \"label\": {}}",
    "\"bytes_in\": 4", "\"as_sr\": -1.5e-9", "\"packet\": [[[]]]",
    "\"stamp\": \"2026-11-24 06:21:00\"", "\"x\": \"\\u0022}\\n\""
};


static void
put(writer_t *writer, const char *text)
{
    size_t  len;

    len = strlen(text);
    memcpy(writer->text + writer->len, text, len + 1);
    writer->len += len;
}


/*
 * White space, or none; without line feeds where a record is a line, and
 * never so that an object inside a record begins a line.
 */

static void
put_space(writer_t *writer, bool line)
{
    static const char *const  spaces[] = {
        "", "", " ", "\t", "\r\n\t", "\n  "
    };

    put(writer, spaces[random_below(line ? 4 : COUNT(spaces))]);
}


/*
 * A field comes with the comma before it, unless it is the first; the role's
 * key may be written with an escape, and may have come before with another
 * value, which does not count.
 */

static void
put_key(writer_t *writer, const char *key, bool line)
{
    char  text[64];

    if (writer->text[writer->len - 1] != '{') {
        put(writer, ",");
        put_space(writer, line);
    }

    if (random_below(20) == 0) {
        snprintf(text, sizeof(text), "\"\\u%04x%s\"",
                 (unsigned) (unsigned char) key[0], key + 1);
    } else {
        snprintf(text, sizeof(text), "\"%s\"", key);
    }

    put(writer, text);
    put_space(writer, line);
    put(writer, ":");
    put_space(writer, line);
}


static void
put_field(writer_t *writer, const char *key, const char *json, bool line)
{
    static const char *const  earlier[] = {
        "null", "-1", "\"x\"", "[{}]", "\"log\"", "77"
    };

    if (random_below(12) == 0) {
        put_key(writer, key, line);
        put(writer, earlier[random_below(COUNT(earlier))]);
        put_space(writer, line);
    }

    put_key(writer, key, line);
    put(writer, json);
    put_space(writer, line);
}


/*
 * Writes a host name's JSON; "text" gets it as it should arrive, of at most
 * FLOW_LABEL_MAX bytes.
 */

static void
make_host(char *json, char *text, bool *cut, bool *repaired)
{
    size_t          count, used, len;
    const char     *clean;
    const piece_t  *piece;

    count = random_below(4) == 0 ? random_below(400) : random_below(20);
    used = 0;
    *cut = false;
    *repaired = false;

    json += sprintf(json, "\"");

    while (count-- != 0) {
        piece = &pieces[random_below(COUNT(pieces))];
        clean = piece->text != NULL ? piece->text : piece->json;
        len = strlen(clean);

        json += sprintf(json, "%s", piece->json);

        if (*cut || used + len > FLOW_LABEL_MAX) {
            *cut = true;
            continue;
        }

        *repaired = *repaired || piece->repaired;
        memcpy(text + used, clean, len);
        used += len;
    }

    sprintf(json, "\"");
    text[used] = '\0';
}


typedef struct {
    const value_t  *source;
    const value_t  *destination;
    const value_t  *bytes;
    bool            packets;
    bool            other_event;
    char            label[FLOW_LABEL_MAX + 1];
    char            peer[FLOW_LABEL_MAX + 1];
    bool            label_cut, label_repaired;
    bool            peer_cut, peer_repaired;
} expected_t;


static bool
is_reason(const value_t *value)
{
    return value != NULL && value->outcome[0] > '9'
           && strcmp(value->outcome, NO_REASON) != 0;
}


static bool
is_missing(const value_t *value)
{
    return value == NULL || strcmp(value->outcome, NO_REASON) == 0;
}


/* The rules, in their order. */

static void
expect_record(writer_t *writer, const expected_t *e)
{
    bool    label;
    log_t  *calls;

    calls = &writer->calls;
    label = e->label[0] != '\0';

    if (e->other_event) {
        log_add(calls, "skip event_type\n");

    } else if (is_missing(e->bytes) && !e->packets) {
        log_add(calls, "skip no_counters\n");

    } else if (is_reason(e->source)) {
        log_add(calls, "invalid %s\n", e->source->outcome);

    } else if (is_reason(e->destination)) {
        log_add(calls, "invalid %s\n", e->destination->outcome);

    } else if (is_reason(e->bytes)) {
        log_add(calls, "invalid %s\n", e->bytes->outcome);

    } else if (is_missing(e->source)) {
        log_add(calls, "invalid missing_source_as\n");

    } else if (is_missing(e->destination)) {
        log_add(calls, "invalid missing_destination_as\n");

    } else if (is_missing(e->bytes)) {
        log_add(calls, "invalid missing_bytes\n");

    } else {
        log_add(calls, "flow %s %s %s \"%s\"%s%s\n", e->source->outcome,
                e->destination->outcome, e->bytes->outcome,
                label ? e->label : e->peer,
                (label ? e->label_cut : e->peer_cut) ? " cut" : "",
                (label ? e->label_repaired : e->peer_repaired)
                ? " repaired" : "");
    }
}


static const value_t *
put_number(writer_t *writer, const char *key, const value_t *values,
    size_t count, bool line)
{
    const value_t  *value;

    if (random_below(16) == 0) {
        return NULL;
    }

    value = &values[random_below(random_below(3) == 0 ? count : 5)];
    put_field(writer, key, value->json, line);

    return value;
}


static void
put_host(writer_t *writer, const char *key, char *text, bool *cut,
    bool *repaired, bool line)
{
    static char               json[8192];
    static const char *const  others[] = {
        "null", "{\"a\": \"b\"}", "[\"a\"]", "7", "true", "\"\""
    };

    text[0] = '\0';

    if (random_below(4) == 0) {
        put_field(writer, key, others[random_below(COUNT(others))], line);
        return;
    }

    make_host(json, text, cut, repaired);
    put_field(writer, key, json, line);
}


static void
put_event(writer_t *writer, expected_t *e, bool line)
{
    size_t                    k;
    static const char *const  events[] = {
        "\"purge\"", "\"p\\u0075rge\"", "null", "\"purge_init\"", "\"\"",
        "{}", "[\"purge\"]", "1", "false"
    };

    k = random_below(random_below(6) == 0 ? COUNT(events) : 2);
    put_field(writer, "event_type", events[k], line);
    e->other_event = k > 2;
}


/* Fields in random order: a rotation of the roles, some left out. */

static void
put_record(writer_t *writer, bool line)
{
    size_t      i, first;
    expected_t  e;

    memset(&e, 0, sizeof(e));
    first = random_below(7);

    put(writer, "{");

    for (i = 0; i < 7; i++) {

        if (random_below(3) == 0) {
            if (writer->text[writer->len - 1] != '{') {
                put(writer, ", ");
            }

            put(writer, unknown[random_below(COUNT(unknown))]);
        }

        switch ((first + i) % 7) {
        case 0:
            e.source = put_number(writer, "as_src", as_values,
                                  COUNT(as_values), line);
            break;
        case 1:
            e.destination = put_number(writer, "as_dst", as_values,
                                       COUNT(as_values), line);
            break;
        case 2:
            e.bytes = put_number(writer, "bytes", bytes_values,
                                 COUNT(bytes_values), line);
            break;
        case 3:
            e.packets = random_below(3) != 0;
            put_field(writer, "packets", e.packets ? "-1.5" : "null", line);
            break;
        case 4:
            put_host(writer, "label", e.label, &e.label_cut,
                     &e.label_repaired, line);
            break;
        case 5:
            put_host(writer, "peer_ip_src", e.peer, &e.peer_cut,
                     &e.peer_repaired, line);
            break;
        default:
            if (random_below(2)) {
                put_event(writer, &e, line);
            }
        }
    }

    put(writer, "}");

    expect_record(writer, &e);
}


#endif /* FLOW_DECODE_WRITER_H */
