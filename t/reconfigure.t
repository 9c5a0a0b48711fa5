# Topics that come, go and return, another user, reloads faster than processes
# start, an upgrade as Debian's scripts do it: each record is counted once.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new(topic => 'edge')->start;
my %bytes = (edge => 0, core => 0);
my $shown = 0;


# a topic is added, taken away, and returns: its offset was kept

broker->topic('core', 1);

for my $topics ('edge', 'edge core', 'core', 'core edge') {
    $nginx->{topic} = $topics;
    $nginx->configure;
    $nginx->reload;
    produce_some($_) for 'edge', 'core';
    counted("topic $topics", split ' ', $topics);
}

is(shown(), $bytes{edge} + $bytes{core}, 'all records of both topics, once');


# another user, while it runs

SKIP: {
    skip 'this test does not run as root: one user only', 2 if $> != 0;

    my $conf = slurp($nginx->conf);

    spew($nginx->conf, $conf =~ s/^user nobody.*$/user daemon daemon;/mr);
    $nginx->reload;
    produce_some('edge');
    counted('another user', 'edge', 'core');
    wait_for(sub { $nginx->scrape->value('flow_exporter_durable') },
             'durable counters');
    is((stat '/proc/' . $nginx->exporter)[4], scalar getpwnam('daemon'),
       'another user counts');
    is(shown(), $bytes{edge} + $bytes{core}, 'and has lost nothing');
    spew($nginx->conf, $conf);
    $nginx->reload;
}


# fifty reloads in five seconds

for (1 .. 50) {
    produce_some('edge');
    $nginx->signal('HUP');
    never_less();
    select undef, undef, undef, 0.1;
}

wait_for(sub { never_less(); 4 == keys %{ $nginx->processes } },
         'the end of all old processes');
counted('a storm of reloads', 'edge', 'core');
is(shown(), $bytes{edge} + $bytes{core}, 'a storm of reloads: each once');


# the old nginx ends as soon as there is a new one

my $old = $nginx->master;
my $oldbin = $nginx->dir . '/nginx.pid.oldbin';

$nginx->signal('USR2');
wait_for(sub { never_less(); -s $oldbin && -s $nginx->dir . '/nginx.pid' },
         'two pid files');
produce_some('edge');
$nginx->signal('QUIT', $old);
wait_for(sub { never_less(); !exists $nginx->processes->{$old} },
         'the end of the old nginx');
counted('an upgrade', 'edge', 'core');
is(shown(), $bytes{edge} + $bytes{core}, 'an upgrade: each record once');

$nginx->stop;

done_testing;


sub produce_some {
    my ($topic) = @_;

    for my $bytes (1 .. 10) {
        produce($topic, 0, record(bytes => $bytes));
        $bytes{$topic} += $bytes;
    }
}


sub counted {
    my ($what, @topics) = @_;

    $nginx->wait_consumed(topic => $_, messages => undef) for @topics;
    never_less();
    pass("$what: counted");
}


sub shown {
    return $nginx->scrape->sum('flow_receive_bytes_total');
}


# Or there is no reply, or one without series.

sub never_less {
    my $reply = FlowExporter::http(GET => $nginx->url);
    my ($value) = $reply->{content}
                  =~ /^flow_receive_bytes_total\{.*\}\ (\d+)$/mx;

    if ($reply->{success} && defined $value) {
        $value >= $shown or fail("a counter went from $shown to $value");
        $shown = $value;
    }
}
