# A zone that is too small loses no byte: what finds no room of its own is
# counted as "other", so that all series together are always all traffic; a
# series that has room keeps it; and both metrics and log say what happens.

use strict;
use warnings;

use FlowExporter;
use List::Util qw(shuffle);
use Math::BigInt;
use Test::More;
use Time::Piece;

my $own = 64500;
my $seed = time;

diag("seed $seed");
srand $seed;


# The table of series is what is full

my $nginx = zone();
my $capacity = $nginx->wait_consumed->value('flow_exporter_series_capacity');

my @flows = map { my $source = $_; map { flow($source, $_) } 1 .. 6 }
            1 .. $capacity / 5;

play($nginx, shuffle @flows);

my $scrape = check($nginx, 'series');

is($scrape->value('flow_exporter_series'), $capacity, 'all room is used');

my @shown = map { s/ .*//r } shown($scrape);

for my $round (1 .. 2) {
    play($nginx, shuffle @flows);
    $scrape = check($nginx, "series, round $round after that");

    is_deeply([sort map { s/ .*//r } shown($scrape)], [sort @shown],
              'series that are shown stay, others do not become so');
}

ok(full($nginx), 'the log says it');

# who comes after a death goes on with both

my $exporter = $nginx->exporter;

$nginx->allow(qr/process $exporter exited on signal 9/);
$nginx->signal('KILL', $exporter);
$nginx->wait_exporter($exporter);

play($nginx, shuffle @flows);
check($nginx, 'series, another process');
$nginx->stop;


# Many AS, as of the whole Internet

$nginx = zone();

play($nginx, map { flow($_, 1 + $_ % 3) } 1 .. 30_000);
check($nginx, 'AS numbers');
ok(full($nginx), 'the log says it');
$nginx->stop;


# Many routers, then long names of routers

for my $name ('r', 'long-' x 49) {
    $nginx = zone();

    play($nginx, map { { %{ flow(1, 1 + $_ % 3) }, label => "$name$_" } }
                 1 .. 20_000);
    check($nginx, 'hostnames of ' . length($name) . ' bytes and more');
    ok(full($nginx), 'the log says it');

    # those that are known have room still, those that are not are "other"

    play($nginx, flow(1, 1), { %{ flow(1, 1) }, label => "${name}1" });
    check($nginx, 'after that');
    $nginx->stop;
}


# A zone that is large enough says nothing of all this

$nginx = zone('32m');
play($nginx, @flows);
$scrape = check($nginx, 'room for all');
is($scrape->value('flow_exporter_overflow_records_total'), 0, 'no overflow');
is(full($nginx), 0, 'no line in the log');
unlike($scrape->flows, qr/"other"/, 'no series "other"');
$nginx->stop;

done_testing;


sub zone {
    my ($size) = @_;

    my $nginx = FlowExporter::Nginx->new(workers => 1,
        exporter => "asn $own;\ntransit on;\nzone " . ($size // '1m') . ';');

    return $nginx->start;
}


# A record of AS "source" from one of six routers, by which its direction is
# given

sub flow {
    my ($source, $router) = @_;

    my ($as_src, $as_dst) = $router % 3 == 0 ? ($own, $source)
                            : $router % 3 == 1 ? ($source, $own)
                            : ($source, 1);

    return { as_src => $as_src, as_dst => $as_dst, label => "router$router" };
}


# Produces records of random bytes, and keeps the sums that each series would
# have with room for all.

sub play {
    my ($nginx, @records) = @_;

    my @lines;

    for my $record (@records) {
        my $bytes = int rand 1 << 40;
        my ($source, $destination) = @$record{qw(as_src as_dst)};
        my $direction = $source == $own ? 'transmit'
                        : $destination == $own ? 'receive' : 'transit';
        my $series = "flow_${direction}_bytes_total{destination_as=\""
                     . "$destination\",destination_as_name=\"\",hostname=\""
                     . "$record->{label}\",source_as=\"$source\","
                     . 'source_as_name=""}';

        $nginx->{sent}{$series}{bytes} += $bytes;
        $nginx->{sent}{$series}{records}++;
        $nginx->{sent}{$series}{direction} = $direction;

        push @lines, record(%$record, bytes => $bytes);
    }

    # several records a message, and no more at a time than the broker keeps

    my $size = 0;
    my @messages;

    while (@lines) {
        push @messages, join "\n", splice @lines, 0, 1 + rand 50;
        $size += length $messages[-1];

        if ($size > 3_000_000 || !@lines) {
            produce($nginx->topic, 0, splice @messages);
            $nginx->wait_consumed;
            $size = 0;
        }
    }
}


sub check {
    my ($nginx, $what) = @_;

    my $scrape = $nginx->scrape;
    my %sent = %{ $nginx->{sent} };
    my (%left, @wrong);
    my $overflow = 0;

    for my $line (shown($scrape)) {
        my ($series, $value) = $line =~ /^(.*) (\d+)$/;
        my $sent = delete $sent{$series};

        push @wrong, $line if !$sent || $sent->{bytes} != $value;
    }

    is_deeply(\@wrong, [], "$what: each series that is shown is complete");

    for my $sent (values %sent) {
        $left{ $sent->{direction} } += $sent->{bytes};
        $overflow += $sent->{records};
    }

    my %other = map { $_->{name} =~ /^flow_(\w+?)_/; ($1 => $_->{value}) }
                map { $scrape->matching("flow_${_}_bytes_total",
                                        hostname => 'other') }
                qw(receive transmit transit);

    is_deeply(\%other, \%left, "$what: the bytes of all that are not");
    is($scrape->value('flow_exporter_overflow_records_total'), $overflow,
       "$what: the number of their records, $overflow");
    is($scrape->value('flow_exporter_series'), shown($scrape),
       "$what: the number of series");

    return $scrape;
}


# Lines of series of their own.

sub shown {
    my ($scrape) = @_;

    return grep { !/^#/ && !/hostname="other"/ } split /\n/, $scrape->flows;
}


# How often the log says it, and that it does so no more than once a minute.

sub full {
    my ($nginx) = @_;

    my @times = map { Time::Piece->strptime($_, '%Y/%m/%d %T') }
        $nginx->log =~ /^(\S+\ \S+)\ \[error\]\ .*
            \ flow\ exporter\ "default":
            \ zone\ "flow_exporter:default:\d+:\d+:\w+"\ is\ full,
            \ new\ series\ are\ counted\ as\ "other"$/mgx;

    is(scalar(grep { $times[$_] - $times[$_ - 1] < 60 } 1 .. $#times), 0,
       'no more than once a minute');

    return scalar @times;
}
