# Apache Kafka itself, where other tests have librdkafka's mock broker: what
# real producers store is counted, each codec, transactions, pmacct, what was
# added and created late, and a backlog of two million records; the sums are
# exact.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my @codecs = qw(none gzip snappy lz4 zstd);

my $backlog = 2_000_000;

my $kafka = FlowExporter::Kafka->start;
my $nginx = FlowExporter::Nginx->new(broker => $kafka, partitions => 4)->start;
my $topic = $nginx->topic;
my $messages = 0;


# codecs of librdkafka, as pmacct has it, and of Kafka's own producer: they
# frame snappy and lz4 in ways of their own

for my $n (0 .. $#codecs) {
    my $handle = $kafka->kcat($topic, $n % 4, $codecs[$n]);

    print $handle record(as_src => 65001 + $n, bytes => $_), "\n"
        for 1 .. 1000;
    close $handle or die "kcat failed, $codecs[$n]\n";

    $kafka->begin_produce($topic, 0, $codecs[$n],
        map { [$_ % 4, record(as_src => 65101 + $n, bytes => $_)] }
        1 .. 1000);
    $kafka->end_produce;

    $messages += 2000;
}

my $scrape = $nginx->wait_consumed;

for my $n (0 .. $#codecs) {
    is(received($scrape, 65001 + $n), 500500, "librdkafka, $codecs[$n]");
    is(received($scrape, 65101 + $n), 500500, "Kafka's client, $codecs[$n]");
}

is_deeply($kafka->codecs($topic), { map { $_ => 1 } @codecs },
          'all codecs are stored as such');


# It takes up to 30 s until they are found: other things meanwhile.

my $added = FlowExporter::Nginx->new(broker => $kafka, partitions => 2)->start;

$kafka->produce($added->topic, $_, record(bytes => 1)) for 0, 1;
$added->wait_consumed;
$kafka->add_partitions($added->topic, 5);
$kafka->produce($added->topic, $_, map { record(bytes => $_) } 1 .. 100)
    for 2 .. 4;


# transactions

$kafka->transaction('one', $topic, map { [$_ % 4,
    record(as_src => 65201, bytes => $_)] } 1 .. 100);
$kafka->commit('one');

$kafka->transaction('one', $topic, map { [$_ % 4,
    record(as_src => 65202, bytes => $_)] } 1 .. 100);
$kafka->abort('one');

$kafka->transaction('two', $topic, map { [0,
    record(as_src => 65203, bytes => $_)] } 1 .. 100);
$kafka->transaction('one', $topic, map { [0,
    record(as_src => 65204, bytes => $_)] } 1 .. 100);
$kafka->produce($topic, 0, record(as_src => 65205, bytes => 1));
$kafka->commit('one');

$messages += 100;
$scrape = $nginx->wait_consumed(messages => $messages);

is(received($scrape, 65201), 5050, 'a committed transaction');
is(received($scrape, 65202), undef, 'an aborted one');
is(received($scrape, 65204), undef,
   'one that was committed after one that is open');
is(received($scrape, 65205), undef, 'a record after one that is open');

$kafka->abort('two');

# control records and what was aborted

my $ends = $kafka->ends($topic);
my $offsets = 0;

$offsets += $_ for values %$ends;
$messages += 101;
$scrape = $nginx->wait_consumed(messages => $messages);

is(received($scrape, 65203), undef, 'aborted');
is(received($scrape, 65204), 5050, 'and then those behind it are counted');
is(received($scrape, 65205), 1, 'all of them');
is($scrape->sum('flow_exporter_lag_records'), 0,
   'no lag, where partitions end with control records');
is($scrape->sum('flow_exporter_next_offset'), $offsets, 'the very end');
is($scrape->sum('flow_exporter_skipped_offsets_total'), $offsets - $messages,
   'offsets without a committed record are skipped ones');
is($scrape->sum('flow_exporter_duplicate_messages_total'), 0, 'none twice');
is($scrape->sum('flow_exporter_gap_offsets_total'), 0, 'no gap');


