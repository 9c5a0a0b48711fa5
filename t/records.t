# What a router exported is what a scrape shows: each record in whatever form
# a collector writes it, once, with its own bytes to the last digit, in the
# right direction, under the right names.

use strict;
use warnings;

use FlowExporter::Blocks;
use FlowExporter;
use Test::Nginx::Socket 'no_plan';

run_tests();


# A sum beyond 2^64 begins anew, as Prometheus takes it for a restart, and the
# log says so once

my $nginx = FlowExporter::Nginx->new->start;
my $most = '18446744073709551615';

produce($nginx->topic, 0, (record(bytes => $most)) x 3,
        record(bytes => $most, label => 'b'), record(bytes => 2, label => 'b'));
$nginx->wait_consumed;
produce($nginx->topic, 0, record(bytes => 5), record(bytes => $most));

my @sums = map { $_->{value} }
           $nginx->wait_consumed->matching('flow_receive_bytes_total');

is("@sums", '1 1', 'sums modulo 2^64');

my @lines = $nginx->log =~ /\[warn\] .*?: (.*)$/mg;

is_deeply(\@lines, ['flow exporter "default": a counter passed 2^64 and begins '
                    . 'anew'], 'said once');

$nginx->stop;
__DATA__

=== the lines of the Go program's README
--- exporter
asn 397143;
as_names $TEST_NGINX_SERVER_ROOT/html/names.txt;
--- user_files
>>> names.txt
10318 CABLEVISION S.A., AR
397143 NEPTUNE-NETWORKS - Neptune Networks, US
--- messages
{"event_type": "purge", "label": "border.neptunenetworks.org", "as_src": 10318, "as_dst": 397143, "packets": 2, "bytes": 663}
{"event_type": "purge", "label": "border.neptunenetworks.org", "as_src": 397143, "as_dst": 10318, "packets": 1, "bytes": 52}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="397143",destination_as_name="NEPTUNE-NETWORKS - Neptune Networks",hostname="border.neptunenetworks.org",source_as="10318",source_as_name="CABLEVISION S.A."} 663
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="10318",destination_as_name="CABLEVISION S.A.",hostname="border.neptunenetworks.org",source_as="397143",source_as_name="NEPTUNE-NETWORKS - Neptune Networks"} 52
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
--- counters
flow_exporter_messages_total{exporter="default",result="decoded",topic="block1"} 2
flow_exporter_message_bytes_total{exporter="default",topic="block1"} 249
flow_exporter_records_total{exporter="default",result="receive"} 1
flow_exporter_records_total{exporter="default",result="transmit"} 1

=== direction: own is the source, else own is the destination, else transit
--- exporter
asn 64500;
--- messages
{"label": "a", "as_src": 1, "as_dst": 64500, "bytes": 10}
{"label": "a", "as_src": 1, "as_dst": 64500, "bytes": 1}
{"label": "a", "as_src": 64500, "as_dst": 1, "bytes": 20}
{"label": "a", "as_src": 64500, "as_dst": 64500, "bytes": 30}
{"label": "a", "as_src": 1, "as_dst": 2, "bytes": 40}
{"label": "a", "as_src": 0, "as_dst": 0, "bytes": 50}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 11
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="64500",source_as_name=""} 20
flow_transmit_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="64500",source_as_name=""} 30
--- counters
flow_exporter_records_total{exporter="default",result="receive"} 2
flow_exporter_records_total{exporter="default",result="transmit"} 2
flow_exporter_records_total{exporter="default",result="transit"} 2

=== several own AS, 0 among them, and transit
--- exporter
asn 64500 0 4294967295;
transit on;
--- messages
{"label": "a", "as_src": 64500, "as_dst": 1, "bytes": 1}
{"label": "a", "as_src": 0, "as_dst": 1, "bytes": 2}
{"label": "a", "as_src": 4294967295, "as_dst": 1, "bytes": 3}
{"label": "a", "as_src": 4294967295, "as_dst": 0, "bytes": 4}
{"label": "a", "as_src": 1, "as_dst": 0, "bytes": 5}
{"label": "a", "as_src": 1, "as_dst": 4294967295, "bytes": 6}
{"label": "a", "as_src": 1, "as_dst": 2, "bytes": 7}
{"label": "a", "as_src": 1, "as_dst": 2, "bytes": 8}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="0",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 5
flow_receive_bytes_total{destination_as="4294967295",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 6
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="64500",source_as_name=""} 1
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="0",source_as_name=""} 2
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="4294967295",source_as_name=""} 3
flow_transmit_bytes_total{destination_as="0",destination_as_name="",hostname="a",source_as="4294967295",source_as_name=""} 4
# HELP flow_transit_bytes_total Bytes between two foreign AS.
# TYPE flow_transit_bytes_total counter
flow_transit_bytes_total{destination_as="2",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 15
--- counters
flow_exporter_records_total{exporter="default",result="receive"} 2
flow_exporter_records_total{exporter="default",result="transmit"} 4
flow_exporter_records_total{exporter="default",result="transit"} 2

=== no asn is AS 0, as in the Go program
--- exporter
transit off;
--- messages
{"label": "a", "as_src": 0, "as_dst": 1, "bytes": 2}
{"label": "a", "as_src": 1, "as_dst": 0, "bytes": 5}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="0",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 5
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="0",source_as_name=""} 2
--- suppress_stderr
--- error_log
[warn]
no "asn" in flow exporter "default", AS 0 is taken as its own in

