/*
 * flow_decode against a writer that knows what it wrote: random records,
 * whole and broken, in every shape of a message, with the calls that they
 * must lead to.  Then every prefix of such messages, and mutations of them,
 * each followed by a good message that has to arrive whole.
 *
 * A seed may be given as the first argument.
 */

#include "flow_decode_log.h"
#include "flow_decode_writer.h"


static const char *const  scalars[] = {
    "12", "-1.5e3", "true", "false", "null", "\"\"", "\"{\\\"a\\\": 1}\""
};

static const char *const  broken_ends[] = {
    ",", ":", "x", " nul", "\"open", " \\", "\x01"
};


static void
begin(writer_t *writer)
{
    writer->len = 0;
    writer->items = 0;
    log_clear(&writer->calls);
}


static void
end_item(writer_t *writer, size_t start)
{
    writer->starts[writer->items] = start;
    writer->ends[writer->items] = writer->len;
    writer->calls_len[writer->items] = writer->calls.len;
    writer->items++;
}


/* Objects one after another, with bare values between where asked for. */

static void
write_objects(writer_t *writer, bool bare)
{
    size_t  count, start;

    begin(writer);
    put_space(writer, false);

    for (count = 1 + random_below(6); count != 0; count--) {
        start = writer->len;

        if (bare && random_below(4) == 0) {
            put(writer, " ");
            put(writer, scalars[random_below(COUNT(scalars))]);
            put(writer, " ");
            log_add(&writer->calls, "invalid not_object\n");
            continue;
        }

        put_record(writer, false);
        end_item(writer, start);
        put_space(writer, false);
        put(writer, random_below(3) ? "" : "\n");
    }
}


/* Returns whether it was broken, which ends the message. */

static bool
write_array(writer_t *writer, bool break_it)
{
    size_t  i, count, broken;

    put(writer, "[");
    put_space(writer, false);

    count = random_below(6);
    broken = break_it ? random_below(count + 1) : count + 1;

    for (i = 0; i <= count; i++) {

        if (i == broken) {
            put(writer, broken_ends[1 + random_below(6)]);
            put(writer, "\n{\"as_src\": 1, \"as_dst\": 2, \"bytes\": 3}\n");
            log_add(&writer->calls, "invalid bad_json\n");
            return true;
        }

        if (i == count) {
            break;
        }

        switch (random_below(8)) {
        case 0:
            put(writer, scalars[random_below(COUNT(scalars))]);
            log_add(&writer->calls, "invalid not_object\n");
            break;
        case 1:
            put(writer, "[1, [], {\"as_src\": 1, \"x\": [2]}]");
            log_add(&writer->calls, "invalid not_object\n");
            break;
        default:
            put_record(writer, false);
        }

        put_space(writer, false);

        if (i + 1 < count || i + 1 == broken) {
            put(writer, ",");
            put_space(writer, false);
        }
    }

    put(writer, "]");

    return false;
}


/* A record a line; some are cut, some have something wrong after them. */

static bool
write_lines(writer_t *writer)
{
    bool    broken;
    size_t  i, count, start, calls;

    begin(writer);
    broken = false;
    count = 1 + random_below(6);

    for (i = 0; i < count; i++) {
        start = writer->len;
        calls = writer->calls.len;

        put_record(writer, true);

        switch (random_below(4)) {
        case 0:
            writer->len = start + 1
                          + random_below(writer->len - start - 1);
            writer->calls.len = calls;
            log_add(&writer->calls, "invalid bad_json\n");
            broken = true;
            break;
        case 1:
            put(writer, broken_ends[random_below(COUNT(broken_ends))]);
            log_add(&writer->calls, "invalid bad_json\n");
            broken = true;
            break;
        default:
            break;
        }

        put(writer, random_below(2) ? "\n" : "\r\n\n");
    }

    return broken;
}


static bool
agrees(flow_decoder_t *decoder, log_t *log, const writer_t *writer,
    size_t len, flow_message_result_e expected, const char *calls,
    size_t calls_len)
{
    flow_message_result_e  result;

    log_clear(log);
    result = decode(decoder, writer->text, len);

    if (result == expected && log->len == calls_len
        && memcmp(log->text, calls, calls_len) == 0)
    {
        return true;
    }

    note("%s, expected %s:\n%.*s\ncalls:\n%s\nexpected:\n%.*s",
         log_results[result], log_results[expected], (int) len, writer->text,
         log->text, (int) calls_len, calls);

    return false;
}