# pmacct: NetFlow in, JSON out

my %sent;
my ($collector, $socket) = start_nfacctd();

for my $datagram (1 .. 20) {
    my @flows = map { { as => 65000 + $_, bytes => $datagram * 1000 + $_ } }
                1 .. 30;

    $sent{ $_->{as} } += $_->{bytes} for @flows;
    $socket->send(netflow($datagram, @flows));
}

wait_for(sub {
             my $sum = 0;

             $sum += $_ for values %sent;
             return pmacct_sum() == $sum;
         }, 'what pmacct writes', 30);

is_deeply({ map { $_->{labels}{source_as} => $_->{value} }
            $nginx->scrape->matching('flow_receive_bytes_total',
                                     hostname => '127.0.0.1') }, \%sent,
          'pmacct: what was sent by NetFlow is counted');

kill 'KILL', $collector;
waitpid $collector, 0;


# a topic that is not there when nginx starts

my $late = FlowExporter::Nginx->new(broker => $kafka, exporter => undef,
    http => 'flow_exporter { brokers ' . $kafka->bootstrap . '; topic late; '
            . 'start latest; asn 64500; }',
    server => 'location = /metrics { flow_exporter_metrics; }',
    partitions => 0, topic => 'late')->start;

$late->wait_log(qr/topic "late" does not exist yet/);
$kafka->topic('late', 2);
$kafka->produce('late', $_, map { record(bytes => $_) } 1 .. 50) for 0, 1;
is(received($late->wait_consumed), 2550,
   'a late topic is read from its beginning');

# ... deleted, and created again: shorter than the offsets that are stored

my $from = length $late->log;

$kafka->delete_topic('late');
$late->wait_log(qr/topic "late" does not exist any longer/, $from);
is(received($late->scrape), 2550, 'without the topic its counters stay');

$kafka->topic('late', 2);
$kafka->produce('late', 0, map { record(bytes => 1000) } 1 .. 10);
for my $said ('partition %d: next offset 50 lies beyond the end \d+, the topic'
                  . ' was created anew or cut off',
              'partition %d is consumed from offset 0, its beginning: it is'
                  . ' new')
{
    $late->wait_log(qr/topic "late" @{[sprintf $said, $_]}/, $from) for 0, 1;
}

$kafka->produce('late', $_, record(bytes => 100_000)) for 0, 1;
wait_for(sub { received($late->scrape) >= 212_550 }, 'the new topic');
is(received($late->wait_consumed(messages => undef)), 212_550,
   'a topic created anew is read from its beginning');

# ... and with more records than are stored, so that the offset is there again

$from = length $late->log;

$kafka->delete_topic('late');
$late->wait_log(qr/topic "late" does not exist any longer/, $from);
$kafka->topic('late', 2);
$kafka->produce('late', $_, map { record(bytes => 1_000_000) } 1 .. 60)
    for 0, 1;
$late->wait_log(qr/partition $_: the record at offset \d+ is not the one/,
                $from) for 0, 1;
wait_for(sub { received($late->scrape) >= 120_212_550 }, 'the new topic');
is(received($late->wait_consumed(messages => undef)), 120_212_550,
   'it is known by its records');
$late->stop;


# a backlog, with nginx started when it is there

my $slow = FlowExporter::Nginx->new(broker => $kafka, partitions => 4);

$kafka->topic($slow->topic, 4);

my @handles = map { $kafka->kcat($slow->topic, $_, 'lz4') } 0 .. 3;
my %sums;

for my $n (1 .. $backlog) {
    my $as = 65000 + $n % 97;

    print { $handles[$n & 3] }
        qq({"as_src":$as,"as_dst":64500,"bytes":$n,"label":"r"}\n);
    $sums{$as} += $n;
}

for my $handle (@handles) {
    close $handle or die "kcat failed\n";
}

my $begun = Time::HiRes::time;

$slow->start;

