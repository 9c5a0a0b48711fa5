# Several exporters in one nginx are as good as several nginx: each with its
# own topics, zone, AS and numbers; and whichever worker answers a scrape, it
# answers the same.

use strict;
use warnings;

use FlowExporter;
use JSON::PP qw(decode_json);
use Test::More;

my $reuseport = free_port;
my $brokers = broker->bootstrap;

broker->topic('edge.a', 2);
broker->topic('edge.b', 1);
broker->topic('core', 1);

my $edge = <<"END";
flow_exporter edge {
    brokers $brokers;
    topic edge.a edge.b;
    start earliest;
    asn 64500;
    zone 1m;
}
END

my $core = <<"END";
flow_exporter core {
    brokers $brokers;
    topic core;
    start earliest;
    asn 64501;
    transit on;
    zone 1m;
}
END

my $both = <<"END";
flow_exporter both_of-them {
    brokers $brokers;
    topic edge.a core;
    start earliest;
    asn 64500 64501;
}
END

my @names = qw(edge core both_of-them);

# By reuseport the kernel divides the connections among the workers; the other
# server would give them all to one, as long as that one is idle.

my $servers = "server {\n"
              . "listen 127.0.0.1:$reuseport reuseport;\n"
              . "add_header X-Worker \$pid;\n"
              . locations(@names)
              . "\n}\n";

my $nginx = FlowExporter::Nginx->new(exporter => undef, workers => 4,
    http => $edge . $core . $both . $servers, server => locations(@names));

$nginx->start;

produce('edge.a', 0, map { record(as_src => $_, as_dst => 64500) } 1 .. 3);
produce('edge.a', 1, record(as_src => 64500, as_dst => 1, bytes => 10));
produce('edge.b', 0, record(as_src => 1, as_dst => 64500, bytes => 100),
                     record(as_src => 1, as_dst => 64501, bytes => 1000));
produce('core', 0,   record(as_src => 1, as_dst => 64501, bytes => 10000),
                     record(as_src => 1, as_dst => 64500, bytes => 100000),
                     'x');

my @numbers = (

    # exporter, its topics, receive, transmit, transit, records of these, and
    # invalid ones

    ['edge', ['edge.a', 'edge.b'], 103, 10, 0, 4, 1, 1, 0],
    ['core', ['core'], 10000, 0, 100000, 1, 0, 1, 1],
    ['both_of-them', ['edge.a', 'core'], 110003, 10, 0, 5, 1, 0, 1],
);

check($_) for @numbers;

my %capacity = map { $_ => $nginx->scrape("/$_")
                           ->value('flow_exporter_series_capacity') } @names;

is($capacity{edge}, $capacity{core}, 'two zones of 1m');
cmp_ok($capacity{core}, '<', $capacity{'both_of-them'}, '... and one of 32m');

is_deeply([map { -s $nginx->dir . "/state/$_.lease" } @names], [64, 64, 64],
          'each has a lease of its own');


# One process consumes for all, and after its death for all again

my $exporter = $nginx->exporter;

is(grep({ /flow exporter/ } values %{ $nginx->processes }), 1,
   'one process for all of them');

$nginx->allow(qr/process $exporter exited on signal 9/);
$nginx->signal('KILL', $exporter);
$nginx->wait_exporter($exporter);

produce('core', 0, record(as_src => 64501, as_dst => 5, bytes => 7));
$numbers[$_][3] += 7, $numbers[$_][6]++ for 1, 2;

check($_) for @numbers;


# All workers show the same, over new connections

for my $name (@names) {
    my (%workers, %texts);

    # the last thing that comes by itself is what the broker said of the end

    wait_for(sub { $nginx->scrape("/$name")->sum('flow_exporter_lag_records')
                   == 0
                   && $nginx->scrape("/$name")
                      ->matching('flow_exporter_end_offset')
                      == $nginx->scrape("/$name")
                         ->matching('flow_exporter_next_offset') },
             'end offsets');

    wait_for(
        sub {
            my $reply = http(GET => "http://127.0.0.1:$reuseport/$name");

            $workers{ $reply->{headers}{'x-worker'} }++;
            $texts{ $reply->{content} }++;

            return keys %workers == 4;
        },
        'an answer from each of four workers');

    is(keys %texts, 1, "$name: all workers show the same");
    is_deeply([sort keys %workers], [sort $nginx->workers],
              '... all four of them');
}


# One leaves, the others go on

$nginx->configure(http => $edge . $core,
                  server => locations(qw(edge core)));
$nginx->reload;

produce('edge.b', 0, record(as_src => 1, as_dst => 64500, bytes => 1));
$numbers[0][2]++;
$numbers[0][5]++;

check($_) for @numbers[0, 1];

is(http(GET => $nginx->url('/both_of-them'))->{status}, 404,
   'the one that left is not shown');

$nginx->stop;
done_testing;


sub locations {
    return join "\n", map { "location = /$_ { flow_exporter_metrics $_; }\n"
                            . "location = /status/$_ {\n"
                            . "flow_exporter_status $_; }" } @_;
}


# The sums and the labels of an exporter's own metrics.

sub check {
    my ($numbers) = @_;
    my ($name, $topics, @expected) = @$numbers;

    my $scrape;

    for my $topic (@$topics) {
        $scrape = $nginx->wait_consumed(path => "/$name", topic => $topic);
    }

    my @sums = map { $scrape->sum("flow_${_}_bytes_total") }
               qw(receive transmit transit);
    my @records = map { $scrape->value('flow_exporter_records_total',
                                       result => $_) }
                  qw(receive transmit transit invalid);

    is_deeply(["@sums", "@records"],
              ["@expected[0 .. 2]", "@expected[3 .. 6]"], "$name: its sums");

    my %labels = map { $_->{labels}{exporter} => 1 }
                 grep { $_->{name} =~ /^flow_exporter_/ }
                 $scrape->matching;

    is_deeply(\%labels, { $name => 1 }, '... under its name');

    my %topics = map { $_->{labels}{topic} => 1 }
                 grep { defined $_->{labels}{topic} } $scrape->matching;

    is_deeply([sort keys %topics], [sort @$topics], '... of its topics');

    my $reply = http(GET => $nginx->url("/status/$name"));
    my $status = decode_json($reply->{content});

    is_deeply([$reply->{status}, $status->{exporter},
               sort map { $_->{topic} } @{ $status->{topics} }],
              [200, $name, sort @$topics], '... as its status says');
}
