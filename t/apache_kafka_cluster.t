# Three nodes of Apache Kafka, replicated: a leader that is killed, nodes that
# come back, all of them gone.  Kafka's producer stores each record once
# meanwhile, and once it is counted: the sums are exact.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $rate = 3000;        # records a second, as long as nodes come and go
my $seconds = 100;      # at most

my $kafka = FlowExporter::Kafka->start(nodes => 3);
my $nginx = FlowExporter::Nginx->new(broker => $kafka);
my $topic = $nginx->topic;
my @records = map { [$_ % 6, record(as_src => source($_), bytes => $_)] }
              1 .. $rate * $seconds;

$kafka->topic($topic, 6, 'min.insync.replicas' => 2);
$nginx->start;

my $exporter = $nginx->wait_exporter;

$kafka->begin_produce($topic, $rate, 'lz4', @records);
wait_for(sub { counted() > $rate }, 'counting');


# kill -9 of a leader: another takes over, and the killed one comes back

my $leader = leader_dies();

$kafka->start_nodes($leader);
pass("node $leader is back");


# in order: leadership is handed over first

$leader = $kafka->leader($topic, 0);
$kafka->stop_nodes($leader);
goes_on("node $leader was stopped in order");
$kafka->start_nodes($leader);


# again, with another leader

$leader = leader_dies();
$kafka->start_nodes($leader);

my $sent = $kafka->halt_produce;
my %sums;

$sums{ source($_) } += $_ for 1 .. $sent;
cmp_ok($sent, '<', @records, 'records were produced all the time');
equals($sent);


# all of them: no leader, no answer

my $from = length $nginx->log;

$kafka->kill_nodes(1 .. 3);
$nginx->wait_log(qr/kafka: no broker answers/, $from);
wait_for(sub { $nginx->scrape->value('flow_exporter_kafka_connected') == 0 },
         'the gauge');
is($nginx->scrape->value('flow_exporter_ready'), 1, 'and yet ready');

$kafka->start_nodes(1 .. 3);
$nginx->wait_log(qr/kafka: connected again/, $from);

$kafka->produce($topic, $_, record(as_src => 65000, bytes => 1)) for 0 .. 5;
$sums{65000} += 6;
equals($sent + 6);


# nodes that are starting may answer and be gone again: until the first answer

my ($silence) = $nginx->log($from) =~ /(.*?)kafka: connected again/s;

is(scalar(() = $silence =~ /no broker answers/g), 1,
   'said once, not at each try');
is($nginx->exporter, $exporter, 'all by one process');
$nginx->stop;

done_testing;


sub source {
    my ($number) = @_;

    return 65000 + $number % 7;
}


sub counted {
    return $nginx->scrape->sum('flow_exporter_messages_total');
}


# Kills the leader of partition 0.

sub leader_dies {
    my $leader = $kafka->leader($topic, 0);

    $kafka->kill_nodes($leader);
    wait_for(sub { $kafka->leader($topic, 0) != $leader }, 'another leader');
    goes_on("node $leader, a leader, was killed");

    return $leader;
}


# Each partition.

sub goes_on {
    my ($what) = @_;

    my %before = next_offsets();

    ok(wait_for(sub {
           my %now = next_offsets();

           return !grep { $now{$_} == $before{$_} } keys %before;
       }, "each partition goes on: $what"), "counting goes on: $what");
}


sub next_offsets {
    return map { $_->{labels}{partition} => $_->{value} }
           $nginx->scrape->matching('flow_exporter_next_offset');
}


sub equals {
    my ($messages) = @_;

    my $scrape = $nginx->wait_consumed(messages => $messages, seconds => 40);

    is_deeply({ map { $_->{labels}{source_as} => $_->{value} }
                $scrape->matching('flow_receive_bytes_total') }, \%sums,
              'nothing is lost, nothing counted twice');
    is($scrape->sum('flow_exporter_gap_offsets_total'), 0, 'no gap');
    is($scrape->sum('flow_exporter_lag_records'), 0, 'no lag');
}
