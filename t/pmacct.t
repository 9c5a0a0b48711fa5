# pmacct itself: real packets on a wire of the test's own, seen by pmacctd,
# which writes to Kafka; the counters equal what was sent.
#
#     namespace 203.0.113.9, 198.51.100.2 --veth-- this host: pmacctd
#     AS        64500        64496

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $namespace = "flow$$";
my ($here, $there) = ("flow$$", "flown$$");
my $pmacctd;

for my $program ('pmacctd', 'ip') {
    plan skip_all => "no $program: install the package "
                     . ($program eq 'ip' ? 'iproute2' : 'pmacct')
        if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

my ($refusal) = split /\n/, qx(ip netns add $namespace 2>&1);

plan skip_all => "no network namespace, which takes root's rights: "
                 . ($refusal // '')
    if $? != 0;

for my $command (
    "link add $here type veth peer name $there netns $namespace",
    "addr add 198.51.100.1/24 dev $here",
    "link set $here up",
    "-n $namespace addr add 198.51.100.2/24 dev $there",
    "-n $namespace addr add 203.0.113.9/32 dev $there",
    "-n $namespace link set lo up",
    "-n $namespace link set $there up",
    "-n $namespace route add default via 198.51.100.1")
{
    next if system("ip $command 2>/dev/null") == 0;

    plan skip_all => 'no virtual network devices on this system (veth)'
        if $command =~ /type veth/;
    die "\"ip $command\" failed\n";
}

# they end here, also where this host is a router

eval { spew("/proc/sys/net/ipv4/conf/$here/forwarding", '0') };

my @variants = (
    ['one record a message', '', ''],
    ['many records a message, marks, a label',
     "kafka_multi_values: 65536\nkafka_markers: true\n"
     . "pre_tag_map: DIR/labels\n", 'edge1.example.net'],
);

for my $variant (@variants) {
    my ($what, $options, $label) = @$variant;
    my $nginx = FlowExporter::Nginx->new->start;
    my $output = start_pmacctd($nginx, $options);

    wait_for(sub { slurp($output) =~ /link type is/ }, 'pmacctd to listen');

    # source, destination, packets, bytes in each

    packets('203.0.113.9', '192.0.2.1', 7, 100);
    packets('198.51.100.2', '203.0.113.77', 11, 1000);
    packets('203.0.113.9', '203.0.113.77', 3, 28);

    my $scrape;

    eval {
        wait_for(
            sub {
                $scrape = $nginx->scrape;
                return 11784 == $scrape->sum('flow_receive_bytes_total')
                                + $scrape->sum('flow_transmit_bytes_total');
            },
            'what was sent', 60);
    };
    is($@, '', "$what: all bytes are counted")
        or diag($scrape->flows, slurp($output));

    is($scrape->value('flow_transmit_bytes_total', source_as => 64500,
                      destination_as => 64511, hostname => $label), 700,
       "$what: to another AS");
    is($scrape->value('flow_receive_bytes_total', source_as => 64496,
                      destination_as => 64500, hostname => $label), 11000,
       "$what: from another AS");
    is($scrape->value('flow_transmit_bytes_total', source_as => 64500,
                      destination_as => 64500, hostname => $label), 84,
       "$what: within its own");
    is($scrape->value('flow_exporter_records_total', result => 'invalid'), 0,
       "$what: nothing is wrong with a record");

    my $skipped = $scrape->value('flow_exporter_skipped_records_total',
                                 reason => 'event_type');

    if ($options =~ /markers/) {
        cmp_ok($skipped, '>', 0, "$what: marks are skipped");

    } else {
        is($skipped, 0, "$what: there is no mark");
    }

    stop_pmacctd();
    $nginx->stop;
}

done_testing;


sub start_pmacctd {
    my ($nginx, $options) = @_;

    my $dir = $nginx->dir;
    my ($host, $port) = split /:/, broker->bootstrap;

    spew("$dir/networks", "64500,203.0.113.0/24\n64496,198.51.100.0/24\n"
                          . "64511,192.0.2.0/24\n");
    spew("$dir/labels", "set_label=edge1.example.net filter='udp'\n");
    $options =~ s/DIR/$dir/;
    spew("$dir/pmacctd.conf", <<"END");
daemonize: false
pcap_interface: $here
pcap_filter: udp and net 203.0.113.0/24
pmacctd_as: file
networks_file: $dir/networks
plugins: kafka[flows]
aggregate[flows]: label, src_as, dst_as, peer_src_ip
kafka_output: json
kafka_broker_host: $host
kafka_broker_port: $port
kafka_topic: @{[ $nginx->topic ]}
kafka_refresh_time: 2
$options
END

    my $output = "$dir/pmacctd.log";

    $pmacctd = fork // die "fork: $!\n";

    if ($pmacctd == 0) {
        setpgrp;
        open STDOUT, '>', $output;
        open STDERR, '>&', \*STDOUT;
        exec 'pmacctd', '-f', "$dir/pmacctd.conf";
    }

    wait_for(sub { -e $output }, 'pmacctd to start');

    return $output;
}


# By SIGINT, then by force: one of its processes may not hear.

sub stop_pmacctd {
    my $pid = $pmacctd // return;

    $pmacctd = undef;
    kill 'INT', -$pid;
    eval { wait_for(sub { waitpid($pid, 1) != 0 }, 'the end of pmacctd', 5) };
    kill 'KILL', -$pid;
    waitpid $pid, 0 if $@;
}


# The size is that of the IP packet: 28 bytes of headers.

sub packets {
    my ($source, $destination, $packets, $size) = @_;

    system('ip', 'netns', 'exec', $namespace, $^X, '-MIO::Socket::INET', '-e',
           'my ($source, $destination, $packets, $size) = @ARGV;'
           . 'my $socket = IO::Socket::INET->new(Proto => "udp",'
           . ' LocalAddr => $source, PeerAddr => $destination,'
           . ' PeerPort => 9) or die "socket: $!";'
           . 'for (1 .. $packets) { defined syswrite $socket,'
           . ' "x" x ($size - 28) or die "send: $!" }',
           $source, $destination, $packets, $size) == 0
        or die "packets from $source could not be sent\n";
}


END {
    local ($?, $!);

    stop_pmacctd();
    system("ip link del $here 2>/dev/null") if defined $here;
    system("ip netns del $namespace 2>/dev/null") if defined $namespace;
}
