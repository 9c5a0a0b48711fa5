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

my $nginx = FlowExporter::Nginx->new(workers => 1, partitions => 4,
    exporter => 'asn 4200000000; zone 16m;',
    server => 'location /gzip { gzip on; gzip_types text/plain; '
              . 'flow_exporter_metrics; } '
              . 'location /small { return 200 "small"; } '
              . 'location /limited { limit_rate 100k; '
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


# slow readers

my @slow = map { connect_to('/metrics') } 1 .. 4;

my $start;

sysread $_, $start, 1000 for @slow;
is(small(), 'small', "a small request beside slow scrapes, $_") for 1 .. 5;

my @whole = ('') x @slow;

while (grep { $_ } @slow) {
    for my $n (0 .. $#slow) {
        next if !$slow[$n];

        my $read = sysread $slow[$n], $whole[$n], 100_000, length $whole[$n];

        die "read: $!\n" if !defined $read;
        $slow[$n] = undef if $read == 0;
    }
}

# their first 1000 bytes hold the reply's head and the first lines

my ($body) = $start =~ /\r\n\r\n(.*)/s;

ok($body . $_ eq $text, 'a slow scrape is the same text') for @whole;
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
cmp_ok(memory() - $before, '<', 4096, 'nor has it grown by much');
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


# Kilobytes of the worker's own: the zone is shared.

sub memory {
    my $sum = 0;

    $sum += $_ for slurp("/proc/$worker/smaps_rollup")
                   =~ /^Private_\w+:\s+(\d+) kB/mg;

    return $sum;
}


sub descriptors {
    return scalar(() = glob "/proc/$worker/fd/*");
}
