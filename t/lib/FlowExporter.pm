# What the tests of the suite share.  A test that is a list of blocks says
#
#     use FlowExporter::Blocks;             # see there
#     use Test::Nginx::Socket 'no_plan';
#
# and one that steers nginx itself (signals, reloads, upgrades) says
#
#     use FlowExporter;
#     use Test::More;
#
#     my $nginx = FlowExporter::Nginx->new(exporter => 'asn 64500;')->start;
#
#     produce($nginx->topic, 0, record(bytes => 663));
#     $nginx->wait_consumed;
#     is($nginx->scrape->value('flow_exporter_ready'), 1, 'ready');
#
# Exported:
#
#     broker             this file's FlowExporter::Broker, started when first
#                        asked for; ends with the test
#     produce(TOPIC, PARTITION, MESSAGES)  undef: a tombstone
#     record(FIELD => VALUE ...)  a pmacct record, as JSON: those given, with
#                        defaults for AS numbers, bytes, packets and label
#     wait_for(CODE, WHAT, SECONDS)  polls until CODE returns true, which is
#                        returned; dies naming WHAT after SECONDS (20)
#     scrape(URL)        a FlowExporter::Scrape, checked in every way that
#                        holds for all scrapes
#     http(METHOD, URL, HEADERS)  HTTP::Tiny's hash of a reply
#     free_port          a TCP port that stays this test's until it ends
#     private_dir        a directory that any user may enter; removed at the
#                        end
#     slurp(PATH), spew(PATH, TEXT)
#
# Environment: TEST_NGINX_BINARY, nginx; FLOW_EXPORTER_MODULE and FLOW_BROKER,
# files to test instead of those in build/; an empty module is one that is
# linked into nginx.

package FlowExporter;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Spec;
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use List::Util qw(first);
use Time::HiRes;

our @EXPORT = qw(broker produce record wait_for scrape http free_port
                 private_dir slurp spew);

our $root = File::Spec->rel2abs(dirname(__FILE__) . '/../..');

our $nginx_binary = $ENV{TEST_NGINX_BINARY}
                    // first { -x } '/usr/sbin/nginx', '/usr/bin/nginx',
                                    '/usr/local/nginx/sbin/nginx';

our $module = $ENV{FLOW_EXPORTER_MODULE}
    // "$root/build/ngx_http_flow_exporter_module.so";

$module = File::Spec->rel2abs($module) if $module ne '';

our $load_module = $module ne '' ? "load_module $module;" : '';

our $broker_program = File::Spec->rel2abs($ENV{FLOW_BROKER}
    // "$root/build/tools/flow_broker");

# A watched nginx is slower: all waits take so many times as long

our $patience = $ENV{FLOW_EXPORTER_SANITIZED} ? 4 : 1;

# Debian keeps nginx out of a user's path

$ENV{PATH} .= ':/usr/sbin:/sbin';

for my $file (grep { $_ ne '' } $module, $broker_program) {
    -e $file or die "no \"$file\": \"make module tools\" builds it\n";
}

require FlowExporter::Broker;
require FlowExporter::Kafka;
require FlowExporter::Nginx;
require FlowExporter::Scrape;

my ($broker, @port_locks);

# Whatever ends a test, its processes end with it

$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);


sub broker {
    return $broker //= FlowExporter::Broker->start;
}


sub produce {
    return broker()->produce(@_);
}


my %defaults = (as_src => 64496, as_dst => 64500, packets => 1, bytes => 1,
                label => 'edge1.example.net');

my $json = JSON::PP->new->allow_nonref->utf8;

# Numbers stay what they are, to the last digit.

sub record {
    my %fields = (%defaults, @_);

    return '{"event_type": "purge", '
           . join(', ', map { "\"$_\": " . value($fields{$_}) }
                        grep { defined $fields{$_} } sort keys %fields)
           . '}';
}


sub value {
    my ($value) = @_;

    return $value if $value =~ /^-?[0-9]+\z/;
    return $json->encode($value);
}


sub wait_for {
    my ($condition, $what, $seconds) = @_;

    $seconds = ($seconds // 20) * $patience;

    my $end = Time::HiRes::time + $seconds;

    while (1) {
        my $result = $condition->();

        return $result if $result;

        Time::HiRes::time < $end
            or die "waited $seconds s in vain: $what\n";

        select undef, undef, undef, 0.02;
    }
}


sub scrape {
    return FlowExporter::Scrape->get(@_);
}


sub http {
    my ($method, $url, $headers) = @_;

    return HTTP::Tiny->new(timeout => 20 * $patience, keep_alive => 0)
           ->request($method, $url, { headers => $headers // {} });
}


# Below the ports of outgoing connections.  The UDP port of the same number
# tells other tests on this machine that the TCP port is taken.

sub free_port {
    for (1 .. 1000) {
        my $port = 12000 + int rand 20000;

        my $lock = IO::Socket::INET->new(Proto => 'udp',
            LocalAddr => '127.0.0.1', LocalPort => $port) or next;

        my $probe = IO::Socket::INET->new(Proto => 'tcp', Listen => 1,
            LocalAddr => '0.0.0.0', LocalPort => $port, ReuseAddr => 1)
            or next;

        push @port_locks, $lock;

        return $port;
    }

    die "no free port\n";
}


sub private_dir {
    my $dir = tempdir('flow-exporter-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

    chmod 0755, $dir or die "cannot open \"$dir\" to others: $!\n";

    return $dir;
}


sub slurp {
    my ($path) = @_;

    open my $file, '<:raw', $path or die "cannot open \"$path\": $!\n";
    local $/;

    return scalar <$file>;
}


sub spew {
    my ($path, $text) = @_;

    open my $file, '>:raw', $path or die "cannot create \"$path\": $!\n";
    print $file $text;
    close $file or die "cannot write \"$path\": $!\n";
}


1;
