# A router may have any name: what Prometheus gets is always valid UTF-8 of a
# bounded length, escaped so that it reads back as it was; and where a name
# had to be changed, a counter says so.

use strict;
use warnings;

use FlowExporter::Blocks;
use Test::Nginx::Socket 'no_plan';


# Sections of this file:
#
#     --- labels   an array of pairs: the string in a record's JSON between its
#                  quotes, and the hostname in the scrape between its quotes.
#                  Each record has one byte.

add_block_preprocessor(sub {
    my ($block) = @_;

    my (%bytes, @order, @messages);

    for my $pair (@{ $block->labels }) {
        my ($label, $hostname) = @$pair;

        push @messages, qq({"as_src": 1, "as_dst": 64500, "bytes": 1, )
                        . qq("label": "$label"});
        push @order, $hostname if !$bytes{$hostname}++;
    }

    $block->set_value('exporter', "asn 64500;\n");
    $block->set_value('messages', \@messages);
    $block->set_value('flows',
        "# HELP flow_receive_bytes_total Bytes received.\n"
        . "# TYPE flow_receive_bytes_total counter\n"
        . join '', map { 'flow_receive_bytes_total{destination_as="64500",'
                         . 'destination_as_name="",hostname="' . $_
                         . '",source_as="1",source_as_name=""} '
                         . "$bytes{$_}\n" } @order);
});

run_tests();
__DATA__

=== escaped: quote, backslash and line feed, and nothing else
--- labels eval
[
    ['a\"b',                'a\"b'],
    ['a\\\\b',              'a\\\\b'],
    ['a\nb',                'a\nb'],
    ['\"\\\\\n\"',          '\"\\\\\n\"'],
    ['a\\\\nb',             'a\\\\nb'],
    ['\t',                  "\t"],
    ['\r',                  "\r"],
    ['\b\f',                "\b\f"],
    ['\/',                  '/'],
    ['\u0001\u001f\u007f',  "\x01\x1f\x7f"],
    ['\u0000',              "\0"],
    ['} 5',                 '} 5'],
    ['{a=b}, #',            '{a=b}, #'],
    [' ',                   ' '],
]
--- counters
flow_exporter_cut_labels_total{exporter="default"} 0
flow_exporter_repaired_labels_total{exporter="default"} 0

=== UTF-8 as it is, written out or by JSON's escapes
--- labels eval
[
    ["caf\xc3\xa9",             "caf\xc3\xa9"],
    ['caf\u00e9',               "caf\xc3\xa9"],
    ['\u20AC',                  "\xe2\x82\xac"],
    ['\ud83d\ude00',            "\xf0\x9f\x98\x80"],
    ["\xf4\x8f\xbf\xbf",        "\xf4\x8f\xbf\xbf"],    # U+10FFFF
    ["\xc2\x80",                "\xc2\x80"],
    ["\xef\xbf\xbd",            "\xef\xbf\xbd"],        # U+FFFD itself
]
--- counters
flow_exporter_cut_labels_total{exporter="default"} 0
flow_exporter_repaired_labels_total{exporter="default"} 0

=== cut at 255 bytes, at a character
--- labels eval
[
    ['a' x 255,                   'a' x 255],
    ['b' x 256,                   'b' x 255],
    ['c' x 100000,                'c' x 255],
    ['d' x 253 . "\xc3\xa9",      'd' x 253 . "\xc3\xa9"],
    ['e' x 254 . "\xc3\xa9",      'e' x 254],
    ['f' x 252 . "\xe2\x82\xac",  'f' x 252 . "\xe2\x82\xac"],
    ['g' x 253 . "\xe2\x82\xac",  'g' x 253],
    ['h' x 254 . "\xe2\x82\xac",  'h' x 254],
    ["\xf0\x9f\x98\x80" x 64,     "\xf0\x9f\x98\x80" x 63],
    ['\"' x 255,                  '\"' x 255],          # room is for escapes
    ['\"' x 256,                  '\"' x 255],
    ['\n\\\\' x 127 . 'i',        '\n\\\\' x 127 . 'i'],
]
--- counters
flow_exporter_cut_labels_total{exporter="default"} 7
flow_exporter_repaired_labels_total{exporter="default"} 0
flow_exporter_records_total{exporter="default",result="receive"} 12

=== bytes that are no UTF-8 become U+FFFD
--- labels eval
my $r = "\xef\xbf\xbd";
[
    ["a\xff",                   "a$r"],
    ["\xff\xfeb",               "$r${r}b"],
    ["caf\xe9",                 "caf$r"],               # Latin-1
    ["\x80c",                   "${r}c"],
    ["\xc3",                    "$r"],                  # cut short
    ["\xe2\x82d",               "$r${r}d"],
    ["\xf0\x9f\x98e",           "$r$r${r}e"],
    ["\xc0\xaff",               "$r${r}f"],             # overlong
    ["\xe0\x80\xafg",           "$r$r${r}g"],
    ["\xed\xa0\x80h",           "$r$r${r}h"],           # surrogate
    ["\xf4\x90\x80\x80i",       "$r$r$r${r}i"],         # above U+10FFFF
    ["\xf8\x88\x80\x80\x80j",   "$r$r$r$r${r}j"],
    ["k\xc3\xa9\xc3k",          "k\xc3\xa9${r}k"],      # only what is wrong
    ["\xfe",                    "$r"],                  # equal after repair
]
--- counters
flow_exporter_cut_labels_total{exporter="default"} 0
flow_exporter_repaired_labels_total{exporter="default"} 14
flow_exporter_invalid_records_total{exporter="default",reason="bad_json"} 0
flow_exporter_records_total{exporter="default",result="receive"} 14

=== half of a surrogate pair is no character
--- labels eval
[
    ['a\ud83d',   'a?'],
    ['b\ude00b',  "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdb"],
]

=== repaired and then cut
--- labels eval
my $r = "\xef\xbf\xbd";
[
    ["\xff" x 85,               $r x 85],
    ["\xfe" x 86,               $r x 85],
    ['a' x 253 . "\xff",        'a' x 253],
    ['b' x 300 . "\xff",        'b' x 255],
]
--- counters
flow_exporter_cut_labels_total{exporter="default"} 3
flow_exporter_repaired_labels_total{exporter="default"} 2
flow_exporter_records_total{exporter="default",result="receive"} 4
