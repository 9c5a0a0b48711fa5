# Kafka is never waited for: brokers may come late, go away and return, and a
# topic may be created afterwards.  No restart is needed, and the log says what
# happens once per change.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $none = qr/kafka: no broker answers/;
my $again = qr/kafka: connected again/;


# late, gone, and back; while they are down nothing listens at their address

broker->topic('late', 2);
broker->down;

my $nginx = FlowExporter::Nginx->new(topic => 'late')->start;

$nginx->wait_log($none);
is($nginx->scrape->value('flow_exporter_kafka_connected'), 0, 'no broker');
is($nginx->scrape->value('flow_exporter_ready'), 1,
   'nginx serves all the same');
wait_for(sub { $nginx->scrape->sum('flow_exporter_kafka_errors_total') > 0 },
         'errors to be counted');

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
$scrape = $nginx->wait_consumed;
is($scrape->value('flow_receive_bytes_total'), 15,
   'brokers that return are found');
is($scrape->value('flow_exporter_kafka_connected'), 1, 'connected again');
is(scalar(() = $nginx->log($from) =~ /$none/g), 1, 'one line when they went');
is(scalar(() = $nginx->log($from) =~ /$again/g), 1, 'one when they returned');
$nginx->stop;


# one address of two is wrong

$nginx = FlowExporter::Nginx->new(brokers => '127.0.0.1:' . free_port . ' '
                                             . broker->bootstrap)->start;
produce($nginx->topic, 0, record(bytes => 1));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 1,
   'a broker at the other address is found');
unlike($nginx->log, $none, 'and that is no failure');
$nginx->stop;


# one of three goes, and another one leads its partition

my $brokers = FlowExporter::Broker->start(brokers => 3);

$brokers->topic('three', 3);
$brokers->leader('three', $_, $_ + 1) for 0 .. 2;
$nginx = FlowExporter::Nginx->new(topic => 'three', broker => $brokers)->start;
$brokers->produce('three', $_, record(bytes => 1)) for 0 .. 2;
$nginx->wait_consumed;
$brokers->down(2);
$brokers->produce('three', $_, record(bytes => 10)) for 0, 2;
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 23,
   'the others are consumed on');
$brokers->leader('three', 1, 3);
$brokers->produce('three', 1, record(bytes => 100));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 123,
   'a partition is consumed from its new leader');
is($nginx->scrape->value('flow_exporter_kafka_connected'), 1,
   'all the time connected');
unlike($nginx->log, $none, 'by the log, too');
$nginx->stop;


# a topic that is created afterwards is read from its beginning

broker->topic('afterwards', 2);
produce('afterwards', $_ % 2, record(bytes => 1)) for 1 .. 10;
broker->error('afterwards', 'UNKNOWN_TOPIC_OR_PART');

$nginx = FlowExporter::Nginx->new(topic => 'afterwards');
spew($nginx->conf, slurp($nginx->conf) =~ s/start earliest/start latest/r);
$nginx->start;
$nginx->wait_log(qr/topic "afterwards" does not exist yet/);

broker->error('afterwards', 0);
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 10,
   'a topic that was seen absent is read from its beginning');
is(scalar(() = $nginx->log =~ /does not exist yet/g), 1, 'said once');
$nginx->stop;

done_testing;
