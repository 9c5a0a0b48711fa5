# What cannot be counted is never lost in silence: each reason has a counter,
# and a line of the log tells where the record is, so that one can look at it;
# and whatever else is in the message still counts.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $ok = '"as_src": 1, "as_dst": 64500, "label": "a"';
my $bytes = 0;      # of what counts

my $nginx = FlowExporter::Nginx->new(exporter => 'asn 64500;')->start;
my $topic = $nginx->topic;

# By reason: messages that are invalid once each, nothing else in them

my %invalid = (
    bad_json => [
        '{', '{"as_src": 1', '{"as_src": 1,}', "{$ok, \"bytes\": 01}",
        "{$ok, 'bytes': 1}", "[{$ok, \"bytes\": ",
        "\x00", 'nul', '"open', "{$ok, \"bytes\": NaN}",
    ],
    not_object => ['1', '"text"', 'null', 'true', '[[]]', '[1]', '-1.5'],
    too_deep => ['[' x 33 . ']' x 33, "{$ok, \"bytes\": 1, \"x\": "
                                      . '[' x 100000 . ']' x 100000 . '}'],
    missing_source_as => [
        '{"as_dst": 64500, "bytes": 1}', '{"bytes": 1}',
        '{"as_src": null, "as_dst": 1, "bytes": 1}',
    ],
    missing_destination_as => ['{"as_src": 1, "bytes": 1}'],
    missing_bytes => ["{$ok, \"packets\": 1}",
                      "{$ok, \"packets\": 1, \"bytes\": null}"],
    not_number => [
        map { "{$ok, \"bytes\": $_}" } '"x"', '""', '" 1"', '"1 "', '"+1"',
            '"0x10"', 'true', '[1]', '{"a": 1}', '"\u0661"',
    ],
    negative => ["{$ok, \"bytes\": -1}", "{$ok, \"bytes\": \"-1\"}",
                 "{$ok, \"bytes\": -0.5}",
                 '{"as_src": -1, "as_dst": 64500, "bytes": 1}'],
    fractional => [map { "{$ok, \"bytes\": $_}" } '1.0', '1e3', '"1.5"',
                       '"1e3"', '0.5'],
    overflow => ["{$ok, \"bytes\": 18446744073709551616}",
                 "{$ok, \"bytes\": \"99999999999999999999999\"}"],
    as_range => ['{"as_src": 4294967296, "as_dst": 64500, "bytes": 1}',
                 '{"as_src": 1, "as_dst": "18446744073709551617", '
                 . '"bytes": 1}'],
);

my %expected = map { $_ => 0 } keys %invalid;
my $offset = 0;
my $scrape;

for my $reason (sort keys %invalid) {
    my @messages = @{ $invalid{$reason} };

    my $at = length $nginx->log;

    # there is a line a second, at most

    wait_second();
    produce($topic, 0, @messages);
    $scrape = $nginx->wait_consumed;
    $expected{$reason} += @messages;

    is_deeply(by_reason($scrape), \%expected, "counted as $reason");

    like($nginx->log($at), qr/: \Q${\told($reason, $offset)}\E/,
         "$reason: where it is");

    $offset += @messages;
}

is($scrape->flows, '', 'nothing of them was counted as a flow');

my $refused = @{ $invalid{bad_json} } + @{ $invalid{too_deep} };

is($scrape->value('flow_exporter_messages_total', result => 'refused'),
   $refused, 'messages that are not JSON to their end are refused');
is($scrape->value('flow_exporter_messages_total', result => 'decoded'),
   $offset - $refused, 'all others are decoded');


# Beside an invalid record the others of a message count

my $good = "{$ok, \"bytes\": 1}";
my %mixed = (
    "$good\n{$ok, \"bytes\": -1}\n$good\n"           => [2, negative => 1],
    "[$good, {$ok}, {$ok, \"bytes\": -1}, $good, 5]" => [2, negative => 1,
                                                         not_object => 1],
    "$good\n{\"as_src\": 1, \"as_\n$good\n"          => [2, bad_json => 1],
    "$good\n{\"as_src\": 1\n$good\n{$good\n$good\n"  => [3, bad_json => 2],
    "$good}" . "\n$good\n"                           => [2, bad_json => 1],
    "{\n$good\n"                                     => [1, bad_json => 1],
    "[$good,$good,{\"as_src\": }]\n"                 => [2, bad_json => 1],
    "$good\n" . '[' x 40 . "\n$good\n"               => [1, too_deep => 1],
);

for my $message (sort keys %mixed) {
    my ($flows, %reasons) = @{ $mixed{$message} };

    $bytes += $flows;
    $expected{$_} += $reasons{$_} for keys %reasons;
}

produce($topic, 0, sort keys %mixed);
$scrape = $nginx->wait_consumed;

is_deeply(by_reason($scrape), \%expected, 'mixed messages, by reason');
is($scrape->sum('flow_receive_bytes_total'), $bytes,
   'what is right in them counts');


# The log has a line a second, and no more, and says how many it has not told

my $flood = 5000;
my $began = time;
my $at = length $nginx->log;

produce($topic, 0, ('x') x $flood);
$scrape = $nginx->wait_consumed;
$expected{bad_json} += $flood;

my $lines = () = $nginx->log($at) =~ /invalid record/g;

cmp_ok($lines, '<=', time - $began + 1, 'at most one line a second');
is_deeply(by_reason($scrape), \%expected, 'each record is counted');

wait_second();
produce($topic, 0, 'x');
$nginx->wait_consumed;
$expected{bad_json}++;

my $log = $nginx->log;
my $all = 0;

$all += 1 + $1 while $log =~ /invalid record .*, (\d+) more before$/mg;
$all -= $_ for values %expected;

is($all, 0, 'told and untold are all');

$nginx->stop;
done_testing;


# A line of the log, up to its last number

sub told {
    my ($reason, $offset) = @_;

    return "flow exporter \"default\": invalid record ($reason) in topic "
           . "\"$topic\", partition 0, offset $offset, ";
}


sub wait_second {
    wait_for(sub { time > (stat $nginx->error_log)[9] }, 'the next second');
}


sub by_reason {
    my ($scrape) = @_;

    return { map { $_->{labels}{reason} => $_->{value} }
             $scrape->matching('flow_exporter_invalid_records_total') };
}
