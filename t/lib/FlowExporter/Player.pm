# Plays flow records into a topic, as fast as they are counted, and keeps its
# own sums of them: the reference of the torture run, in a process of its own
# (see FlowExporter::Beside).
#
#     my $player = FlowExporter::Player->new(
#         seed    => 1,               of all that is random in the records
#         broker  => $broker,         or FlowExporter::Kafka
#         topic   => 'flows1', partitions => 4,
#         counted => $pipe);          lines "NEXT-OFFSET ...", one number a
#                                     partition, of what is counted for good
#
#     names()                         text of a file of the AS names
#     is_label(LABELS)                whether the labels, a hash, are those of
#                                     a series that can come of the records
#     ->turn                          plays a little, unless it is far ahead
#     ->play(TRANSIT)                 begins; whether there are transit series
#     ->pause                         ends; returns { lines => { line without
#                                     value => value }, ends => [ next offset
#                                     by partition ], messages, records }
#
# A message is made once and played many times: so the mock broker is the
# slowest of all, not this program.

package FlowExporter::Player;

use strict;
use warnings;

use IO::Handle;

use constant {
    OWN_AS     => 64500,
    FIRST_PEER => 64600,
    PEERS      => 100,

    # the mock keeps about 5 MB a partition
    AHEAD_MAX  => 2_000_000,

    AT_ONCE    => 400,       # messages
    MADE       => 300,       # messages to choose from
    REMADE     => 30,        # of them, each time that playing begins
};

# As they are, and as the exporter shows them

my @hosts = (['edge1.ams.example.net', 'edge1.ams.example.net'],
             ['edge2.ams.example.net', 'edge2.ams.example.net'],
             ['edge1.fra.example.net', 'edge1.fra.example.net'],
             ['a \"quoted\" host', 'a \"quoted\" host'],
             ["z\xc3\xbcrich", "z\xc3\xbcrich"],
             ['', '']);

my %is_host = map { $_->[1] => 1 } @hosts;


sub new {
    my ($class, %options) = @_;

    srand $options{seed};
    $options{broker}->reconnect;
    $options{counted}->blocking(0);

    my @partitions = 0 .. $options{partitions} - 1;

    my $self = bless {
        %options,
        messages => 0,
        records  => 0,
        lines    => {},
        unread   => '',
        next     => [map { 0 } @partitions],    # as counted
        ends     => [map { 0 } @partitions],
        played   => [map { [] } @partitions],   # [end, bytes] ...
    }, $class;

    $self->{pool} = [map { $self->message } 1 .. MADE];

    return $self;
}


sub name {
    my ($as) = @_;

    return "NET-$as Network number $as";
}


sub names {
    return join '', map { "$_ " . name($_) . ", DE\n" }
                    OWN_AS, FIRST_PEER .. FIRST_PEER + PEERS - 1;
}


sub is_label {
    my ($labels) = @_;

    return join(',', sort keys %$labels)
           eq 'destination_as,destination_as_name,hostname,'
              . 'source_as,source_as_name'
           && $is_host{ $labels->{hostname} }
           && !grep({ $labels->{"${_}_name"} ne name($labels->{$_}) }
                    'source_as', 'destination_as');
}


sub play {
    my ($self, $transit) = @_;

    $self->add_up;
    $self->{playing} = 1;
    $self->{transit} = $transit;
    $self->{pool}[rand MADE] = $self->message for 1 .. REMADE;

    return {};
}


sub pause {
    my ($self) = @_;

    $self->add_up;
    $self->{playing} = 0;

    return { map { $_ => $self->{$_} } qw(lines ends messages records) };
}


sub turn {
    my ($self) = @_;

    return 0 if !$self->{playing};

    $self->look_what_is_counted;

    my @near = grep { !$self->is_far_ahead($_) } 0 .. $#{ $self->{ends} }
        or return 0;

    $self->produce($near[rand @near]);

    return 1;
}


sub look_what_is_counted {
    my ($self) = @_;

    sysread $self->{counted}, $self->{unread}, 65536, length $self->{unread};

    $self->{unread} =~ s/^(?:.*\n)*(.*)\n//
        and $self->{next} = [split / /, $1];
}


sub is_far_ahead {
    my ($self, $partition) = @_;

    my ($played, $bytes) = ($self->{played}[$partition], 0);

    shift @$played
        while @$played && $played->[0][0] <= $self->{next}[$partition];
    $bytes += $_->[1] for @$played;

    return $bytes >= AHEAD_MAX;
}