my $process = $slow->wait_exporter;

$scrape = $slow->wait_consumed(seconds => 60);

diag sprintf '%d records a second', $backlog / (Time::HiRes::time - $begun);

is_deeply({ map { $_->{labels}{source_as} => $_->{value} }
            $scrape->matching('flow_receive_bytes_total') }, \%sums,
          "a backlog of $backlog records, each counted once");

my ($most) = slurp("/proc/$process/status") =~ /^VmHWM:\s+(\d+) kB/m;

cmp_ok($most, '<', 90 * 1024, 'without taking all memory for it');
$slow->stop;


# the partitions that were added

$from = 0;
$scrape = $added->wait_consumed(seconds => 40);
is(received($scrape), 15152, 'added partitions are read from the beginning');
like($added->log, qr/topic "\Q@{[$added->topic]}\E" has 5 partitions/,
     'the log tells of them');
like($added->log, qr/partition $_ is consumed from offset 0, its beginning/,
     "partition $_ is new") for 2 .. 4;


# records that Kafka deletes before they are read: all are counted, as bytes
# or in the gap

my $before = received($added->scrape);

$from = length $added->log;
$added->signal('STOP', $added->exporter);
$kafka->produce($added->topic, 0, record(bytes => 1));
$kafka->produce($added->topic, 0, map { record(bytes => 1) } 1 .. 99);
$kafka->trim($added->topic, 0, 61);
$added->signal('CONT', $added->exporter);
$scrape = $added->wait_consumed(messages => undef);

my $gap = $scrape->sum('flow_exporter_gap_offsets_total');

cmp_ok($gap, '>=', 59, 'a gap');
is(received($scrape) - $before + $gap, 100, 'counted or left out');
like($added->log($from), qr/: offsets \d+ to 60 are left out, Kafka has del/,
     'the log says which');

$added->stop;
$nginx->stop;

done_testing;


sub received {
    my ($scrape, $as) = @_;

    return $scrape->value('flow_receive_bytes_total',
                          defined $as ? (source_as => $as) : ());
}


# What pmacct has no label for has the exporter's address.

sub pmacct_sum {
    return $nginx->scrape->sum('flow_receive_bytes_total',
                               hostname => '127.0.0.1');
}


sub start_nfacctd {
    my $port = IO::Socket::INET->new(Proto => 'udp',
                                     LocalAddr => '127.0.0.1')->sockport;
    my $dir = private_dir;
    my ($host, $broker_port) = split /:/, $kafka->bootstrap;

    spew("$dir/nfacctd.conf", <<"END");
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: $port
nfacctd_as: netflow
plugins: kafka[flows]
aggregate[flows]: src_as, dst_as, peer_src_ip
kafka_output[flows]: json
kafka_topic[flows]: $topic
kafka_broker_host[flows]: $host
kafka_broker_port[flows]: $broker_port
kafka_partition[flows]: 2
kafka_refresh_time[flows]: 1
kafka_multi_values[flows]: 4096
END

    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', 'nfacctd', '-f',
             "$dir/nfacctd.conf";
        exit 1;
    }

    # what comes before the plugin is ready is lost

    wait_for(sub { -e "$dir/log" && slurp("$dir/log") =~ /Purging.* END/ },
             'nfacctd');

    return ($pid, IO::Socket::INET->new(Proto => 'udp',
                                        PeerAddr => "127.0.0.1:$port"));
}


# A datagram of version 5.

sub netflow {
    my ($number, @flows) = @_;

    return pack('n2 N4 C2 n', 5, scalar @flows, 100_000, time, 0,
                30 * ($number - 1), 0, 0, 0)
           . join '', map { pack 'N3 n2 N4 n2 C4 n2 C2 n', 0x0a000001,
                            0x0a000002, 0, 1, 2, 1, $_->{bytes}, 90_000,
                            95_000, 1024, 80, 0, 0, 6, 0, $_->{as},
                            64500, 24, 24, 0 } @flows;
}
