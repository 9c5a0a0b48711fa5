# A reload replaces the process, and neither loses a flow nor counts one
# twice, whatever else it changes; one that fails changes nothing; fifty leave
# nothing behind.

use strict;
use warnings;

use FlowExporter;
use IO::Socket::INET;
use Test::More;

my $nginx = FlowExporter::Nginx->new(partitions => 3)->start;
my $bytes = 0;
my $sent = 0;

produce_some(30);
$nginx->wait_consumed;

my $first = $nginx->exporter;
$nginx->reload;
isnt($nginx->exporter, $first, 'another process');
produce_some(30);
is(received($nginx->wait_consumed), $bytes, 'offsets and counters stay');


# fifty, records on their way throughout

my %before = (descriptors => descriptors(), memory => memory());

for my $round (1 .. 50) {
    produce_some(6);
    $nginx->reload;

    $before{memory} = memory() if $round == 10;
}

is(received($nginx->wait_consumed), $bytes, 'exact after fifty reloads');
is(descriptors(), $before{descriptors}, 'the master has no descriptor more');
cmp_ok(memory(), '<', $before{memory} + 1024,
       'the master has not grown by 1 MiB since the tenth');
is(scalar(keys %{ $nginx->processes }), 4, 'no process is left over');


# what the directives say now

$nginx->configure(exporter => 'asn 64501; transit on;');
$nginx->reload;
produce($nginx->topic, 0, record(as_src => 64500, as_dst => 64501,
                                 bytes => 7));
produce($nginx->topic, 0, record(as_src => 1, as_dst => 2, bytes => 9));
$sent += 2;

my $scrape = $nginx->wait_consumed;

is(received($scrape, source_as => 64500), 7, '"asn" has changed');
is($scrape->value('flow_transit_bytes_total'), 9, 'so has "transit"');
is(received($scrape, source_as => 64496), $bytes, 'the other counters stay');

$nginx->configure(exporter => 'asn 64500; zone 1m;');
my $starts = $scrape->value('flow_exporter_starts_total');
my $capacity = $scrape->value('flow_exporter_series_capacity');

$nginx->reload;
produce_some(6);
$scrape = $nginx->wait_consumed;
cmp_ok($scrape->value('flow_exporter_series_capacity'), '<', $capacity,
       'another zone');
is(received($scrape, source_as => 64496), $bytes,
   'all counters are carried over');
is($scrape->value('flow_exporter_starts_total'), $starts + 1, 'all of them');


# a reload that fails

my $occupied = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
    or die "no port: $!\n";
my $port = $occupied->sockport;

my @failing = (['a port that is taken',
                http => "server { listen 127.0.0.1:$port; }"],
               ['an unknown directive', http => 'unknown_directive on;']);

$nginx->allow(qr/bind\(\) to 127\.0\.0\.1:$port failed|unknown directive/);
$nginx->allow(qr/still could not bind|exited on signal 9/);

for my $case (@failing) {
    my ($why, @parts) = @$case;
    my ($from, $exporter) = (length $nginx->log, $nginx->exporter);
    my @workers = $nginx->workers;

    $nginx->configure(@parts);
    $nginx->signal('HUP');
    $nginx->wait_log(qr/still could not bind|unknown directive/, $from);

    is($nginx->exporter, $exporter, "$why: the process stays");
    produce_some(6);
    $nginx->wait_consumed;

    # what is started now is started by the old cycle

    $nginx->signal('KILL', $_) for @workers, $exporter;
    $nginx->wait_exporter($exporter);
    FlowExporter::wait_for(
        sub {
            my %old = map { $_ => 1 } @workers;
            return 2 == grep { !$old{$_} } $nginx->workers;
        },
        'new workers');

    produce_some(6);
    is(received($nginx->wait_consumed, source_as => 64496), $bytes,
       "$why: after the death of all, counting goes on");

    $nginx->configure(http => '');
}

$nginx->reload;
$nginx->wait_consumed;
$nginx->stop;

done_testing;


sub produce_some {
    my ($records) = @_;

    for my $n (1 .. $records) {
        produce($nginx->topic, $sent++ % 3, record(bytes => $n));
        $bytes += $n;
    }
}


sub received {
    my ($scrape, %labels) = @_;

    return $scrape->value('flow_receive_bytes_total', %labels);
}


sub descriptors {
    my $master = $nginx->master;

    return scalar(() = glob "/proc/$master/fd/*");
}


# Kilobytes of its own, without what it shares.

sub memory {
    my $text = slurp('/proc/' . $nginx->master . '/smaps_rollup');
    my $sum = 0;

    $sum += $_ for $text =~ /^Private_\w+:\s+(\d+) kB/mg;

    return $sum;
}
