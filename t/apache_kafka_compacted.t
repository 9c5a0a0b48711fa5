# A compacted topic: Kafka keeps the newest record of each key, and the offsets
# of the others are skipped, not missed.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $kafka = FlowExporter::Kafka->start(
    properties => { 'log.cleaner.backoff.ms' => 100 });
my $nginx = FlowExporter::Nginx->new(broker => $kafka, topic => 'compacted');

$kafka->topic('compacted', 1, 'cleanup.policy' => 'compact',
              'segment.ms' => 100, 'min.cleanable.dirty.ratio' => 0.01);


# counted before there is anything to compact

produce_keys(1, 1 .. 5);
$nginx->start;
is(received($nginx->wait_consumed), 5, 'five records');
$nginx->stop;


# each key many times, while nothing is counted

produce_keys($_, 1 .. 5) for 2 .. 100;

wait_for(sub {
             produce_keys(1000, 6);
             return kept() == 5;
         }, 'compaction', 60);

$nginx->start;

my $scrape = $nginx->wait_consumed(messages => undef);
my $consumed = $scrape->value('flow_exporter_messages_total',
                              result => 'decoded');
my $skipped = $scrape->value('flow_exporter_skipped_offsets_total');
my $next = $scrape->value('flow_exporter_next_offset');

cmp_ok($skipped, '>', 400, 'most offsets are empty');
is($consumed + $skipped, $next, 'each offset was counted or skipped');
is($scrape->sum('flow_exporter_gap_offsets_total'), 0, 'there is no gap');
is(received($scrape, source_as => $_), 1 + 100, "AS $_: the newest record")
    for 1 .. 5;

$nginx->stop;

done_testing;


sub produce_keys {
    my ($bytes, @keys) = @_;

    my $handle = $kafka->kcat('compacted', 0, 'none', '-K', ':');

    print $handle "$_:", record(as_src => $_, bytes => $bytes), "\n" for @keys;
    close $handle or die "kcat failed\n";
}


# How many records of the five keys Kafka still has.

sub kept {
    my $bootstrap = $kafka->bootstrap;

    return scalar(() = qx(kcat -C -q -b $bootstrap -t compacted -p 0 -e -K :)
                       =~ /^[1-5]:/mg);
}


sub received {
    my ($scrape, %labels) = @_;

    return $scrape->sum('flow_receive_bytes_total', %labels);
}
