# Counting happens in a process of its own, which nginx supervises: it is
# unprivileged, comes back when it dies, and goes when nginx goes.  Workers
# have nothing to do with Kafka.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new(partitions => 2)->start;
my $exporter = $nginx->wait_exporter;
my $bytes = 0;

produce_some(100);
$nginx->wait_consumed;

is_deeply([sort grep { !/master/ } values %{ $nginx->processes }],
          ['nginx: flow exporter process', ('nginx: worker process') x 2],
          'one process beside the workers');

SKIP: {
    skip 'this test does not run as root: nobody to change to', 1 if $> != 0;

    is((stat "/proc/$exporter")[4], scalar getpwnam('nobody'),
       'it runs as the unprivileged user');
}

cmp_ok(threads($exporter), '>', 1, 'librdkafka has threads there');

is(threads($_), 1, "worker $_ has a single thread") for $nginx->workers;

# ngx_process.c's signals are for the main thread alone

my ($main, @others) = map { blocked($_) }
    sort { $a =~ s{.*/}{}r <=> $b =~ s{.*/}{}r } glob "/proc/$exporter/task/*";

is($main, 0, 'the main thread takes signals');
is(scalar(grep { $_ & 1 << 2 && $_ & 1 << 14 } @others), scalar @others,
   'no other thread takes SIGQUIT or SIGTERM');


# killed

$nginx->allow(qr/exited on signal 9/);
$nginx->signal('KILL', $exporter);

my $second = $nginx->wait_exporter($exporter);

produce_some(50);
is($nginx->wait_consumed->value('flow_receive_bytes_total'), $bytes,
   'after kill -9 another process goes on, and nothing is lost or twice');
is($nginx->scrape->value('flow_exporter_starts_total'), 2, 'it is the second');
is(zombies(), 0, 'no zombie');


# a crash loop: no progress from one death to the next

my $from = length $nginx->log;

# the first of them had made progress

for (1 .. 5) {
    my $pid = $nginx->wait_exporter;

    $nginx->wait_log(qr/\Q$pid#\E.*(?:: consuming|resting for)/);
    $nginx->signal('KILL', $pid);
    $nginx->wait_exporter($pid);
}

$nginx->wait_log(qr/3 processes died without progress, resting for 1 s/,
                 $from);
$nginx->wait_log(qr/4 processes died without progress, resting for 2 s/,
                 $from);
is($nginx->scrape->value('flow_receive_bytes_total'), $bytes,
   'series are shown while it rests');

produce_some(10);
is($nginx->wait_consumed->value('flow_receive_bytes_total'), $bytes,
   'after the rest it counts');

$from = length $nginx->log;
$exporter = $nginx->exporter;
$nginx->signal('KILL', $exporter);
$nginx->wait_exporter($exporter);
$nginx->wait_log(qr/: consuming/, $from);
unlike($nginx->log($from), qr/resting/, 'after progress there is no rest');


# ended

for my $signal (qw(QUIT TERM)) {
    $nginx->stop($signal);
    is_deeply($nginx->processes, {}, "SIG$signal: all processes have ended");

    $nginx->start;
    $nginx->wait_exporter;
    $nginx->wait_consumed;
}

$from = length $nginx->log;
my @workers = $nginx->workers;
$nginx->signal('KILL');
FlowExporter::wait_for(
    sub { !grep { /flow exporter/ } values %{ $nginx->processes } },
    'the end of the process after its master was killed');
like($nginx->log($from), qr/the master process is gone, exiting/,
     'the log says why');
kill 'KILL', @workers;


# nothing to do

my $idle = FlowExporter::Nginx->new(exporter => undef)->start;

wait_for(sub { 2 == grep { $_ } $idle->workers }, 'two workers');
is_deeply([sort grep { !/master/ } values %{ $idle->processes }],
          [('nginx: worker process') x 2],
          'a module that is not configured starts nothing');
$idle->stop;

done_testing;


sub produce_some {
    my ($records) = @_;

    produce($nginx->topic, $_ % 2, record(bytes => $_)) for 1 .. $records;
    $bytes += $_ for 1 .. $records;
}


sub threads {
    my ($pid) = @_;

    return scalar(() = glob "/proc/$pid/task/*");
}


sub blocked {
    my ($task) = @_;

    return hex((slurp("$task/status") =~ /^SigBlk:.*([0-9a-f]{8})$/m)[0]);
}


# Children that the master has not reaped.

sub zombies {
    my $zombies = 0;
    my $master = $nginx->master;

    for my $file (glob '/proc/[0-9]*/stat') {
        open my $stat, '<', $file or next;
        $zombies++ if (readline($stat) // '') =~ /\(nginx\) Z $master /;
    }

    return $zombies;
}
