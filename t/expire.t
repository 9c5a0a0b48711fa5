# With "expire" a series leaves that has had no flow for a while, and begins
# anew when it comes back; what is shown and what has left are always all.
# Nothing leaves because flows could not be seen, while Kafka is away say, or
# could not be kept, while the disk fails.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

# Time is told by another nginx, with a Kafka of its own that stays: what is not
# to leave is still there when its series have left.

my $clock = FlowExporter::Nginx->new(
    broker => FlowExporter::Broker->start,
    exporter => 'asn 64500; expire 2s;')->start;

my $nginx = FlowExporter::Nginx->new(
    exporter => 'asn 64500; expire 1s; commit 100ms;
                 kafka reconnect.backoff.max.ms 100;');
my $patterns = $nginx->dir . '/failing';
my $library = $FlowExporter::broker_program =~ s{[^/]+\z}{failing_disk.so}r;
my $state = FlowExporter::State->new($nginx->dir . '/state');
my ($bytes, $ticks, $source) = (0, 0, 0);

-e $library or die "no \"$library\": \"make tools\" builds it\n";

$nginx->allow(qr/exited on signal 9|still could not bind/);
start();


# series of both directions leave, and with them what nothing else needs

flow(1, 5);
produce($nginx->topic, 0, record(as_src => 64500, as_dst => 2, bytes => 7));
$nginx->wait_consumed;
wait_for(sub { left_series() == 2 }, 'both series leave');

my $scrape = wait_for(sub {
    my $scrape = $nginx->scrape;

    return $scrape->value('flow_exporter_hostnames') == 0 && $scrape;
}, 'the router leaves');

is($scrape->flows, '', 'no flow series is shown');
is($scrape->value('flow_exporter_left_bytes_total', direction => 'receive'),
   5, 'its bytes are among those that have left');
is($scrape->value('flow_exporter_left_bytes_total', direction => 'transmit'),
   7, 'by direction');
is($scrape->value('flow_exporter_last_flow_timestamp_seconds'), undef,
   'the router is not shown either');
is($scrape->value("flow_exporter_$_"), 0, "no $_") for qw(series as_numbers);


# back again

my $value;

for (1 .. 20) {
    flow(1, 3);
    $value = $nginx->wait_consumed
                   ->value('flow_receive_bytes_total', source_as => 1);
    last if defined $value;
}

is($value, 3, 'a series that comes back begins with its new bytes');
conserved('a series has come back');


# Kafka is away

my $there = hold();
my $left = left_series();

time_passes();
is(shown($there), 1, 'without Kafka no series leaves');
is(left_series(), $left, 'none at all');

broker->up;
flow($there, 1);
$nginx->wait_consumed(seconds => 40);
time_passes();
is(shown($there), 2, 'nor just after it has come back');
conserved('Kafka is back');


# killed and started without Kafka

broker->down;
$nginx->kill_all;
start();
wait_for(sub { $nginx->scrape->value('flow_exporter_ready') == 1 },
         'the flow series');
time_passes();
is(shown($there), 2, 'nor when nginx is started without it');
conserved('nginx was killed');
broker->up;
$nginx->wait_consumed(seconds => 40);
$nginx->stop;
start();
$nginx->wait_consumed;
wait_for(sub { !defined shown($there) }, 'the series leaves');
conserved('nginx was stopped and started');


# The disk fails

disk_fails();
flow($there, 4);
$nginx->wait_consumed;
is($nginx->scrape->value('flow_exporter_durable'), 0, 'nothing is durable');
time_passes();
is(shown($there), 4, 'what is not durable stays');

unlink $patterns or die "cannot remove \"$patterns\": $!\n";
wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'an image');
wait_for(sub { !defined shown($there) }, 'the series leaves');
conserved('the disk works again');


# It fails just when a series is to leave

for (1 .. 20) {
    flow($there, 4);
    $nginx->wait_consumed;
    disk_fails();
    $value = shown($there);
    last if defined $value;

    unlink $patterns or die "cannot remove \"$patterns\": $!\n";
    wait_for(sub { $nginx->scrape->value('flow_exporter_durable') },
             'an image');
}

$nginx->wait_log(qr/failed \(5: .*, starting again/);
wait_for(sub { $nginx->scrape->value('flow_exporter_ready') == 1 },
         'another process');
time_passes();
is(shown($there), $value, 'what no file could tell has not been done');

unlink $patterns or die "cannot remove \"$patterns\": $!\n";
wait_for(sub { !defined shown($there) }, 'the series leaves');
conserved('the disk works once more');
$nginx->stop;


# a zone of its own has neither clock nor ages: all of it is in the files

$nginx->kill_all;
start();
conserved('all has left');
is($nginx->scrape->flows, '', 'and is not there again');
$nginx->stop;
$clock->stop;

done_testing;


sub start {
    local $ENV{LD_PRELOAD} = $library;
    local $ENV{FAILING_DISK} = $patterns;

    $nginx->start;
}


sub disk_fails {
    spew("$patterns.new", join '', map { $state->path("default.$_.*") . "\n" }
                                   qw(log image));
    rename "$patterns.new", $patterns or die "rename: $!\n";
}


# A record from an AS.

sub flow {
    my ($from, $sent) = @_;

    produce($nginx->topic, 0, record(as_src => $from, bytes => $sent));
    $bytes += $sent;
}


sub shown {
    my ($from) = @_;

    return $nginx->scrape->value('flow_receive_bytes_total',
                                 source_as => $from);
}


sub left_series {
    return $nginx->scrape->value('flow_exporter_left_series_total');
}


sub connected {
    return $nginx->scrape->value('flow_exporter_kafka_connected');
}


# Shown and left are all that was counted, when nothing is under way.

sub conserved {
    my ($what) = @_;

    my $all;

    eval {
        wait_for(sub {
            my $scrape = $nginx->scrape;

            $all = $scrape->sum('flow_receive_bytes_total')
                   + $scrape->sum('flow_exporter_left_bytes_total',
                                  direction => 'receive');
            return $all == $bytes;
        }, 'all bytes');
    };

    is("$all", $bytes, "$what: shown and left are all bytes");
}


# Takes Kafka away while a series of one byte is there, and returns its AS.
# After the first try nothing leaves for a minute.

sub hold {
    for (1 .. 2) {
        my $from = 100 + $source++;

        flow($from, 1);
        $nginx->wait_consumed;
        broker->down;
        wait_for(sub { !connected() }, 'Kafka is away');

        return $from if defined shown($from);

        broker->up;
        wait_for(sub { connected() }, 'Kafka is back');
    }

    die "no series stays while Kafka is away\n";
}


# Twice the time in which a series of the other nginx leaves.

sub time_passes {
    for (1 .. 2) {
        $clock->broker->produce($clock->topic, 0, record(as_src => ++$ticks));

        wait_for(sub { $clock->scrape->value('flow_exporter_left_series_total')
                       == $ticks }, 'the clock goes on');
    }
}
