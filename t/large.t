# A scrape of very many series takes bounded memory and never the whole of a
# worker; a client that reads slowly, or goes away in the middle, harms
# nobody.

use strict;
use warnings;

use Compress::Zlib qw(memGunzip);
use FlowExporter;
use IO::Socket::INET;
use Test::More;

use constant SERIES => 100_000;

my $http2 = free_port;
my $nginx = FlowExporter::Nginx->new(workers => 1, partitions => 4,
    exporter => 'asn 4200000000; zone 16m;',
    http => "server { listen 127.0.0.1:$http2 http2; "
            . 'location /metrics { flow_exporter_metrics; } }',
    server => 'location /gzip { gzip on; gzip_types text/plain; '
              . 'flow_exporter_metrics; } '
              . 'location /small { return 200 "small"; } '
              . 'location /limited { limit_rate 100k; '
              . 'flow_exporter_metrics; } '
              . 'location /impatient { send_timeout 1s; '
              . 'flow_exporter_metrics; }')->start;

my ($as, $partition) = (1, 0);

while ($as <= SERIES) {
    my @messages;

    for (1 .. 25) {
        push @messages, join "\n", map { record(as_src => $_, bytes => $_,
                                          as_dst => 4200000000) }
                                   $as .. $as + 999;
        $as += 1000;
    }

    produce($nginx->topic, $partition++ % 4, @messages);
    $nginx->wait_consumed;
}

my ($worker) = $nginx->workers;
my $bytes = SERIES * (SERIES + 1) / 2;

small();

my $before = memory();
my $text = scrape_all();

cmp_ok(length $text, '>', 10_000_000, 'more than ten megabytes');
is(sum($text), $bytes, 'each series is there, whole, once');
cmp_ok(memory() - $before, '<', 1024, 'the worker has not grown by 1 MiB');
ok(memGunzip(http(GET => $nginx->url('/gzip'),
                  { 'Accept-Encoding' => 'gzip' })->{content}) eq $text,
   'the same from gzip');
ok(scrape_http2() eq $text, 'the same over HTTP/2');


# slow readers

my @slow = map { connect_to('/metrics') } 1 .. 4;
my @whole = ('') x @slow;

for my $n (0 .. $#slow) {
    read_some($n) while $whole[$n] !~ /\r\n\r\n#/;
}

is(small(), 'small', "a small request beside slow scrapes, $_") for 1 .. 5;

# two buffers of 64 KiB each

cmp_ok(memory() - $before, '<', 4 * 256, 'a scrape takes less than 256 KiB');

while (grep { $_ } @slow) {
    for my $n (0 .. $#slow) {
        read_some($n) if $slow[$n];
    }
}

ok(s/^.*?\r\n\r\n//sr eq $text, 'a slow scrape is the same text') for @whole;
cmp_ok(memory() - $before, '<', 1024, 'the worker has not grown');


# clients that go away

my $descriptors = descriptors();

for my $path (('/metrics', '/gzip', '/limited') x 20) {
    my $socket = connect_to($path);

    sysread $socket, my $some, 1 + rand 100_000;
    close $socket;
}

is(small(), 'small', 'the worker is well');
wait_for(sub { descriptors() <= $descriptors }, 'the connections to be closed');


# a client that reads no more: what it has must not look like the whole

@slow = connect_to('/impatient');
@whole = ('');
$nginx->wait_log(qr/client timed out/);
wait_for(sub { descriptors() <= $descriptors }, 'its connection to be closed');

eval { read_some(0) while $slow[0] };
like($@, qr/^read: Connection reset/, 'a scrape that is cut off is no scrape');
cmp_ok(length $whole[0], '<', length $text, 'nor did it become one');

cmp_ok(memory() - $before, '<', 4096, 'the worker has not grown by much');
is(sum(scrape_all()), $bytes, 'and the next scrape is whole');
is(($nginx->workers)[0], $worker, 'by the same worker');

$nginx->stop;

done_testing;


sub scrape_all {
    return http(GET => $nginx->url)->{content};
}


sub small {
    return http(GET => $nginx->url('/small'))->{content};
}


# Fails where a line is not whole.

sub sum {
    my ($text) = @_;

    my ($sum, $lines) = (0, 0);

    while ($text =~ /^(flow_receive_bytes_total.*)$/mg) {
        my $line = $1;

        $line =~ /^flow_receive_bytes_total\{destination_as="4200000000",
                  destination_as_name="",hostname="edge1\.example\.net",
                  source_as="(\d+)",source_as_name=""\}\ (\d+)$/x
            && $1 == $2 or die "no whole line: $line\n";
        $sum += $2;
        $lines++;
    }

    return $lines == SERIES ? $sum : "$lines lines";
}


sub connect_to {
    my ($path) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->port)
        or die "no connection: $!\n";

    syswrite $socket, "GET $path HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";

    return $socket;
}


# Of the slow client of that number.

sub read_some {
    my ($n) = @_;

    my $read = sysread $slow[$n], $whole[$n], 100_000, length $whole[$n];

    defined $read or die "read: $!\n";
    $slow[$n] = undef if $read == 0;
}


# Over HTTP/2 without TLS.

sub scrape_http2 {
    open my $curl, '-|', 'curl', '--silent', '--max-time', 20,
        '--http2-prior-knowledge', "http://127.0.0.1:$http2/metrics"
        or die "cannot run curl: $!\n";

    my $text = do { local $/; <$curl> } // '';

    close $curl or die "curl failed: $?\n";

    return $text;
}


# Kilobytes of the worker's own: the zone is shared.

sub memory {
    my $sum = 0;

    # a sanitizer keeps what is freed

    return $sum if $ENV{FLOW_EXPORTER_SANITIZED};

    $sum += $_ for slurp("/proc/$worker/smaps_rollup")
                   =~ /^Private_\w+:\s+(\d+) kB/mg;

    return $sum;
}


sub descriptors {
    return scalar(() = glob "/proc/$worker/fd/*");
}
