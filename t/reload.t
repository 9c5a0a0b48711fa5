# A reload replaces the process, and neither loses a flow nor counts one
# twice, whatever else it changes; one that fails changes nothing; fifty leave
# nothing behind.  Who is being answered is answered to the end.

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


# a scrape that is under way, by a client that is slow; and one that a worker
# is asked for that is to leave, by a client that is as fast as the worker

my %scrapes = (slow => \&scrape_slowly, fast => \&scrape_late);
my ($large, $slow_url) = large();
my $flows = $large->wait_consumed->flows;

for my $what (sort keys %scrapes) {
    my @old = $large->workers;
    my $process = $large->exporter;
    my $text = $scrapes{$what}->(sub {
        $large->signal('HUP');
        FlowExporter::wait_for(sub { shutting_down(@old) == 1 },
                               'the worker that waits for its client');
    });

    ok($text =~ s/^# HELP flow_exporter_.*//smr eq $flows,
       "a $what scrape is whole, though its worker was to leave");
    FlowExporter::wait_for(
        sub { my $now = $large->processes; !grep { $now->{$_} } @old },
        'the end of the old workers');
    $large->wait_exporter($process);
}

$large->stop;

done_testing;


sub produce_some {
    my ($records) = @_;

    for my $n (1 .. $records) {
        produce($nginx->topic, $sent++ % 3, record(bytes => $n));
        $bytes += $n;
    }
}


# One that has much to send, and at the second port sends little ahead.

sub large {
    my $port = free_port;
    my $large = FlowExporter::Nginx->new(
        exporter => 'asn 4200000000; zone 8m;', http => <<"END");
    server {
        listen 127.0.0.1:$port sndbuf=32k;
        location / { flow_exporter_metrics; }
    }
END

    $large->start;

    for my $thousand (0 .. 19) {
        produce($large->topic, 0,
                join "\n", map { record(as_src => 1000 * $thousand + $_,
                                        as_dst => 4200000000) } 1 .. 1000);
    }

    return ($large, "http://127.0.0.1:$port/");
}


# Does something after the first bytes of a scrape.

sub scrape_slowly {
    my ($something) = @_;

    open my $curl, '-|', 'curl', '--silent', '--max-time', 60, '--no-buffer',
        $slow_url or die "cannot run curl: $!\n";

    sysread $curl, my $text, 100 or die "no reply\n";
    $something->();
    $text .= do { local $/; <$curl> } // '';
    close $curl or die 'curl has ended with ' . ($? >> 8) . "\n";

    return $text;
}


# Does something after the first bytes of a request.

sub scrape_late {
    my ($something) = @_;

    my %before = sockets();
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $large->port)
        or die "no connection: $!\n";

    print {$socket} "GET /metrics HTTP/1.0\r\n";
    FlowExporter::wait_for(
        sub { my %now = sockets(); grep { !$before{$_} } keys %now },
        'a worker to take the connection');
    $something->();
    print {$socket} "\r\n";

    return join('', <$socket>) =~ s/\A.*?\r\n\r\n//sr;
}


# Of the workers, by their numbers.

sub sockets {
    return map { (readlink // '') =~ /^socket:\[(\d+)/ ? ($1 => 1) : () }
           map { glob "/proc/$_/fd/*" } $large->workers;
}


sub shutting_down {
    my $now = $large->processes;

    return grep { ($now->{$_} // '') =~ /is shutting down/ } @_;
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
