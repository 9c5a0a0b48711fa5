# Several instances share a topic's partitions.  Whatever happens to each of
# them, and when their number changes in order, each record is counted by one
# of them, once: the sums over the instances are exact.  Kafka's own tool shows
# how far they are.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $partitions = 7;
my $rate = 3000;        # records a second, as long as anything happens
my $seconds = 100;      # at most
my $group = 'flow-exporter';

my $kafka = FlowExporter::Kafka->start;
my $topic = 'shared';
my @members = map { FlowExporter::Nginx->new(broker => $kafka,
                                             topic => $topic,
                                             partitions => 0) } 0 .. 2;
my $running = 0;        # the first so many members
my @records = map { [$_ % $partitions,
                     record(as_src => source($_), bytes => $_)] }
              1 .. $rate * $seconds;

$kafka->topic($topic, $partitions);
$kafka->begin_produce($topic, $rate, 'lz4', @records);


# two of them: killed, restarted, upgraded

change(2);

my $exporter = $members[0]->wait_exporter;

$members[0]->allow(qr/exited on signal 9/);
$members[0]->signal('KILL', $exporter);
$members[0]->wait_exporter($exporter);
goes_on('a process was killed');

$members[1]->kill_all;
$members[1]->start;
goes_on('a whole nginx was killed');

upgrade($members[1]);
goes_on('an nginx was upgraded');

$members[0]->stop;
$members[0]->start;
goes_on('an nginx was restarted');


# three: each partition goes on where its last owner has stopped

my @from = change(3);

like($members[2]->log, qr/partition \d is consumed from offset [1-9]\d*, comm/,
     'the third one begins where the others are');
like($members[0]->log($from[0]), qr/offset [1-9]\d* is forgotten/,
     'and they tell what is not theirs any more');

$members[2]->kill_all;
$members[2]->start;
upgrade($members[0]);
$members[1]->reload;
goes_on('killed, upgraded and reloaded');


# two again

change(2);

my $sent = $kafka->halt_produce;

cmp_ok($sent, '<', @records, 'records were produced all the time');
wait_for(sub { behind() == 0 }, 'all to be counted', 30);

my %sums;

$sums{ source($_) } += $_ for 1 .. $sent;
show_stopped($members[2]);
is_deeply(counted(@members), \%sums,
          'nothing is lost, nothing counted twice');
is(sum('flow_exporter_gap_offsets_total'), 0, 'no gap');
is(scalar(() = join('', map { $_->log } @members)
               =~ /the oldest: nothing is committed/g), $partitions,
   'each partition began once without an offset of anybody');


# what Kafka's tool says, while they run and when they have stopped

my $ends = $kafka->ends($topic);

is_deeply(wait_for(sub {
              my $said = described();

              return !grep({ $_->[1] != 0 } values %$said) && $said;
          }, 'no lag', 40),
          { map { $_ => [$ends->{$_}, 0] } keys %$ends },
          'kafka-consumer-groups: all offsets, and no lag');

$_->stop for @members;
$kafka->produce($topic, $_, record(bytes => 1), record(bytes => 1)) for 2, 4;
is_deeply(described(), { map { $_ => [$ends->{$_}, $_ == 2 || $_ == 4 ? 2 : 0] }
                         keys %$ends }, 'and what came after their end');

done_testing;


sub source {
    my ($number) = @_;

    return 65000 + $number % 7;
}


sub configure {
    my ($nginx, $broker, $member) = @_;

    $nginx->configure(
        exporter => undef,
        http => "flow_exporter {\n        brokers $broker;\n"
                . "        topic $topic;\n        asn 64500;\n"
                . "        group $group;\n        start committed;\n"
                . "        $member\n    }",
        server => 'location = /metrics { flow_exporter_metrics; }');
}


# In order: all stop, and the new number of them starts.  Returns how long the
# logs were before that.

sub change {
    my ($count) = @_;

    $_->stop for @members[0 .. $running - 1];
    $running = $count;

    my @lengths = map { -e $_->error_log ? length $_->log : 0 } @members;

    for my $n (0 .. $count - 1) {
        configure($members[$n], $kafka->bootstrap, "member $n of $count;");
        $members[$n]->start;
    }

    goes_on("$count have the topic among them");

    return @lengths;
}


sub upgrade {
    my ($nginx) = @_;

    my $old = $nginx->master;
    my $consumer = $nginx->wait_exporter;

    $nginx->signal('USR2', $old);
    wait_for(sub { (eval { $nginx->master } // $old) != $old
                   && $nginx->exporter }, 'the new nginx');
    $nginx->signal('WINCH', $old);
    wait_for(sub { !exists $nginx->processes->{$consumer} },
             'the end of the old process');
    $nginx->signal('QUIT', $old);
    wait_for(sub { !exists $nginx->processes->{$old} },
             'the end of the old nginx');
}


# Each partition has one owner, and goes on.

sub goes_on {
    my ($what) = @_;

    my %before = next_offsets();

    ok(wait_for(sub {
           my %now = next_offsets();

           return keys %now == $partitions
                  && !grep { $now{$_} <= ($before{$_} // 0) } keys %now;
       }, "each partition goes on: $what"), "counting goes on: $what");
}


# Of the members that run; none while a partition seems to have two owners, of
# which one has not forgotten it yet.

sub next_offsets {
    my %next;

    for my $nginx (@members[0 .. $running - 1]) {
        for my $series ($nginx->scrape->matching('flow_exporter_next_offset'))
        {
            my $partition = $series->{labels}{partition};

            return if exists $next{$partition};
            $next{$partition} = $series->{value};
        }
    }

    return %next;
}


sub behind {
    my $ends = $kafka->ends($topic);
    my %next = next_offsets();

    return scalar grep { ($next{$_} // -1) < $ends->{$_} } keys %$ends;
}


# Starts one that has no partition any more, to see its counters.

sub show_stopped {
    my ($nginx) = @_;

    configure($nginx, '127.0.0.1:1', 'member 2 of 3;');
    $nginx->start;
    wait_for(sub { $nginx->scrape->value('flow_exporter_ready') },
             'counters from the state files');
}


sub counted {
    my %sums;

    for my $nginx (@_) {
        $sums{ $_->{labels}{source_as} } += $_->{value}
            for $nginx->scrape->matching('flow_receive_bytes_total');
    }

    return \%sums;
}


sub sum {
    my ($name) = @_;
    my $sum = 0;

    $sum += $_->scrape->sum($name) for @members;

    return $sum;
}


# { partition => [offset, lag] } as Kafka's tool has them.

sub described {
    my $tool = "'$FlowExporter::root/t/tools/kafka' tool consumer-groups";
    my $from = '--bootstrap-server ' . $kafka->bootstrap;
    my $said = qx($tool $from --describe --group $group 2>&1);

    $? == 0 or die "kafka-consumer-groups has failed: $said\n";

    # group, topic, partition, offset, end, lag

    return { map { /^\Q$group\E +\Q$topic\E +(\d+) +(\d+) +\d+ +(\d+) /
                   ? ($1 => [$2, $3]) : () } split /\n/, $said };
}