static void
test_messages(flow_decoder_t *decoder, log_t *log, writer_t *writer)
{
    bool         good, broken;
    unsigned     i, shape;
    static bool  shapes_good[4] = { true, true, true, true };

    for (i = 0; i < 40000; i++) {
        shape = (unsigned) random_below(4);
        broken = false;

        switch (shape) {
        case 0:
            write_objects(writer, true);
            break;
        case 1:
            begin(writer);
            write_array(writer, false);
            put_record(writer, false);
            write_array(writer, false);
            break;
        case 2:
            broken = write_lines(writer);
            break;
        default:
            begin(writer);
            put_record(writer, false);
            broken = write_array(writer, true);
        }

        good = agrees(decoder, log, writer, writer->len,
                      broken ? FLOW_MESSAGE_REFUSED : FLOW_MESSAGE_DECODED,
                      writer->calls.text, writer->calls.len);
        shapes_good[shape] = good && shapes_good[shape];

        if (!good) {
            break;
        }
    }

    ok(shapes_good[0], "objects and bare values, with any space between");
    ok(shapes_good[1], "arrays and objects");
    ok(shapes_good[2], "lines, some of them broken");
    ok(shapes_good[3], "an array that breaks");
}


/* All elements before the cut, and one that is broken where it cuts one. */

static bool
prefix_agrees(flow_decoder_t *decoder, log_t *log, const writer_t *writer,
    size_t len)
{
    bool          cut;
    size_t        i;
    static log_t  calls;

    log_clear(&calls);
    cut = false;

    for (i = 0; i < writer->items && writer->starts[i] < len; i++) {

        if (writer->ends[i] <= len) {
            calls.len = writer->calls_len[i];
            continue;
        }

        cut = true;
    }

    memcpy(calls.text, writer->calls.text, calls.len);

    if (cut) {
        log_add(&calls, "invalid bad_json\n");
    }

    return agrees(decoder, log, writer, len,
                  cut ? FLOW_MESSAGE_REFUSED : FLOW_MESSAGE_DECODED,
                  calls.text, calls.len);
}


static void
test_prefixes(flow_decoder_t *decoder, log_t *log, writer_t *writer)
{
    bool    good;
    size_t  i, len;

    good = true;

    for (i = 0; i < 60 && good; i++) {
        write_objects(writer, false);

        for (len = 1; len <= writer->len && good; len++) {
            good = prefix_agrees(decoder, log, writer, len)
                   && is_intact(decoder, log);
        }
    }

    ok(good, "every prefix: whole elements, and one broken");
}


/* What is known of any bytes: refused if and only if something is told. */

static void
test_mutations(flow_decoder_t *decoder, log_t *log, writer_t *writer)
{
    bool                      good, told;
    size_t                    i, k;
    flow_message_result_e     result;
    static const char         bytes[] = "{}[]\",:\\n0-.eutf \n\x80\xff\x01";

    good = true;

    for (i = 0; i < 60000 && good; i++) {

        if (random_below(2)) {
            (void) write_lines(writer);
        } else {
            begin(writer);
            (void) write_array(writer, random_below(2) != 0);
        }

        for (k = 1 + random_below(4); k != 0; k--) {
            writer->text[random_below(writer->len)]
                = bytes[random_below(sizeof(bytes) - 1)];
        }

        log_clear(log);
        result = decode(decoder, writer->text, writer->len);

        told = strstr(log->text, "bad_json") != NULL
               || strstr(log->text, "too_deep") != NULL;

        if (result != (told ? FLOW_MESSAGE_REFUSED : FLOW_MESSAGE_DECODED)) {
            note("%s:\n%.*s\ncalls:\n%s", log_results[result],
                 (int) writer->len, writer->text, log->text);
            good = false;
        }

        if (!is_intact(decoder, log)) {
            note("not intact after:\n%.*s", (int) writer->len, writer->text);
            good = false;
        }
    }

    ok(good, "mutations: refused where told, and the next one is intact");
}


int
main(int argc, char **argv)
{
    static log_t      log;
    static writer_t   writer;
    flow_decoder_t   *decoder;

    random_begin(argc, argv);

    decoder = flow_decode_create(&flow_format_pmacct, &log_handler, &log);
    if (!ok(decoder != NULL, "a decoder")) {
        return done();
    }

    test_messages(decoder, &log, &writer);
    test_prefixes(decoder, &log, &writer);
    test_mutations(decoder, &log, &writer);

    flow_decode_destroy(decoder);

    return done();
}
