# Whoever ran the Go program's image changes its name, and nothing else: do
# its options lead to the same here?  And the variables beside them?  By
# Apache Kafka itself: the broker of the other tests is this machine's
# librdkafka, and tells a newer one, as the image has, of one partition only.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Image;
use Test::More;

my $topics = 0;
my $kafka = FlowExporter::Kafka->start;
my @brokers = ('--brokers=' . $kafka->bootstrap);


as_the_go_program();
other_spellings();
addresses();
help_and_programs();

done_testing;


# It is there when Kafka tells all its ends.

sub topic {
    my ($partitions) = @_;

    my $topic = 'image.' . ++$topics;

    $kafka->topic($topic, $partitions);
    wait_for(sub { keys %{ $kafka->ends($topic) } == $partitions },
             "topic $topic");

    return $topic;
}


# Default address, the image's names; then "docker stop".

sub as_the_go_program {
    my $topic = topic(2);
    my $image = FlowExporter::Image->run(
        arguments => [@brokers, "--topic=$topic", '--asn=64500']);

    $image->wait_error(qr/partition $_ is consumed/) for 0, 1;

    $kafka->produce($topic, 0,
        record(as_src => 15169, bytes => 18446744073709551),
        record(as_src => 64500, as_dst => 15169, bytes => 7));
    $kafka->produce($topic, 1,
        record(as_src => 3356, as_dst => 15169),
        record(as_src => 15169, bytes => 1));

    my $scrape = FlowExporter::Nginx::wait_consumed_at(
        'http://127.0.0.1:9590/metrics', broker => $kafka, topic => $topic);
    my ($name) = $scrape->flows =~ /source_as="15169",source_as_name="(.*?)"/;

    like($name, qr/google/i, 'with the names of the image');
    is($scrape->flows, <<"END" =~ s/\n +//gr, 'it shows what was produced');
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",
    destination_as_name="",hostname="edge1.example.net",
    source_as="15169",source_as_name="$name"} 18446744073709552
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="15169",
    destination_as_name="$name",hostname="edge1.example.net",
    source_as="64500",source_as_name=""} 7
END

    cmp_ok($scrape->value('flow_exporter_as_names'), '>', 80_000,
           'the names of the whole Internet');

    is_deeply([$image->health], [0, ''], 'it is healthy');

    is(http(GET => 'http://127.0.0.1:9590/')->{status}, 404, 'no other page');

    is($image->stop, 0, '"docker stop" ends it in order');
    like($image->output, qr{^127\.0\.0\.1 .* "GET /metrics HTTP/1\.1" 200 }m,
         'requests are logged to standard output');
    unlike($image->output, qr/HEAD/, 'but no health check');
    unlike($image->errors, qr/\[(?:warn|error|crit|alert|emerg)\]/,
           'standard error is quiet');
}


sub other_spellings {
    my $topic = topic(3);

    $kafka->produce($topic, $_, record(as_dst => 64500 + $_, bytes => 1 + $_))
        for 0 .. 2;

    my $image = FlowExporter::Image->run(
        arguments => ['-brokers', $kafka->bootstrap, '--topic', $topic,
                      '-asn=64500,64501', '--asn=64500,64502',
                      '--partitions', '0,2', '--addr', '0.0.0.0:9591'],
        environment => {
            FLOW_EXPORTER_START => 'earliest',
            FLOW_EXPORTER_TRANSIT => 'on',
            FLOW_EXPORTER_ZONE => '1m',
            FLOW_EXPORTER_AS_NAMES => 'off',

            # Kubernetes has such names
            FLOW_EXPORTER_PORT => 'tcp://192.0.2.1:9590',
            FLOW_EXPORTER_SERVICE_HOST => '192.0.2.1',
        });

    $image->wait_error(qr/partition 2 is consumed/);

    my $scrape;

    wait_for(sub { ($scrape = scrape('http://127.0.0.1:9591/metrics'))
                       ->sum('flow_receive_bytes_total') == 4 },
             'the records of two partitions');

    is($scrape->value('flow_receive_bytes_total', destination_as => 64502), 3,
       'several AS, and the last of two equal options counts');
    cmp_ok($scrape->value('flow_exporter_series_capacity'), '<', 100_000,
           'a small zone');
    is($scrape->value('flow_exporter_as_names'), undef, 'no AS names');
    is($image->stop, 0, 'it ends in order');
    unlike($image->errors, qr/partition 1 is consumed/, 'not partition 1');
}


sub addresses {
    for my $case ([':9592', '127.0.0.1:9592', '[::1]:9592'],
                  ['[::]:9592', '127.0.0.1:9592', '[::1]:9592'],
                  ['[::1]:9592', '[::1]:9592'],
                  ['localhost:9592', '127.0.0.1:9592'],
                  ['127.0.0.1:9592', '127.0.0.1:9592'])
    {
        my ($address, @answer) = @$case;
        my $image = FlowExporter::Image->run(
            arguments => [@brokers, '--topic=none', "--addr=$address"]);

        $image->wait_error(qr/consuming/);

        for my $answer (@answer) {
            is(http(GET => "http://$answer/metrics")->{status}, 200,
               "--addr=$address answers at $answer");
        }

        is_deeply([$image->health], [0, ''], "--addr=$address: healthy");
        is($image->stop, 0, "--addr=$address: it ends in order");
        like($image->errors, qr/no "asn" .* AS 0 is taken/,
             'without --asn it is 0');
    }
}


sub help_and_programs {
    for my $arguments (['--help'], ['-h'], ['/flow-exporter', '--help']) {
        my $image = FlowExporter::Image->run(arguments => $arguments);

        is($image->exit_status, 0, "@$arguments: exit status");
        like($image->output, qr/^usage: .*--partitions.*FLOW_EXPORTER_ZONE/s,
             "@$arguments: on standard output");
    }

    my $image = FlowExporter::Image->run(arguments => ['nginx', '-v']);

    is($image->exit_status, 0, 'another program: exit status');
    like($image->errors, qr/^nginx version: /, 'another program');
}
