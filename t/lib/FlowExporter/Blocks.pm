# Tests made of Test::Nginx's blocks, each with an nginx, a topic and a zone
# of its own.  To be used before Test::Nginx::Socket, which reads the
# environment that is set here.
#
# Beside Test::Nginx's own sections a block may have
#
#     --- exporter    directives of a "flow_exporter" block, in which "brokers"
#                     "topic" and "start earliest" stand already; "config" is
#                     then a location /metrics where nothing else is said
#     --- partitions  number of the topic's, 1
#     --- messages    values for partition 0, one a line, or an array: produced
#                     beforehand
#     --- flows       the reply up to flow_exporter_..., byte for byte
#     --- counters    lines that are in the reply
#     --- absent      what no line of the reply begins with
#
# The request is made when all messages are counted, unless "init" is there.
# $TEST_NGINX_TOPIC and $TEST_NGINX_BROKERS stand for the block's topic and
# the broker.  Without "request" it is GET /metrics.  The error log has no
# line of level alert, crit or emerg that is not expected, also after nginx has
# ended.

package FlowExporter::Blocks;

use strict;
use warnings;

use FlowExporter;

BEGIN {
    $ENV{TEST_NGINX_PORT} = free_port;
    $ENV{TEST_NGINX_SERVROOT} = private_dir() . '/servroot';
    $ENV{TEST_NGINX_BINARY} = $FlowExporter::nginx_binary;
    $ENV{TEST_NGINX_BROKERS} = '';
    $ENV{TEST_NGINX_TOPIC} = '';
}

use Test::Nginx::Socket;

no_shuffle();
no_long_string();
master_on();
workers(1);
log_level('info');
timeout(20);

$Test::Nginx::Util::LoadModules = $FlowExporter::module;

if ($> == 0) {
    $Test::Nginx::Util::WorkerUser = 'nobody '
                                     . getgrgid((getpwnam 'nobody')[3]);
}

my $count = 0;

add_block_preprocessor(\&prepare);
add_response_body_check(\&check);


sub prepare {
    my ($block) = @_;

    my $topic = $ENV{TEST_NGINX_TOPIC} = 'block' . ++$count;
    my $http = '';

    $ENV{TEST_NGINX_BROKERS} = '127.0.0.1:9092';

    if (!defined $block->must_die) {
        $ENV{TEST_NGINX_BROKERS} = broker->bootstrap;
        broker->topic($topic, $block->partitions // 1);
        $http = 'flow_exporter_state_path ' . server_root() . '/logs/state;';
    }

    if (defined $block->exporter) {
        $http .= "\nflow_exporter {\n    brokers \$TEST_NGINX_BROKERS;\n"
                 . "    topic \$TEST_NGINX_TOPIC;\n    start earliest;\n"
                 . $block->exporter . "}\n";
    }

    $block->set_value('http_config', $http . "\n"
                                     . ($block->http_config // ''));

    if (!defined $block->config) {
        $block->set_value('config', defined $block->exporter
            ? 'location = /metrics { flow_exporter_metrics; }' : '');
    }

    if (defined $block->must_die) {
        $block->set_value('suppress_stderr', '');
        return;
    }

    if (!defined $block->request && !defined $block->raw_request) {
        $block->set_value('request', 'GET /metrics');
    }

    if (!defined $block->no_shutdown_error_log) {
        $block->set_value('no_shutdown_error_log',
                          [qr/\[(?:alert|crit|emerg)\]/]);
    }

    if (defined $block->messages) {
        my $messages = $block->messages;
        my @messages = ref $messages ? @$messages : split /\n/, $messages;

        produce($topic, 0, @messages);
    }

    if (defined $block->exporter && !defined $block->init) {
        $block->set_value('init',
                          'FlowExporter::Blocks::wait_consumed($block)');
    }
}


# An error here is this block's, not the end of all tests.

sub wait_consumed {
    my ($block) = @_;

    eval {
        FlowExporter::Nginx::wait_consumed_at(
            'http://127.0.0.1:' . server_port() . '/metrics',
            topic => $ENV{TEST_NGINX_TOPIC});
    };

    fail($block->name . " - $@") if $@;
}


sub check {
    my ($block, $body, $req_idx, $repeated, $dry_run) = @_;

    return if $dry_run || $body !~ /^# TYPE flow_exporter_/m;

    my $name = $block->name;
    my $scrape = FlowExporter::Scrape->new($body, $name);

    $scrape->check;
    fail("$name - $_") for $scrape->wrong_sums;

    if (defined $block->flows) {
        is($scrape->flows, $block->flows, "$name - flows");
    }

    for my $line (split /\n/, $block->counters // '') {
        ok($body =~ /^\Q$line\E$/m, "$name - $line")
            or diag(join "\n", $scrape->all($line =~ /^(\w+)/));
    }

    for my $start (split /\n/, $block->absent // '') {
        unlike($body, qr/^\Q$start\E/m, "$name - no $start");
    }
}


1;
