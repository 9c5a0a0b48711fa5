# A mistake in the configuration is told by "nginx -t", with the file and the
# line, before any flow is lost to it; what is right is taken without a word;
# and asking changes nothing.

use strict;
use warnings;

use FlowExporter::Blocks;
use Test::Nginx::Socket 'no_plan';

use File::Find qw(find);


# Sections of this file:
#
#     --- directives  a file that is included in a "flow_exporter" block, after
#                     "brokers" and "topic"
#     --- http        a file that is included in "http"
#     --- emerg       what nginx says and refuses to start; these files are
#                     "flow.conf" in it, and ... is what librdkafka says

add_block_preprocessor(sub {
    my ($block) = @_;

    my $file = html_dir() . '/flow.conf';
    my $http = defined $block->directives
        ? "flow_exporter {\n    brokers kafka.example.net:9092;\n"
          . "    topic flows;\n    include $file;\n}\n"
        : "include $file;\n";

    my $message = $block->emerg =~ s/\bflow\.conf\b/$file/r =~ s/\n//r;
    my $pattern = join '.+', map { quotemeta } split /\.\.\./, $message;

    $block->set_value('http_config', $http);
    $block->set_value('user_files', [['flow.conf', $block->directives
                                                   // $block->http]]);
    $block->set_value('must_die', '1');
    $block->set_value('error_log', [qr/\[emerg\] \d+#\d+: $pattern$/]);
});

run_tests();


# nginx -t where nothing is wrong

my $nginx = FlowExporter::Nginx->new(exporter => undef);
my $dir = $nginx->dir;
my $ok = "nginx: the configuration file $dir/nginx.conf syntax is ok\n"
         . "nginx: configuration file $dir/nginx.conf test is successful\n";

FlowExporter::spew("$dir/ca.pem", certificate());
FlowExporter::spew("$dir/names.txt", "15169  GOOGLE, US\n");
FlowExporter::spew("$dir/included.conf", "transit on;\nzone 2m;\n");
mkdir "$dir/certificates";

sub takes {
    my ($what, $http, $says, $server) = @_;

    $nginx->configure(http => $http, server => $server // '');

    my ($status, $said) = $nginx->test;

    is($said, ($says // '') . $ok, "$what: what nginx -t says");
    is($status, 0, "$what is right");
}

sub block {
    return "flow_exporter {\nbrokers kafka.example.net:9092;\ntopic flows;\n"
           . "asn 64500;\n@_\n}";
}

takes('no block', '');
takes('a block', block());

for my $directive (
    'partitions all;', 'partitions 0;', 'partitions 11 2 999999;',
    'start latest;', 'start earliest;', 'start 1700000000;', 'start 0;',
    'member 0 of 1;', 'member 999 of 1000;', 'partitions 1 4; member 1 of 2;',
    'group edge;', 'group off;', 'start committed; group "x.y:z@1";',
    'kafka client.id "edge of the world";',
    'kafka fetch.max.bytes 60000000; kafka fetch.wait.max.ms 100;',
    'kafka security.protocol sasl_ssl; kafka sasl.mechanisms SCRAM-SHA-512;'
        . ' kafka sasl.username flow; kafka sasl.password secret;',
    "kafka ssl.ca.location $dir/ca.pem;", 'kafka ssl.ca.location ca.pem;',
    "kafka ssl.ca.location $dir/certificates;",
    'as_names off;', "as_names $dir/names.txt;", 'as_names names.txt;',
    'zone 1m;', 'zone 1024k;', 'zone 64M;', 'zone 1048576;',
    'transit on;', 'transit off;', "include $dir/included.conf;",
    'commit 10ms;', 'commit 1s;', 'commit 1m;',
    'expire off;', 'expire 1;', 'expire 90d;', 'expire 1d12h;', 'expire 10y;',
    "include $dir/inc*.conf;",
) {
    takes($directive, block($directive));
}

for my $brokers ('localhost:1', '192.0.2.1:65535', '[2001:db8::1]:9092',
                 'kafka1.example.net:9092 kafka-2.example.net:9093')
{
    takes("brokers $brokers", block() =~ s/brokers [^;]*/brokers $brokers/r);
}

for my $topics ('pmacct.acct', 'a', 'A_b-9.', 'x' x 249,
                join ' ', map { "topic$_" } 1 .. 256)
{
    takes('topic ' . substr($topics, 0, 20),
          block() =~ s/topic [^;]*/topic $topics/r);
}

for my $asn ('0', '4294967295', '1 2 3', join ' ', 1 .. 1000) {
    takes('asn ' . substr($asn, 0, 20), block() =~ s/asn [^;]*/asn $asn/r);
}

takes('no asn', block() =~ s/asn.*\n//r,
      "nginx: [warn] no \"asn\" in flow exporter \"default\", AS 0 is taken "
      . "as its own in $dir/nginx.conf:" . warned_line() . "\n");

takes('several exporters',
      join("\n", map { block() =~ s/exporter/exporter $_/r }
                 'a', 'edge-1_x', '0', 'n' x 32),
      undef, join "\n", map { "location /$_ { flow_exporter_metrics $_; }" }
             'a', 'edge-1_x', '0', 'n' x 32);

takes('metrics of the only one, by its name',
      block() =~ s/exporter/exporter edge/r, undef,
      'location /a { flow_exporter_metrics edge; }'
      . 'location /b { flow_exporter_metrics; }');

for my $arguments ('', ' edge', ' lag_limit=1', ' edge lag_limit=10000',
                   ' edge lag_limit=9223372036854775807')
{
    takes("flow_exporter_status$arguments",
          block() =~ s/exporter/exporter edge/r, undef,
          "location /a { flow_exporter_status$arguments; }");
}


# nginx -t changes nothing: not the files, not the state of the default path

my @places = ($dir, '/var/lib/nginx-flow-exporter');

$nginx->configure(exporter => "asn 64500;\nas_names $dir/names.txt;",
                  http => '', server => '');

my $before = tree(@places);

for (1 .. 2) {
    is(($nginx->test)[0], 0, 'nginx -t with an exporter');
    is(tree(@places), $before, 'it has changed nothing');
}

my $conf = FlowExporter::slurp($nginx->conf);
FlowExporter::spew($nginx->conf, $conf =~ s/flow_exporter_state_path.*//r);
$before = tree(@places);

is(($nginx->test)[0], 0, 'nginx -t with the default path of state');
is(tree(@places), $before, 'it has changed nothing');

FlowExporter::spew($nginx->conf,
                   $conf =~ s/(flow_exporter_state_path) .*/$1 off;/r
                         =~ s/asn 64500;/asn 64500; expire 1d;/r);
like(($nginx->test)[1],
     qr/^nginx:\ \[warn\]\ "expire"\ of\ flow\ exporter\ "default"\ has\ no
        \ effect\ with\ "flow_exporter_state_path\ off"\ in\ /mx,
     'expire without state files is warned of');


# A module that is loaded and not used

$nginx->configure(exporter => undef);
unlink $nginx->error_log;
$nginx->start;

my %titles = map { $_ => 1 } values %{ $nginx->processes };

is(join(', ', sort map { s/(?<=master process).*//r } keys %titles),
   'nginx: master process, nginx: worker process',
   'not configured, it starts nothing');
ok(!-e "$dir/state", '... makes no directory');
unlike($nginx->log, qr/flow exporter/, '... and says nothing');

$nginx->stop;


# Everything below the places: names, owners, modes, times, contents.

sub tree {
    my @found;

    find({ no_chdir => 1, wanted => sub {
        my @stat = lstat;
        push @found, join ' ', $File::Find::name, @stat[0 .. 5, 7, 9, 10],
                     -f $_ ? FlowExporter::slurp($_) : '';
    } }, grep { -e } @_);

    return join "\n", sort @found;
}


# Of the brace that ends the block, in nginx.conf as FlowExporter writes it

sub warned_line {
    $nginx->configure(http => block() =~ s/asn.*\n/# here\n/r);

    my @lines = split /\n/, FlowExporter::slurp($nginx->conf);
    my ($line) = grep { $lines[$_] eq '# here' } 0 .. $#lines;

    return $line + 2;
}


# Some PEM: librdkafka reads it when it connects.

sub certificate {
    return "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
}
__DATA__

=== unknown directive
--- directives
asn 64500;
format pmacct;
--- emerg
unknown directive "format" in flow.conf:2

=== directive of nginx's that is none of ours
--- directives
server_name example.net;
--- emerg
unknown directive "server_name" in flow.conf:1

=== block in the block
--- directives
asn {
--- emerg
unexpected "{" in flow.conf:1

=== no semicolon
--- directives
asn 64500
--- emerg
unexpected end of file, expecting ";" or "}" in flow.conf:2

=== included file that is not there
--- directives
include missing.conf;
--- emerg eval
"open() \"$ENV{TEST_NGINX_SERVROOT}/conf/missing.conf\" failed " .
"(2: No such file or directory) in flow.conf:1"

=== include without a file
--- directives
include;
--- emerg
invalid number of arguments in "include" directive in flow.conf:1

=== flow_exporter in a server
--- http
server { flow_exporter { } }
--- emerg
"flow_exporter" directive is not allowed here in flow.conf:1

=== flow_exporter with two names
--- http
flow_exporter a b { }
--- emerg
invalid number of arguments in "flow_exporter" directive in flow.conf:1

=== flow_exporter without a block
--- http
flow_exporter;
--- emerg
directive "flow_exporter" has no opening "{" in flow.conf:1

=== name with a capital
--- http
flow_exporter Edge {
}
--- emerg
invalid flow exporter name "Edge", it must be 1 to 32 characters of "a-z0-9_-" in flow.conf:1

=== name with a way out of the directory
--- http
flow_exporter ../edge {
}
--- emerg
invalid flow exporter name "../edge", it must be 1 to 32 characters of "a-z0-9_-" in flow.conf:1

=== empty name
--- http
flow_exporter "" {
}
--- emerg
invalid flow exporter name "", it must be 1 to 32 characters of "a-z0-9_-" in flow.conf:1

=== name of 33 characters
--- http
flow_exporter a23456789012345678901234567890123 {
}
--- emerg
invalid flow exporter name "a23456789012345678901234567890123", it must be 1 to 32 characters of "a-z0-9_-" in flow.conf:1

=== name twice
--- http
flow_exporter edge {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
flow_exporter edge {
}
--- emerg
duplicate flow exporter "edge" in flow.conf:6

=== no name twice
--- http
flow_exporter {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
flow_exporter default {
}
--- emerg
duplicate flow exporter "default" in flow.conf:6

=== no brokers
--- http
flow_exporter {
    topic flows;
}
--- emerg
no "brokers" in flow exporter "default" in flow.conf:3

=== no topic
--- http
flow_exporter edge {
    brokers kafka.example.net:9092;
}
--- emerg
no "topic" in flow exporter "edge" in flow.conf:3

=== brokers twice
--- directives
brokers kafka.example.net:9092;
--- emerg
"brokers" directive is duplicate in flow.conf:1

=== brokers without one
--- http
flow_exporter {
    brokers;
}
--- emerg
invalid number of arguments in "brokers" directive in flow.conf:2

=== broker without a port
--- http
flow_exporter {
    brokers kafka.example.net;
    topic flows;
}
--- emerg
invalid broker "kafka.example.net", host:port or [IPv6 address]:port is expected in flow.conf:2

=== broker with a port beyond 65535
--- http
flow_exporter {
    brokers kafka.example.net:65536;
    topic flows;
}
--- emerg
invalid broker "kafka.example.net:65536", host:port or [IPv6 address]:port is expected in flow.conf:2

=== broker with a scheme
--- http
flow_exporter {
    brokers ssl://kafka.example.net:9092;
    topic flows;
}
--- emerg
invalid broker "ssl://kafka.example.net:9092", host:port or [IPv6 address]:port is expected in flow.conf:2

=== IPv6 address without brackets
--- http
flow_exporter {
    brokers 2001:db8::1:9092;
    topic flows;
}
--- emerg
invalid broker "2001:db8::1:9092", host:port or [IPv6 address]:port is expected in flow.conf:2

=== brokers as the Go program has them, with commas
--- http
flow_exporter {
    brokers kafka1.example.net:9092,kafka2.example.net:9092;
}
--- emerg
invalid broker "kafka1.example.net:9092,kafka2.example.net:9092", host:port or [IPv6 address]:port is expected in flow.conf:2

=== empty broker
--- http
flow_exporter {
    brokers "";
}
--- emerg
invalid broker "", host:port or [IPv6 address]:port is expected in flow.conf:2

=== topic twice
--- directives
topic other;
--- emerg
"topic" directive is duplicate in flow.conf:1

=== the same topic twice
--- http
flow_exporter {
    topic flows other
          flows;
}
--- emerg
duplicate topic "flows" in flow.conf:3

=== topic that Kafka does not allow
--- http
flow_exporter {
    brokers kafka.example.net:9092;
    topic flows/1;
}
--- emerg
invalid topic "flows/1", Kafka allows up to 249 of the characters a-z A-Z 0-9 . _ - in flow.conf:3

=== topic ..
--- http
flow_exporter {
    brokers kafka.example.net:9092;
    topic ..;
}
--- emerg
invalid topic "..", Kafka allows up to 249 of the characters a-z A-Z 0-9 . _ - in flow.conf:3

=== too many topics
--- http eval
"flow_exporter {\ntopic @{[map { qq(t$_) } 0 .. 256]};\n}"
--- emerg
more than 256 topics in flow.conf:2

=== partitions twice
--- directives
partitions 1;
partitions 2;
--- emerg
"partitions" directive is duplicate in flow.conf:2

=== partitions all, twice
--- directives
partitions all;
partitions 2;
--- emerg
"partitions" directive is duplicate in flow.conf:2

=== partition that is no number
--- directives
partitions 0 1-3;
--- emerg
invalid partition "1-3" in flow.conf:1

=== all among partitions
--- directives
partitions 1 all;
--- emerg
invalid partition "all" in flow.conf:1

=== negative partition
--- directives
partitions -1;
--- emerg
invalid partition "-1" in flow.conf:1

=== a million partitions
--- directives
partitions 1000000;
--- emerg
invalid partition "1000000" in flow.conf:1

=== the same partition twice
--- directives
partitions 1 01;
--- emerg
duplicate partition "01" in flow.conf:1

=== start twice
--- directives
start latest;
start latest;
--- emerg
"start" directive is duplicate in flow.conf:2

=== start nowhere
--- directives
start middle;
--- emerg
invalid start "middle", it must be "latest", "earliest", "committed" or seconds since the epoch in flow.conf:1

=== start at a negative time
--- directives
start -1;
--- emerg
invalid start "-1", it must be "latest", "earliest", "committed" or seconds since the epoch in flow.conf:1

=== start in milliseconds
--- directives
start 1700000000000;
--- emerg
invalid start "1700000000000", it must be "latest", "earliest", "committed" or seconds since the epoch in flow.conf:1

=== start at two times
--- directives
start 1 2;
--- emerg
invalid number of arguments in "start" directive in flow.conf:1

=== Kafka property that librdkafka does not know
--- directives
kafka fetch.size 1;
--- emerg
librdkafka ... knows no property "fetch.size" in flow.conf:1

=== Kafka property with a value that librdkafka refuses
--- directives
kafka fetch.wait.max.ms soon;
--- emerg
librdkafka refuses property "fetch.wait.max.ms": ... in flow.conf:1

=== a secret is not repeated
--- directives
kafka ssl_key hidden-value;
--- emerg
librdkafka refuses the value of property "ssl_key" in flow.conf:1

=== Kafka property without a value
--- directives
kafka client.id;
--- emerg
invalid number of arguments in "kafka" directive in flow.conf:1

=== brokers by their property
--- directives
kafka bootstrap.servers kafka.example.net:9092;
--- emerg
Kafka property "bootstrap.servers" is what the directive "brokers" sets in flow.conf:1

=== brokers by their old property
--- directives
kafka metadata.broker.list kafka.example.net:9092;
--- emerg
Kafka property "metadata.broker.list" is what the directive "brokers" sets in flow.conf:1

=== offsets are not Kafka's to choose
--- directives
kafka auto.offset.reset earliest;
--- emerg
Kafka property "auto.offset.reset" is the exporter's own: the directive "start" says where partitions start in flow.conf:1

=== nor to commit
--- directives
kafka enable.auto.commit true;
--- emerg
Kafka property "enable.auto.commit" is the exporter's own: it keeps its offsets itself in flow.conf:1

=== no consumer group
--- directives
kafka group.id edge;
--- emerg
Kafka property "group.id" is what the directive "group" sets in flow.conf:1

=== nor another property of one
--- directives
kafka group.instance.id edge;
--- emerg
Kafka property "group.instance.id" cannot be set: the exporter reads without a consumer group in flow.conf:1

=== a group without a name
--- directives
group "";
--- emerg
invalid group "", it must be 1 to 255 visible ASCII characters in flow.conf:1

=== a group with a space
--- directives
group "my group";
--- emerg
invalid group "my group", it must be 1 to 255 visible ASCII characters in flow.conf:1

=== group twice
--- directives
group one;
group off;
--- emerg
"group" directive is duplicate in flow.conf:2

=== start committed without a group
--- http
flow_exporter {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
    start committed;
    group off;
}
--- emerg
"start committed" without "group" in flow exporter "default" in flow.conf:7

=== a member of none
--- directives
member 0 of 0;
--- emerg
invalid number of members "0", it must be 1 to 1000 in flow.conf:1

=== a member of too many
--- directives
member 0 of 1001;
--- emerg
invalid number of members "1001", it must be 1 to 1000 in flow.conf:1

=== one member too far
--- directives
member 3 of 3;
--- emerg
there is no member "3" of 3, the last one is 2 in flow.conf:1

=== a member without its number
--- directives
member first of 3;
--- emerg
invalid member "first of 3", it must be a number "of" a number in flow.conf:1

=== a member of something else
--- directives
member 1 in 3;
--- emerg
invalid member "1 in 3", it must be a number "of" a number in flow.conf:1

=== a negative member
--- directives
member -1 of 3;
--- emerg
invalid member "-1 of 3", it must be a number "of" a number in flow.conf:1

=== a member of how many
--- directives
member 1 of;
--- emerg
invalid number of arguments in "member" directive in flow.conf:1

=== two members in one
--- directives
member 0 1 of 3;
--- emerg
invalid number of arguments in "member" directive in flow.conf:1

=== member twice
--- directives
member 0 of 3;
member 1 of 3;
--- emerg
"member" directive is duplicate in flow.conf:2

=== no plugins
--- directives
kafka plugin.library.paths evil;
--- emerg
Kafka property "plugin.library.paths" cannot be set: the exporter loads no plugins in flow.conf:1

=== no callbacks
--- directives
kafka error_cb 1;
--- emerg
Kafka property "error_cb" cannot be set in a file in flow.conf:1

=== PEM file that is not there
--- directives
asn 64500;
kafka ssl.ca.location missing.pem;
--- emerg eval
"open() \"$ENV{TEST_NGINX_SERVROOT}/conf/missing.pem\" failed " .
"(2: No such file or directory) in flow.conf:2"

=== PEM file that is empty
--- directives
kafka ssl.certificate.location /dev/null;
--- emerg
"/dev/null" is empty or too large in flow.conf:1

=== asn twice
--- directives
asn 64500;
asn 64501;
--- emerg
"asn" directive is duplicate in flow.conf:2

=== AS number with letters
--- directives
asn 64500 AS64501;
--- emerg
invalid AS number "AS64501" in flow.conf:1

=== AS number beyond 32 bits
--- directives
asn 4294967296;
--- emerg
invalid AS number "4294967296" in flow.conf:1

=== AS number in two parts
--- directives
asn 1.10;
--- emerg
invalid AS number "1.10" in flow.conf:1

=== negative AS number
--- directives
asn -1;
--- emerg
invalid AS number "-1" in flow.conf:1

=== AS number of twenty digits
--- directives
asn 18446744073709551617;
--- emerg
invalid AS number "18446744073709551617" in flow.conf:1

=== the same AS number twice
--- directives
asn 64500 64501 64500;
--- emerg
duplicate AS number "64500" in flow.conf:1

=== as_names twice
--- directives
as_names off;
as_names off;
--- emerg
"as_names" directive is duplicate in flow.conf:2

=== as_names: no such file
--- directives
as_names /nowhere/GeoLite2-ASN.mmdb;
--- emerg
open() "/nowhere/GeoLite2-ASN.mmdb" failed (2: No such file or directory) in flow.conf:1

=== as_names: relative to the configuration
--- directives
as_names missing.mmdb;
--- emerg eval
"open() \"$ENV{TEST_NGINX_SERVROOT}/conf/missing.mmdb\" failed " .
"(2: No such file or directory) in flow.conf:1"

=== as_names: a directory
--- directives
as_names /;
--- emerg
"/" is not a regular file in flow.conf:1

=== as_names: neither MMDB nor list
--- directives
as_names nginx.conf;
--- emerg eval
"\"$ENV{TEST_NGINX_SERVROOT}/conf/nginx.conf\" is neither an intact MMDB " .
"nor a list of AS names: no \"<number> <name>\" in line 1 in flow.conf:1"

=== zone twice
--- directives
zone 1m;
zone 1m;
--- emerg
"zone" directive is duplicate in flow.conf:2

=== zone that is no size
--- directives
zone large;
--- emerg
invalid zone size "large" in flow.conf:1

=== zone too small
--- directives
zone 1023k;
--- emerg
zone "1023k" is too small, it must be at least 1m in flow.conf:1

=== zone with a name
--- directives
zone edge 1m;
--- emerg
invalid number of arguments in "zone" directive in flow.conf:1

=== commit that is no time
--- directives
commit soon;
--- emerg
invalid value "soon" in "commit" directive, it must be a time from 10ms to 60s in flow.conf:1

=== expire that is no time
--- directives
expire never;
--- emerg
invalid value "never" in "expire" directive, it must be "off" or a time from 1s to 10y in flow.conf:1

=== expire at once
--- directives
expire 0;
--- emerg
invalid value "0" in "expire" directive, it must be "off" or a time from 1s to 10y in flow.conf:1

=== expire in less than a second
--- directives
expire 500ms;
--- emerg
invalid value "500ms" in "expire" directive, it must be "off" or a time from 1s to 10y in flow.conf:1

=== expire after a lifetime
--- directives
expire 80y;
--- emerg
invalid value "80y" in "expire" directive, it must be "off" or a time from 1s to 10y in flow.conf:1

=== expire twice
--- directives
expire 1d;
expire off;
--- emerg
"expire" directive is duplicate in flow.conf:2

=== transit twice
--- directives
transit on;
transit off;
--- emerg
"transit" directive is duplicate in flow.conf:2

=== transit neither on nor off
--- directives
transit yes;
--- emerg
invalid value "yes" in "transit" directive, it must be "on" or "off" in flow.conf:1

=== state path twice
--- http
flow_exporter_state_path off;
flow_exporter_state_path /tmp;
--- emerg
"flow_exporter_state_path" directive is duplicate in flow.conf:2

=== state path without a path
--- http
flow_exporter_state_path;
--- emerg
invalid number of arguments in "flow_exporter_state_path" directive in flow.conf:1

=== empty state path
--- http
flow_exporter_state_path "";
--- emerg
invalid path "" in flow.conf:1

=== state path in a server
--- http
server { flow_exporter_state_path /tmp; }
--- emerg
"flow_exporter_state_path" directive is not allowed here in flow.conf:1

=== metrics without any exporter
--- http
server {
    location = /metrics {
        flow_exporter_metrics;
    }
}
--- emerg
"flow_exporter_metrics" without any "flow_exporter" block in flow.conf:3

=== metrics of an exporter that is not there
--- http
flow_exporter edge {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
server { location = /metrics { flow_exporter_metrics core; } }
--- emerg
unknown flow exporter "core" in flow.conf:6

=== metrics of one of several
--- http
server { location = /metrics { flow_exporter_metrics; } }
flow_exporter edge {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
flow_exporter core {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
--- emerg
"flow_exporter_metrics" must name one of several "flow_exporter" blocks in flow.conf:1

=== metrics twice
--- http
server {
    location = /metrics {
        flow_exporter_metrics;
        flow_exporter_metrics;
    }
}
--- emerg
"flow_exporter_metrics" directive is duplicate in flow.conf:4

=== metrics with two names
--- http
server { location = /metrics { flow_exporter_metrics a b; } }
--- emerg
invalid number of arguments in "flow_exporter_metrics" directive in flow.conf:1

=== metrics in a server
--- http
server { flow_exporter_metrics; }
--- emerg
"flow_exporter_metrics" directive is not allowed here in flow.conf:1

=== status without any exporter
--- http
server { location = /status { flow_exporter_status lag_limit=1; } }
--- emerg
"flow_exporter_status" without any "flow_exporter" block in flow.conf:1

=== status of an exporter that is not there
--- http
flow_exporter edge {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
server { location = /status { flow_exporter_status core; } }
--- emerg
unknown flow exporter "core" in flow.conf:6

=== status of one of several
--- http
server { location = /status { flow_exporter_status lag_limit=1; } }
flow_exporter edge {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
flow_exporter core {
    brokers kafka.example.net:9092;
    topic flows;
    asn 64500;
}
--- emerg
"flow_exporter_status" must name one of several "flow_exporter" blocks in flow.conf:1

=== status twice
--- http
server {
    location = /status {
        flow_exporter_status;
        flow_exporter_status;
    }
}
--- emerg
"flow_exporter_status" directive is duplicate in flow.conf:4

=== status and metrics
--- http
server {
    location = /status {
        flow_exporter_metrics;
        flow_exporter_status;
    }
}
--- emerg
"flow_exporter_status" conflicts with "flow_exporter_metrics" in flow.conf:4

=== status with two names
--- http
server { location = /status { flow_exporter_status a b; } }
--- emerg
invalid parameter "b" in flow.conf:1

=== status with another parameter
--- http
server { location = /status { flow_exporter_status a lag=1; } }
--- emerg
invalid parameter "lag=1" in flow.conf:1

=== status without a number
--- http
server { location = /status { flow_exporter_status lag_limit=; } }
--- emerg
invalid lag_limit value "lag_limit=" in flow.conf:1

=== status under a lag of nothing
--- http
server { location = /status { flow_exporter_status lag_limit=0; } }
--- emerg
invalid lag_limit value "lag_limit=0" in flow.conf:1

=== status with a limit that is no number
--- http
server { location = /status { flow_exporter_status lag_limit=10k; } }
--- emerg
invalid lag_limit value "lag_limit=10k" in flow.conf:1

=== status with a limit of 2^63
--- http
server {
    location = /status {
        flow_exporter_status lag_limit=9223372036854775808;
    }
}
--- emerg
invalid lag_limit value "lag_limit=9223372036854775808" in flow.conf:3

=== status with two limits
--- http
server {
    location = /status { flow_exporter_status lag_limit=1 lag_limit=2; }
}
--- emerg
duplicate "lag_limit" in flow.conf:2

=== status with three parameters
--- http
server { location = /status { flow_exporter_status a lag_limit=1 b; } }
--- emerg
invalid number of arguments in "flow_exporter_status" directive in flow.conf:1

=== status in a server
--- http
server { flow_exporter_status; }
--- emerg
"flow_exporter_status" directive is not allowed here in flow.conf:1
