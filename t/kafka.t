# Kafka is never waited for: brokers may come late, go away and return, topics
# may be created afterwards, records may be gone.  No restart is needed, and
# the log says what happens once per change.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $none = qr/kafka: no broker answers/;
my $again = qr/kafka: connected again/;


# late, gone, and back

broker->topic('late', 2);
broker->down;

my $nginx = FlowExporter::Nginx->new(topic => 'late')->start;

$nginx->wait_log($none);
is($nginx->scrape->value('flow_exporter_kafka_connected'), 0, 'no broker');
is($nginx->scrape->value('flow_exporter_ready'), 1,
   'nginx serves all the same');
cmp_ok($nginx->scrape->sum('flow_exporter_kafka_errors_total'), '>', 0,
       'errors are counted');

broker->up;
produce('late', $_ % 2, record(bytes => 1)) for 1 .. 10;

my $scrape = $nginx->wait_consumed;

is($scrape->value('flow_receive_bytes_total'), 10,
   'brokers that come late are found');
is($scrape->value('flow_exporter_kafka_connected'), 1, 'connected');

my $from = length $nginx->log;

broker->down;
$nginx->wait_log($none, $from);
wait_for(sub { $nginx->scrape->value('flow_exporter_kafka_connected') == 0 },
         'kafka_connected 0');

# the tries that follow are counted, and not logged

my $errors = $nginx->scrape->sum('flow_exporter_kafka_errors_total');

wait_for(sub { $nginx->scrape->sum('flow_exporter_kafka_errors_total')
               > $errors + 1 }, 'more tries');

broker->up;
$nginx->wait_log($again, $from);
produce('late', 0, record(bytes => 5));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 15,
   'brokers that return are found');
is(scalar(() = $nginx->log($from) =~ /$none/g), 1, 'one line when they went');
is(scalar(() = $nginx->log($from) =~ /$again/g), 1, 'one when they returned');


# lag

$scrape = $nginx->scrape;
is($scrape->value('flow_exporter_end_offset', partition => 0),
   $scrape->value('flow_exporter_next_offset', partition => 0), 'the end');
is($scrape->value('flow_exporter_lag_records', partition => 0), 0, 'no lag');
$nginx->stop;


# a topic that is created afterwards is read from its beginning

broker->topic('afterwards', 2);
produce('afterwards', $_ % 2, record(bytes => 1)) for 1 .. 10;
broker->error('afterwards', 'UNKNOWN_TOPIC_OR_PART');

$nginx = FlowExporter::Nginx->new(topic => 'afterwards');
replace($nginx, qr/start earliest/, 'start latest');
$nginx->start;
$nginx->wait_log(qr/topic "afterwards" does not exist yet/);

broker->error('afterwards', 0);
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 10,
   'a topic that was seen absent is read from its beginning');
$nginx->stop;


# where a partition starts

broker->topic('start', 1);
produce('start', 0, record(bytes => 100));

$nginx = FlowExporter::Nginx->new(topic => 'start');
replace($nginx, qr/start earliest/, 'start latest');
$nginx->start;
$nginx->wait_log(qr/partition 0 is consumed from offset 1, the newest/);
produce('start', 0, record(bytes => 1));
is($nginx->wait_consumed(messages => 1)->value('flow_receive_bytes_total'), 1,
   'latest: only what comes from now on');
$nginx->stop;


# listed partitions

$nginx = FlowExporter::Nginx->new(partitions => 3,
    exporter => 'asn 64500; partitions 2 0 7;')->start;

produce($nginx->topic, $_, record(bytes => 10 ** $_)) for 0 .. 2;
wait_for(
    sub { 101 == ($nginx->scrape->value('flow_receive_bytes_total') // 0) },
    'partitions 0 and 2');
is_deeply([$nginx->scrape->all('flow_exporter_next_offset', partition => 1)],
          [], 'others are left alone');
is(scalar(() = $nginx->log =~ /has no partition 7, only 3 partitions/g), 1,
   'one that is not there is said once');
$nginx->stop;


# many partitions, several topics

broker->topic('many', 64);
broker->topic('more', 2);
$nginx = FlowExporter::Nginx->new(topic => 'many');
replace($nginx, qr/topic many;/, 'topic many more;');
$nginx->start;
produce('many', $_, record(bytes => 1)) for 0 .. 63;
produce('more', 1, record(bytes => 1));
$nginx->wait_consumed(topic => 'more');
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 65,
   'all of 64 partitions and of another topic');
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
like($nginx->log, qr/partition 0: offsets \d+ to \d+ are left out/,
     'and logged with its offsets');
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
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 502,
   'each record is counted once');
$nginx->stop;

done_testing;


sub replace {
    my ($nginx, $pattern, $text) = @_;

    spew($nginx->conf, slurp($nginx->conf) =~ s/$pattern/$text/r);
}