sub produce {
    my ($self, $partition) = @_;

    my @messages = map { $self->{pool}[rand MADE] } 1 .. AT_ONCE;
    my $bytes = 0;

    my (undef, $end) = $self->{broker}->produce($self->{topic}, $partition,
                                                map { $_->{text} } @messages);

    for my $message (@messages) {
        $message->{times}++;
        $bytes += length($message->{text} // '');
        $self->{played_of}{$message} = $message;
    }

    $self->{ends}[$partition] = $end;
    push @{ $self->{played}[$partition] }, [$end, $bytes];
}


# Into the sums what was played since the last time.

sub add_up {
    my ($self) = @_;

    for my $message (values %{ delete $self->{played_of} // {} }) {
        my $times = delete $message->{times};
        my %adds = %{ $message->{adds} };

        for my $line (keys %adds) {
            next if $line =~ /^flow_transit_/ && !$self->{transit};

            $self->{lines}{$line} += $adds{$line} * $times;
        }

        $self->{messages} += $times;
        $self->{records} += $message->{records} * $times;
    }
}


# A message, and what it adds to which lines.

sub message {
    my ($self) = @_;

    my $message = { adds => {}, records => 0, times => 0 };
    my $kind = rand;

    if ($kind < 0.80) {
        $message->{text} = $self->flow($message);
        own($message, 'messages_total', result => 'decoded',
            topic => $self->{topic});

    } elsif ($kind < 0.94) {
        my @flows = map { $self->flow($message) } 1 .. 2 + int rand 20;

        $message->{text} = rand() < 0.5 ? join "\n", @flows
                                        : '[' . join(', ', @flows) . ']';
        own($message, 'messages_total', result => 'decoded',
            topic => $self->{topic});

    } else {
        $self->odd_message($message);
    }

    own($message, 'message_bytes_total', topic => $self->{topic},
        length($message->{text} // ''));

    return $message;
}


# By text, result of the message, result of its record, family and reason.

my @odd = (
    [undef, 'tombstone'],
    ['{"as_src": ', 'refused', 'invalid', 'invalid_records_total',
     'bad_json'],
    ['{"as_src": 1, "as_dst": 64500, "packets": 1}', 'decoded', 'invalid',
     'invalid_records_total', 'missing_bytes'],
    ['{"as_src": 1, "as_dst": 64500}', 'decoded', 'skipped',
     'skipped_records_total', 'no_counters'],
    ['{"event_type": "purge_init", "writer_id": "1"}', 'decoded', 'skipped',
     'skipped_records_total', 'event_type'],
);


sub odd_message {
    my ($self, $message) = @_;

    my ($text, $result, $record, $family, $reason) = @{ $odd[rand @odd] };

    $message->{text} = $text;
    own($message, 'messages_total', result => $result,
        topic => $self->{topic});

    if (defined $record) {
        own($message, 'records_total', result => $record);
        own($message, $family, reason => $reason);
        $message->{records}++;
    }
}


sub flow {
    my ($self, $message) = @_;

    my $peer = FIRST_PEER + int rand PEERS;
    my ($source, $destination, $direction) = (OWN_AS, $peer, 'transmit');
    my $host = $hosts[rand @hosts];
    my $bytes = 1 + int rand 1_000_000_000;
    my $kind = rand;

    if ($kind < 0.6) {
        ($source, $destination, $direction) = ($peer, OWN_AS, 'receive');

    } elsif ($kind < 0.7) {
        ($source, $direction) = (FIRST_PEER, 'transit');
    }

    own($message, 'records_total', result => $direction);
    $message->{adds}{"flow_${direction}_bytes_total"
        . labels(destination_as => $destination,
                 destination_as_name => name($destination),
                 hostname => $host->[1], source_as => $source,
                 source_as_name => name($source))} += $bytes;
    $message->{records}++;

    return sprintf '{"event_type": "purge", "label": "%s", "as_src": %d, '
        . '"as_dst": %d, "iface_in": %d, "ip_proto": "tcp", "packets": %d, '
        . '"bytes": %d}', $host->[0], $source, $destination, rand 100,
        1 + rand 1000, $bytes;
}


# One of the exporter's own counters; an odd last argument is what is added.

sub own {
    my ($message, $name, @labels) = @_;

    my $add = @labels % 2 ? pop @labels : 1;

    $message->{adds}{"flow_exporter_$name"
                     . labels(exporter => 'default', @labels)} += $add;
}


sub labels {
    my @labels = @_;
    my @written;

    push @written, sprintf '%s="%s"', splice @labels, 0, 2 while @labels;

    return '{' . join(',', @written) . '}';
}


1;
