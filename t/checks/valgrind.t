# From start to stop under valgrind: the module as it is shipped, in nginx as
# the distribution has built it, in both of its ways to run.  No error, of
# which lost memory is one, in any process: master, worker, and the one that
# consumes.

use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Spec;
use Test::More;

# nginx's place is taken by a script, before anything asks for it

my ($logs, $nginx_binary);

BEGIN {
    require File::Temp;
    $nginx_binary = $ENV{TEST_NGINX_BINARY} // '/usr/sbin/nginx';
    $logs = File::Temp::tempdir(CLEANUP => 1);
    chmod 01777, $logs;

    my $here = File::Spec->rel2abs(dirname(__FILE__));

    open my $script, '>', "$logs/nginx" or die "cannot write: $!\n";
    print $script <<"END";
#!/bin/sh
exec valgrind --log-file=$logs/%p.log --suppressions=$here/valgrind.supp \\
    --leak-check=full --errors-for-leak-kinds=definite \\
    --show-leak-kinds=definite --trace-children=yes --num-callers=25 \\
    --keep-debuginfo=yes --fair-sched=yes --vgdb=no \\
    "$nginx_binary" "\$@"
END
    close $script;
    chmod 0755, "$logs/nginx";
    $ENV{TEST_NGINX_BINARY} = "$logs/nginx";
}

use FlowExporter;

$FlowExporter::patience = 10;

# under valgrind no process has a title: nginx's log tells who is who

{
    no warnings 'redefine';

    *FlowExporter::Nginx::children = sub {
        my ($self, $title) = @_;
        my $processes = $self->processes;
        my $logged = $title =~ /^flow exporter/ ? 'cache manager process'
                                                : $title;

        return grep { $processes->{$_} }
               $self->log =~ /: start $logged (\d+)$/mg;
    };
}

my $names = private_dir() . '/names.txt';

spew($names, join '', map { "$_ AS NUMBER $_, DE\n" } 64490 .. 64520);
chmod 0644, $names;

# who starts the daemon and ends; the master; worker and consumer, twice

run('master and worker', 6);
run('a single process', 2, main => 'master_process off;');

done_testing;


sub run {
    my ($what, $processes, %parts) = @_;

    my $nginx = FlowExporter::Nginx->new(
        %parts, partitions => 2, workers => 1,
        exporter => "asn 64500; as_names $names; transit on;",
        server => 'location /gzip { gzip on; gzip_types text/plain;
                                    flow_exporter_metrics; }');
    my $bytes = 0;

    unlink glob "$logs/*.log";
    $nginx->start;

    for my $round (1 .. 2) {
        for my $n (1 .. 100) {
            produce($nginx->topic, $n % 2,
                    record(bytes => $n, as_src => 64490 + $n % 30,
                           label => "edge$n.example.net"));
            $bytes += $n;
        }

        produce($nginx->topic, 0, '{"as_src": 1,, "x', "[1, {}]", undef,
                record(bytes => -1));

        my $scrape = $nginx->wait_consumed;

        is($scrape->sum('flow_receive_bytes_total')
           + $scrape->sum('flow_transmit_bytes_total'), $bytes,
           "$what: round $round is counted");

        http(GET => $nginx->url('/gzip'), { 'accept-encoding' => 'gzip' });
        http(HEAD => $nginx->url);

        # a single process does not serve after a reload

        last if $what =~ /single/;
        $nginx->reload if $round == 1;
    }

    $nginx->stop;
    check($what, $processes);
}


# Each process has written a log of its own.

sub check {
    my ($what, $processes) = @_;
    my %said = map { basename($_, '.log') => slurp($_) } glob "$logs/*.log";

    is(scalar keys %said, $processes, "$what: processes are watched");

    for my $pid (sort { $a <=> $b } keys %said) {
        my ($errors) = $said{$pid} =~ /ERROR SUMMARY: (\d+) errors/;

        is($errors, 0, "$what: process $pid, no error")
            or diag(substr $said{$pid} =~ s/^==\d+== ?//gmr, 0, 8000);
    }
}
