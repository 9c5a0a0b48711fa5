# A real Prometheus sees no counter go back, and none grow by more or less than
# what was produced: while nginx is reloaded, upgraded, stopped, killed with all
# of its processes, and while Kafka is away.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Prometheus;
use Test::More;

my $interval = 1;
my $nginx = FlowExporter::Nginx->new(partitions => 2,
    exporter => 'asn 64500; transit on; commit 100ms;')->start;
my ($sent, $bytes) = (0, 0);

$nginx->allow(qr/exited on signal 9|still could not bind/);

produce_some();
$nginx->wait_consumed;

my $prometheus = FlowExporter::Prometheus->start($interval,
                                                 flows => $nginx->port);

seen();

for my $fault ((qw(reload kill_consumer restart kill_all upgrade away)) x 2) {
    produce_some();
    main->can($fault)->();
    produce_some();
    $nginx->wait_consumed(seconds => 40);
    seen();
}

my $counters = '{job="flows",__name__=~"flow_.*_(total|sum|count)"}';
my %names = map { $_->{metric}{__name__} => 1 }
            @{ $prometheus->query($counters) };
my @back;

for my $name (sort keys %names) {
    push @back, map { "$name: " . join ',', %{ $_->{metric} } }
                grep { $_->{value}[1] != 0 }
                @{ $prometheus->query("resets($name\[1h])") };
}

cmp_ok(scalar keys %names, '>', 10, scalar(keys %names) . ' counters');
is("@back", '', 'none was seen to go back');
is(sum(), $bytes, 'and bytes are what was produced');

$nginx->stop;
done_testing;


sub produce_some {
    for (1 .. 40) {
        produce($nginx->topic, $sent % 2,
                record(as_src => 64496 + $sent % 20, bytes => ++$sent));
        $bytes += $sent;
    }
}


# All bytes of all series, as Prometheus has them.

sub sum {
    return $prometheus->value(
        'sum({__name__=~"flow_(receive|transmit|transit)_bytes_total"})') // 0;
}


# What was produced has come to Prometheus.

sub seen {
    wait_for(sub { sum() == $bytes }, 'Prometheus to see all', 30);
}


sub reload {
    $nginx->reload;
}


sub kill_consumer {
    my $old = $nginx->exporter;

    $nginx->signal('KILL', $old);
    $nginx->wait_exporter($old);
}


sub restart {
    $nginx->stop;
    produce_some();
    $nginx->start;
}


sub kill_all {
    $nginx->kill_all;
    $nginx->start;
}


sub upgrade {
    my $old = $nginx->master;

    $nginx->signal('USR2', $old);
    wait_for(sub { -s "$nginx->{dir}/nginx.pid.oldbin"
                   && (eval { $nginx->master } // $old) != $old
                   && $nginx->exporter }, 'the new nginx');
    produce_some();
    $nginx->signal('QUIT', $old);
    wait_for(sub { !exists $nginx->processes->{$old} },
             'the end of the old nginx');
}


sub away {
    my $from = length $nginx->log;

    broker->down;
    $nginx->wait_log(qr/no broker answers/, $from);
    broker->up;
    $nginx->wait_log(qr/connected again/, $from);
}