=== the same AS pair from two routers, in both directions: four series
--- exporter
asn 64500;
--- messages
{"label": "a", "as_src": 1, "as_dst": 64500, "bytes": 1}
{"label": "b", "as_src": 1, "as_dst": 64500, "bytes": 2}
{"label": "a", "as_src": 64500, "as_dst": 1, "bytes": 4}
{"label": "b", "as_src": 64500, "as_dst": 1, "bytes": 8}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 1
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="b",source_as="1",source_as_name=""} 2
# HELP flow_transmit_bytes_total Bytes transferred.
# TYPE flow_transmit_bytes_total counter
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="a",source_as="64500",source_as_name=""} 4
flow_transmit_bytes_total{destination_as="1",destination_as_name="",hostname="b",source_as="64500",source_as_name=""} 8

=== several records in a message, in all forms that collectors write
--- exporter
asn 64500;
--- messages eval
my @records = map {
    qq({"label": "a", "as_src": 1, "as_dst": 64500, "bytes": $_})
} 0 .. 9;

[
    "$records[1]\n$records[2]\n",                   # kafka_multi_values
    "[$records[1],$records[2]]",                    # pmacct until 1.6.1
    " [ $records[1] ,\n $records[2] ] \r\n",
    "$records[1]$records[2]",
    "\t$records[1] \n\n\r\n $records[2]",
    "[]",
    "[$records[3]]\n[$records[4]]\n$records[5]\n",
    "\n",
]
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 27
--- counters
flow_exporter_messages_total{exporter="default",result="decoded",topic="block6"} 8
flow_exporter_messages_total{exporter="default",result="refused",topic="block6"} 0
flow_exporter_records_total{exporter="default",result="receive"} 13
flow_exporter_records_total{exporter="default",result="invalid"} 0

=== what is no flow is skipped and counted as such
--- exporter
asn 64500;
--- messages eval
my $fields = '"label": "a", "as_src": 1, "as_dst": 64500';
[
    '{"event_type": "purge_init", "writer_id": "edge/1"}',
    '{"event_type": "purge_close", "writer_id": "edge/1", ' .
        '"purged_entries": 8, "total_entries": 8, "duration": 0}',
    qq({"event_type": "log", $fields, "bytes": 1}),
    qq({"event_type": "dump_init", "bytes": "x"}),
    qq({"event_type": "PURGE", $fields, "bytes": 1}),
    qq({"event_type": 1, $fields, "bytes": 1}),
    qq({$fields}),                              # option data
    qq({$fields, "flows": 3}),
    '{}',
    undef,                                      # tombstones
    undef,
    '',
    qq({"event_type": "purge", $fields, "bytes": 1}),
    qq({"event_type": null, $fields, "bytes": 2}),
    qq({$fields, "packets": 0, "bytes": 4}),
]
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 7
--- counters
flow_exporter_messages_total{exporter="default",result="decoded",topic="block7"} 12
flow_exporter_messages_total{exporter="default",result="tombstone",topic="block7"} 3
flow_exporter_records_total{exporter="default",result="receive"} 3
flow_exporter_records_total{exporter="default",result="skipped"} 9
flow_exporter_records_total{exporter="default",result="invalid"} 0
flow_exporter_skipped_records_total{exporter="default",reason="event_type"} 6
flow_exporter_skipped_records_total{exporter="default",reason="no_counters"} 3

