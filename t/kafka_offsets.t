# Which partitions are consumed, from which offset on, and whether each record
# is counted once: also after the death of the process, and when Kafka has
# deleted what was next.

use strict;
use warnings;

use FlowExporter;
use Test::More;


# where a partition starts

broker->topic('start', 1);
produce('start', 0, record(bytes => 100));

my $nginx = FlowExporter::Nginx->new(topic => 'start');

replace($nginx, qr/start earliest/, 'start latest');
$nginx->start;
$nginx->wait_log(qr/partition 0 is consumed from offset 1, the newest/);
produce('start', 0, record(bytes => 1));
is($nginx->wait_consumed(messages => 1)->value('flow_receive_bytes_total'), 1,
   'latest: only what comes from now on');
$nginx->stop;

$nginx = FlowExporter::Nginx->new(topic => 'start')->start;
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 101,
   'earliest: all that is there');
like($nginx->log, qr/partition 0 is consumed from offset 0, the oldest/,
     'said in the log');
$nginx->stop;


# listed partitions; a topic that is not there is looked for once a second,
# and the other one with it

broker->topic('absent', 3);
broker->error('absent', 'UNKNOWN_TOPIC_OR_PART');
$nginx = FlowExporter::Nginx->new(topic => 'listed', partitions => 3,
    exporter => 'asn 64500; partitions 2 0 7;');
replace($nginx, qr/topic listed;/, 'topic listed absent;');
$nginx->start;
$nginx->wait_log(qr/topic "absent" does not exist yet/);
broker->error('absent', 0);

produce($_, 0, record(bytes => 10)) for qw(listed absent);
produce('listed', 1, record(bytes => 100));
produce('absent', 2, record(bytes => 1000));
wait_for(
    sub { 1020 == ($nginx->scrape->value('flow_receive_bytes_total') // 0) },
    'partitions 0 and 2');
is_deeply([$nginx->scrape->all('flow_exporter_next_offset', partition => 1)],
          [], 'others are left alone');
is(scalar(() = $nginx->log =~ /topic "$_" has no partition 7, only 3/g), 1,
   "$_: a partition that is not there is said once") for qw(listed absent);
$nginx->stop;


# many partitions, several topics

broker->topic('many', 64);
broker->topic('more', 2);
$nginx = FlowExporter::Nginx->new(topic => 'many');
replace($nginx, qr/topic many;/, 'topic many more;');
$nginx->start;
produce('many', $_, (record(bytes => 1)) x ($_ + 1)) for 0 .. 63;
produce('more', 1, record(bytes => 1));
$nginx->wait_consumed(topic => 'more');

my $scrape = $nginx->wait_consumed;

is($scrape->value('flow_receive_bytes_total'), 64 * 65 / 2 + 1,
   'all of 64 partitions and of another topic');

# an end is told by the fetch that finds nothing more

wait_for(sub { $scrape = $nginx->scrape;
               my $ends = offsets($scrape, 'end');
               64 == grep { $ends->{$_} == $_ + 1 } keys %$ends },
         'the ends of all partitions');
is_deeply(offsets($scrape, 'next'), broker->ends('many'),
          'next offsets are right');
wait_for(sub { $scrape = $nginx->scrape;
               66 == (my @lags = $scrape->all('flow_exporter_lag_records')) },
         'the lag of any partition');
is($scrape->sum('flow_exporter_lag_records'), 0, 'no lag');
$nginx->stop;


# what Kafka no longer has: the broker keeps 5 MB

$nginx = FlowExporter::Nginx->new->start;
produce($nginx->topic, 0, record(bytes => 1));
$nginx->wait_consumed;

$nginx->signal('STOP', $nginx->exporter);

my $padding = 'x' x 1000;

produce($nginx->topic, 0, (record(bytes => 1, padding => $padding)) x 1000)
    for 1 .. 8;
$nginx->signal('CONT', $nginx->exporter);

$scrape = $nginx->wait_consumed(messages => undef);

my $gap = $scrape->value('flow_exporter_gap_offsets_total');
my $counted = $scrape->sum('flow_exporter_messages_total');

cmp_ok($gap, '>', 0, 'a gap is counted');
is($gap + $counted, 8001, 'and with the messages it makes the whole');
is($scrape->value('flow_receive_bytes_total'), $counted, 'so do the bytes');

my ($first, $last) = $nginx->log =~ /\[error\].*[ ]partition[ ]0:
                                     [ ]offsets[ ](\d+)[ ]to[ ](\d+)
                                     [ ]are[ ]left[ ]out/x;

is(($last // 0) - ($first // 0) + 1, $gap,
   'the log has its first and last offset');
$nginx->stop;


# properties of librdkafka's

$nginx = FlowExporter::Nginx->new(
    exporter => 'asn 64500; kafka client.id ours; '
                . 'kafka fetch.message.max.bytes 100000;')->start;
produce($nginx->topic, 0, record(bytes => 1));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 1,
   'properties are taken');


# killed again and again, between batches

for my $round (1 .. 5) {
    produce($nginx->topic, 0, (record(bytes => 1)) x 100);
    $nginx->wait_consumed;
    $nginx->allow(qr/exited on signal 9/);

    my $exporter = $nginx->exporter;

    $nginx->signal('KILL', $exporter);
    $nginx->wait_exporter($exporter);
}

produce($nginx->topic, 0, record(bytes => 1));
$scrape = $nginx->wait_consumed;
is($scrape->value('flow_receive_bytes_total'), 502,
   'each record is counted once');
is($scrape->sum('flow_exporter_duplicate_messages_total'), 0,
   'no message twice');
is($scrape->value('flow_exporter_starts_total'), 6, 'by six processes');
$nginx->stop;

done_testing;


sub offsets {
    my ($scrape, $name) = @_;

    return { map { $_->{labels}{partition} => $_->{value} }
             $scrape->matching("flow_exporter_${name}_offset",
                               topic => 'many') };
}


sub replace {
    my ($nginx, $pattern, $text) = @_;

    spew($nginx->conf, slurp($nginx->conf) =~ s/$pattern/$text/r);
}
