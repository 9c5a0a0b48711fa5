# A restart loses nothing and counts nothing twice, whatever ended nginx, and
# whether Kafka is there or not: it serves at once what it had, and goes on
# from there.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new(partitions => 3,
    exporter => 'asn 64500; transit on;')->start;
my ($sent, %sums) = (0);

# lines of alert where all processes are killed

$nginx->allow(qr/exited on signal 9|still could not bind/);

produce_some(50);
same($nginx->wait_consumed, 'counted');

my %before = counters($nginx->scrape);


# in order, with Kafka there: also what comes meanwhile

$nginx->stop;
produce_some(50);
$nginx->start;
same($nginx->wait_consumed, 'stopped and started');
never_less('stopped and started');


# killed, all processes at once, in the middle of counting

for my $round (1 .. 5) {
    produce_some(30);
    $nginx->kill_all;
    produce_some(5);
    $nginx->start;
    same($nginx->wait_consumed, "killed and started, $round");
    never_less("killed and started, $round");
}


# with Kafka gone

broker->down;

for my $how (qw(stop kill_all)) {
    $nginx->$how;
    $nginx->start;
    wait_for(sub { $nginx->scrape->value('flow_exporter_ready') == 1 },
             'the flow series');
    same($nginx->scrape, "without Kafka: $how and start");
    never_less("without Kafka: $how and start");
}

broker->up;
produce_some(20);
same($nginx->wait_consumed(seconds => 40), 'Kafka is back');


# another size of the zone, another AS; the state is the same

$nginx->stop;
$nginx->configure(exporter => 'asn 64500 64501; transit on; zone 2m;');
$nginx->start;
produce_some(20);
same($nginx->wait_consumed, 'with another zone');
is($nginx->scrape->value('flow_exporter_durable'), 1, 'all of it is durable');

my @logs = glob $nginx->dir . '/state/default.log.*';
my @images = glob $nginx->dir . '/state/default.image.*';

is(scalar @images, 2, 'two images');
cmp_ok(scalar @logs, '<=', 3, 'and the logs since the older one');

$nginx->stop;

done_testing;


# Records of all directions, which the reference knows.

sub produce_some {
    my ($records) = @_;

    for (1 .. $records) {
        my $source = (64496, 64500, 64511)[$sent % 3];
        my $destination = (64500, 64511, 64496)[$sent / 3 % 3];
        my $direction = $source == 64500 ? 'transmit'
                        : $destination == 64500 ? 'receive' : 'transit';

        produce($nginx->topic, $sent % 3,
                record(as_src => $source, as_dst => $destination,
                       bytes => $sent));
        $sums{"flow_${direction}_bytes_total"}{"$source>$destination"}
            += $sent;
        $sent++;
    }
}


sub same {
    my ($scrape, $what) = @_;
    my %shown;

    for my $name (sort keys %sums) {
        $shown{$name} = { map { $_->{labels}{source_as} . '>'
                                . $_->{labels}{destination_as}
                                => $_->{value} }
                          $scrape->matching($name) };
    }

    is_deeply(\%shown, \%sums, "$what: each record once");
}


sub counters {
    my ($scrape) = @_;
    my %values;

    for my $series ($scrape->matching(undef)) {
        next if $series->{name} !~ /_(?:total|sum|count)$/;

        my $labels = join ',', map { "$_=$series->{labels}{$_}" }
                               sort keys %{ $series->{labels} };

        $values{"$series->{name}\{$labels}"} = $series->{value};
    }

    return %values;
}


# No counter is less than when it was looked at last.

sub never_less {
    my ($what) = @_;
    my %now = counters($nginx->scrape);

    is_deeply([grep { ($now{$_} // -1) < $before{$_} } sort keys %before], [],
              "$what: no counter went back");
    %before = %now;
}
