# Counters are shown only of the zone that the lease names: else a scrape has
# the exporter's own gauges, and one that was under way is cut off so that no
# client takes it for the whole.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use FlowExporter;
use Test::More;

use constant SERIES => 50_000;

my $port = free_port;
my $port_of_2 = free_port;

# small buffers: what a client has not asked for is not rendered yet

my $nginx = FlowExporter::Nginx->new(partitions => 4,
    exporter => 'asn 4200000000; zone 16m;',
    http => <<"END");
    server {
        listen 127.0.0.1:$port sndbuf=32k;
        location /metrics { flow_exporter_metrics; }
        location /gzip { gzip on; gzip_types text/plain; gzip_http_version 1.0;
                         flow_exporter_metrics; }
        location /no_chunks { chunked_transfer_encoding off;
                              flow_exporter_metrics; }
    }
    server {
        listen 127.0.0.1:$port_of_2 http2 sndbuf=32k;
        gzip_types text/plain;
        location /metrics { flow_exporter_metrics; }
        location /gzip { gzip on; flow_exporter_metrics; }
    }
END

$nginx->allow(qr/listen \.\.\. http2/);
$nginx->start;

for my $start (map { 1 + 1000 * $_ } 0 .. SERIES / 1000 - 1) {
    produce($nginx->topic, $start / 1000 % 4,
            join "\n", map { record(as_src => $_, as_dst => 4200000000,
                                    bytes => 10**12 + int rand 10**12) }
                       $start .. $start + 999);
}

$nginx->wait_consumed;
wait_for(sub { $nginx->scrape->value('flow_exporter_durable') },
         'an image of the counters');

my $lease = $nginx->dir . '/state/default.lease';
my $whole = slurp($lease);
my $plain = $nginx->scrape;

is(length $whole, 64, 'the lease file has its size');
is($plain->value('flow_exporter_ready'), 1, 'the named zone is shown');


# no scrape but of that zone

my %not_named = (
    'another zone'      => sub { put(named(1)) },
    'no zone'           => sub { put(named(0)) },
    'a damaged file'    => sub { put($whole ^ "\0" x 40 . "\1") },
    'a file cut short'  => sub { put(substr $whole, 0, 63) },
    'an empty file'     => sub { put('') },
    'a file that is not to be read' => sub { chmod 0, $lease },
);

for my $what (sort keys %not_named) {
    $not_named{$what}->();

    my $scrape = $nginx->scrape;

    is($scrape->value('flow_exporter_ready'), 0, "$what: not ready");
    is($scrape->value('flow_exporter_lease_held'), 1, "$what: gauges");
    is_deeply([grep { !/ gauge$/ } $scrape->text =~ /^# TYPE (.*)$/mg], [],
              "$what: and nothing else");
    is(http(HEAD => $nginx->url)->{status}, 200, "$what: no error");

    chmod 0600, $lease;
    put($whole);
}

is($nginx->scrape->value('flow_exporter_ready'), 1, 'and as before');


# a scrape that is under way

my $at = "127.0.0.1:$port";
my $at_2 = "127.0.0.1:$port_of_2";
my @gzip = ('--header', 'Accept-Encoding: gzip');

# the connection was reset; closed before the last chunk; RST_STREAM

my @clients = (
    [56, 'HTTP/1.0', '--http1.0', "$at/metrics"],
    [56, 'HTTP/1.0, gzip', '--http1.0', @gzip, "$at/gzip"],
    [56, 'HTTP/1.1 without chunks', "$at/no_chunks"],
    [18, 'HTTP/1.1', "$at/metrics"],
    [18, 'HTTP/1.1, gzip', @gzip, "$at/gzip"],
    [92, 'HTTP/2', '--http2-prior-knowledge', "$at_2/metrics"],
    [92, 'HTTP/2, gzip', '--http2-prior-knowledge', @gzip, "$at_2/gzip"],
);

for my $client (@clients) {
    my ($error, $what, @arguments) = @$client;

    my ($status, $text) = slowly(sub { }, @arguments);

    is($status, 0, "$what: a slow scrape succeeds");

    my $from = length $nginx->log;

    ($status, my $part) = slowly(sub { put(named(1)) }, @arguments);

    is($status, $error, "$what: one that may not be shown fails");
    ok(length $part < length $text, "$what: nor is it whole");
    like($nginx->log($from), qr/scrape was cut off, its zone is no longer/,
         "$what: the log says why");
    put($whole);
}

ok($nginx->scrape->flows eq $plain->flows, 'and the next scrape is as before');

$nginx->stop;

done_testing;


# The lease file with another id of the zone.

sub named {
    my ($id) = @_;

    my $record = substr $whole, 0, 60;

    substr $record, 24, 8, pack 'Q', $id;

    return $record . pack 'L', crc32($record);
}


# Into the file that is there.

sub put {
    my ($bytes) = @_;

    open my $file, '+<:raw', $lease or die "cannot open \"$lease\": $!\n";
    syswrite($file, $bytes) == length $bytes or die "\"$lease\": $!\n";
    truncate $file, length $bytes or die "\"$lease\": $!\n";
}


# Calls a function after the first bytes of a reply; returns curl's exit
# status, and the reply.

sub slowly {
    my ($then, @arguments) = @_;

    open my $curl, '-|', 'curl', '--silent', '--max-time', 60, '--no-buffer',
        @arguments or die "cannot run curl: $!\n";

    sysread $curl, my $text, 100 or die "no reply to \"@arguments\"\n";
    $then->();
    $text .= do { local $/; <$curl> } // '';
    close $curl;

    return ($? >> 8, $text);
}
