# Another Kafka where the exporter's was: it has another cluster id, and its
# offsets are not those that were counted.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my @kafka = map { FlowExporter::Kafka->start } 1, 2;
my $nginx = FlowExporter::Nginx->new(broker => $kafka[0], topic => 'flows');

$_->topic('flows', 1) for @kafka;
$kafka[0]->produce('flows', 0, map { record(bytes => 1) } 1 .. 20);
$nginx->start;
is(received($nginx->wait_consumed), 20, 'one cluster');
$nginx->stop;

# more records than were counted of the other, so that no offset is beyond the
# end

$kafka[1]->produce('flows', 0, map { record(bytes => 100) } 1 .. 50);
$nginx->{broker} = $kafka[1];
$nginx->configure;

my $from = length $nginx->log;

$nginx->start;
$nginx->wait_log(qr/\[warn\] .*cluster/, $from);

my $scrape = $nginx->wait_consumed(messages => 70);

is(received($scrape), 5020, 'another cluster: all of its records, once');
is($scrape->value('flow_exporter_next_offset'), 50, 'up to its own end');
$nginx->stop;

# and it is known from now on

$from = length $nginx->log;
$nginx->start;
$kafka[1]->produce('flows', 0, record(bytes => 1000));
is(received($nginx->wait_consumed(messages => 71)), 6020, 'it goes on');
unlike($nginx->log($from), qr/cluster/, 'and is another one no longer');
$nginx->stop;

done_testing;


sub received {
    return $_[0]->value('flow_receive_bytes_total');
}