=== numbers: as strings too, and exact to the last of 64 bits
--- exporter
asn 64500;
--- messages
{"label": "string", "as_src": "1", "as_dst": "64500", "bytes": "663"}
{"label": "zero", "as_src": 1, "as_dst": 64500, "bytes": 0}
{"label": "2^53+1", "as_src": 1, "as_dst": 64500, "bytes": 9007199254740993}
{"label": "2^63-1", "as_src": 1, "as_dst": 64500, "bytes": 9223372036854775807}
{"label": "2^63", "as_src": 1, "as_dst": 64500, "bytes": 9223372036854775808}
{"label": "2^63 in two", "as_src": 1, "as_dst": 64500, "bytes": 9223372036854775807}
{"label": "2^63 in two", "as_src": 1, "as_dst": 64500, "bytes": 1}
{"label": "2^64-1", "as_src": 1, "as_dst": 64500, "bytes": "18446744073709551615"}
{"label": "2^32-1", "as_src": 4294967295, "as_dst": 64500, "bytes": 1}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="string",source_as="1",source_as_name=""} 663
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="zero",source_as="1",source_as_name=""} 0
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^53+1",source_as="1",source_as_name=""} 9007199254740993
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^63-1",source_as="1",source_as_name=""} 9223372036854775807
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^63",source_as="1",source_as_name=""} 9223372036854775808
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^63 in two",source_as="1",source_as_name=""} 9223372036854775808
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^64-1",source_as="1",source_as_name=""} 18446744073709551615
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="2^32-1",source_as="4294967295",source_as_name=""} 1
--- no_error_log
passed 2^64
[warn]

=== hostname: label, else the exporter's address, else empty
--- exporter
asn 64500;
--- messages
{"label": "edge1", "peer_ip_src": "192.0.2.1", "as_src": 1, "as_dst": 64500, "bytes": 1}
{"peer_ip_src": "192.0.2.2", "as_src": 1, "as_dst": 64500, "bytes": 2}
{"label": "", "peer_ip_src": "192.0.2.2", "as_src": 1, "as_dst": 64500, "bytes": 4}
{"peer_ip_src": "192.0.2.2", "label": null, "as_src": 1, "as_dst": 64500, "bytes": 8}
{"label": {"label": "inner", "bytes": 7}, "peer_ip_src": "192.0.2.2", "as_src": 1, "as_dst": 64500, "bytes": 16}
{"label": ["a"], "peer_ip_src": "192.0.2.2", "as_src": 1, "as_dst": 64500, "bytes": 32}
{"label": 5, "peer_ip_src": "192.0.2.2", "as_src": 1, "as_dst": 64500, "bytes": 64}
{"label": "", "peer_ip_src": "", "as_src": 1, "as_dst": 64500, "bytes": 128}
{"label": {}, "as_src": 1, "as_dst": 64500, "bytes": 256}
{"peer_ip_src": {"a": 1}, "as_src": 1, "as_dst": 64500, "bytes": 512}
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="edge1",source_as="1",source_as_name=""} 1
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="192.0.2.2",source_as="1",source_as_name=""} 126
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="",source_as="1",source_as_name=""} 896

=== fields that nobody asked for, of any depth, are left alone
--- exporter
asn 64500;
--- messages eval
my $deep = '{"as_src": 9, "bytes": [1, {"as_dst": -1, "label": "x"}]}';
[
    '{"event_type": "purge", "tag": 7, "label": "a", "as_src": 1, ' .
    '"as_dst": 64500, "peer_ip_src": "192.0.2.254", "iface_in": 5, ' .
    '"ip_src": "198.51.100.20", "ip_dst": "203.0.113.9", ' .
    '"ip_proto": "tcp", "sampling_rate": 1000, ' .
    '"timestamp_start": "2026-11-24 06:21:13.000000", "flows": 3, ' .
    '"packets": 12, "bytes": 1, "writer_id": "edge/4711"}',
    qq({"x": $deep, "label": "a", "as_src": 1, "y": [$deep], ) .
    qq("as_dst": 64500, "bytes": 2, "z": [[[$deep]], null, true, 1.5e3]}),
    '{"as_srcs": 5, "as_sr": 6, "AS_SRC": 7, "": 8, "label": "a", ' .
    '"as_src": 1, "as_dst": 64500, "bytes": 4, "bytes ": -1}',
    '{"\u0061s_src": 1, "label": "\u0061", "as_dst": 64500, "bytes": 8}',
    '{"as_src": 7, "bytes": 99, "as_src": 1, "label": "b", "label": "a", ' .
    '"as_dst": 64500, "bytes": 16}',
]
--- flows
# HELP flow_receive_bytes_total Bytes received.
# TYPE flow_receive_bytes_total counter
flow_receive_bytes_total{destination_as="64500",destination_as_name="",hostname="a",source_as="1",source_as_name=""} 31
--- counters
flow_exporter_records_total{exporter="default",result="receive"} 5
flow_exporter_records_total{exporter="default",result="invalid"} 0

=== before the first flow a scrape is complete, too
--- exporter
asn 64500;
--- flows
--- counters
flow_exporter_series{exporter="default"} 0
flow_exporter_records_total{exporter="default",result="receive"} 0
flow_exporter_records_total{exporter="default",result="invalid"} 0
