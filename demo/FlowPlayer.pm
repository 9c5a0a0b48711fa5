# Plays flow records as several pmacct daemons write them to Kafka, and keeps
# its own sums of what it has played, by which the exporter is judged.
#
# A round is one purge of one router's cache: records of many AS pairs, each
# round with new bytes, spread over the partitions as pmacct spreads them.

package FlowPlayer;

use strict;
use warnings;

use POSIX qw(strftime);


# The routers of the example network.  One has no label, as where pmacct has
# no pre_tag_map: the exporter takes its address.  One packs several records
# into a message (kafka_multi_values), one sends markers (kafka_markers).

my @routers = (
    { label => 'edge1.ams.example.net', address => '192.0.2.1', share => 5 },
    { label => 'edge2.ams.example.net', address => '192.0.2.2', share => 4,
      records_per_message => 8 },
    { label => 'edge1.fra.example.net', address => '192.0.2.17', share => 5,
      markers => 1 },
    { label => 'edge1.lon.example.net', address => '192.0.2.33', share => 3 },
    { label => 'edge1.nyc.example.net', address => '2001:db8:5::1',
      share => 2 },
    { label => '', address => '198.51.100.9', share => 1 },
);

my $own_as = 64500;

# Those from which an access network gets most of its bytes, heaviest first.

my @content = (15169, 2906, 20940, 32934, 16509, 13335, 54113, 714, 8075,
               46489, 60068, 32590, 57976, 396982, 16276, 24940);

my $records_per_round = 150;


# "names" is the file of AS names that the exporter loads too.

sub new {
    my ($class, %options) = @_;

    my $self = bless {
        partitions => $options{partitions},
        names      => read_names($options{names}),
        bytes      => {},     # by the exporter's whole line, its value apart
        results    => { map { $_ => 0 } qw(receive transmit transit skipped) },
        messages   => 0,
        records    => 0,
    }, $class;

    my %heavy = map { $_ => 1 } @content;

    $self->{peers} = [
        (grep { exists $self->{names}{$_} } @content),
        (sort { ($a * 7919) % 10007 <=> ($b * 7919) % 10007 || $a <=> $b }
         grep { !$heavy{$_} && $_ != $own_as } keys %{ $self->{names} }),
    ];

    return $self;
}


# "15169  GOOGLE, US": the name is what stands before the country.

sub read_names {
    my ($path) = @_;
    my %names;

    open my $file, '<', $path or die "cannot open \"$path\": $!\n";

    while (my $line = <$file>) {
        $line =~ /^(\d+)\s+(.*), [A-Z]{2}$/
            or die "\"$path\", line $.: not \"NUMBER NAME, COUNTRY\"\n";
        $names{$1} = $2;
    }

    return \%names;
}


# Returns the messages of one round: a list of values a partition.

sub round {
    my ($self) = @_;

    my $router = pick_router();
    my $writer = "$router->{address}/" . (1000 + int rand 30000);
    my @records = map { $self->record($router, $writer) }
                  1 .. 1 + int rand 2 * $records_per_round;
    my $per_message = $router->{records_per_message} // 1;
    my $entries = @records;
    my @messages;

    if ($per_message > 1) {
        while (my @several = splice @records, 0, $per_message) {
            push @messages, join '', map { "$_\n" } @several;
        }

    } else {
        @messages = @records;
    }

    if ($router->{markers}) {
        unshift @messages, $self->marker('purge_init', $writer, '');
        push @messages, $self->marker('purge_close', $writer,
            sprintf ', "purged_entries": %d, "total_entries": %d, '
                    . '"duration": 0', $entries, $entries);
    }

    $self->{messages} += @messages;

    my @partitions = map { [] } 1 .. $self->{partitions};

    for my $message (@messages) {
        push @{ $partitions[rand @partitions] }, $message;
    }

    return @partitions;
}


sub pick_router {
    my $total = 0;

    $total += $_->{share} for @routers;

    my $point = rand $total;

    for my $router (@routers) {
        $point -= $router->{share};
        return $router if $point < 0;
    }

    return $routers[-1];
}


sub marker {
    my ($self, $type, $writer, $rest) = @_;

    $self->{results}{skipped}++;
    $self->{records}++;

    return qq({"event_type": "$type", "writer_id": "$writer"$rest});
}


# One in three goes out, one in fifty crosses the network.

sub record {
    my ($self, $router, $writer) = @_;

    my ($source, $destination) = ($self->peer, $own_as);
    my $result = 'receive';
    my $size = 200 + int rand 1200;
    my $kind = rand;

    if ($kind < 0.02) {
        $destination = $self->peer;
        $result = 'transit';

    } elsif ($kind < 0.35) {
        ($source, $destination) = ($own_as, $source);
        $result = 'transmit';
        $size = 60 + int rand 300;
    }

    my $packets = 1 + int exp rand 12;
    my $bytes = $packets * $size;

    $self->count($result, $source, $destination, $router, $bytes);

    my $now = time;

    return sprintf '{"event_type": "purge", "label": "%s", "as_src": %d, '
        . '"as_dst": %d, "peer_ip_src": "%s", "iface_in": %d, '
        . '"iface_out": %d, "ip_proto": "%s", "sampling_rate": 1, '
        . '"stamp_inserted": "%s", "stamp_updated": "%s", "packets": %d, '
        . '"bytes": %d, "writer_id": "%s"}',
        $router->{label}, $source, $destination, $router->{address},
        1 + $source % 7, 1 + $destination % 7, rand() < 0.7 ? 'tcp' : 'udp',
        strftime('%Y-%m-%d %H:%M:00', localtime $now),
        strftime('%Y-%m-%d %H:%M:%S', localtime $now),
        $packets, $bytes, $writer;
}


# The first of the list are met far more often than the last.

sub peer {
    my ($self) = @_;
    my $peers = $self->{peers};

    return $peers->[@$peers ** rand() - 1];
}


sub count {
    my ($self, $result, $source, $destination, $router, $bytes) = @_;

    $self->{records}++;
    $self->{results}{$result}++;

    return if $result eq 'transit';

    my $host = $router->{label} ne '' ? $router->{label} : $router->{address};
    my $line = sprintf 'flow_%s_bytes_total{destination_as="%d",'
        . 'destination_as_name="%s",hostname="%s",source_as="%d",'
        . 'source_as_name="%s"}',
        $result, $destination, $self->{names}{$destination}, $host, $source,
        $self->{names}{$source};

    $self->{bytes}{$line} += $bytes;
}


# What the exporter has to show, by line without value.

sub expected {
    my ($self) = @_;

    my %lines = %{ $self->{bytes} };

    for my $result (keys %{ $self->{results} }) {
        $lines{"flow_exporter_records_total{exporter=\"default\","
               . "result=\"$result\"}"} = $self->{results}{$result};
    }

    $lines{'flow_exporter_messages_total{exporter="default",'
           . 'result="decoded",topic="pmacct.acct"}'} = $self->{messages};

    return \%lines;
}


1;
