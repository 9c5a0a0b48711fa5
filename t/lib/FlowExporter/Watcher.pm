# Scrapes over and over, as many a Prometheus would, and judges each reply
# that is whole: it is well-formed, no label is torn, and no counter is less
# than in any scrape before.  In a process of its own (see
# FlowExporter::Beside).
#
#     my $watcher = FlowExporter::Watcher->new(
#         url     => 'http://127.0.0.1:1234/metrics',
#         topic   => 'flows1',
#         keep    => FILE,            where a wrong reply is left
#         counted => $pipe);          is told what is counted for good, see
#                                     FlowExporter::Player
#
#     ->turn                          one scrape; dies of what is wrong
#     ->report                        { whole, withheld: those of them without
#                                     flow series, none: no whole reply }
#
# A reply that is not whole is left out: so a client learns that it must not
# take a part for the whole.
#
# What counts the exporter's own work, and not what is in Kafka, cannot be
# counted again: of that, what was shown while the state files did not have it
# may be lost with the zone.

package FlowExporter::Watcher;

use strict;
use warnings;

use HTTP::Tiny;
use IO::Handle;

use FlowExporter::Player;

my $work = qr/^flow_exporter_(?:starts|duplicate_messages|kafka_errors|
              commits|commit_failures|log_bytes|commit_duration)_/x;


sub new {
    my ($class, %options) = @_;

    $options{counted}->blocking(0);

    return bless {
        %options,
        http  => HTTP::Tiny->new(timeout => 20, keep_alive => 0),
        last  => {},     # by line without value
        work  => {},     # the same, in the last scrape
        known => {},     # lines whose labels have been looked at
        whole => 0, withheld => 0, none => 0,
    }, $class;
}


sub report {
    my ($self) = @_;

    return { map { $_ => $self->{$_} } qw(whole withheld none) };
}


sub turn {
    my ($self) = @_;

    my $reply = $self->{http}->get($self->{url});

    # not whole, or nobody there

    if ($reply->{status} == 599) {
        $self->{none}++;
        return 0;
    }

    eval {
        $reply->{status} == 200 or die "status $reply->{status}\n";
        $self->judge($reply->{content});
        1;
    }
        or $self->wrong($reply->{content}, $@);

    $self->{whole}++;
    $self->{withheld}++ if $reply->{content} !~ /^flow_(?!exporter_)/m;
    $self->tell($reply->{content});

    return 0;
}


sub wrong {
    my ($self, $text, $what) = @_;

    open my $file, '>', $self->{keep} or die "\"$self->{keep}\": $!\n";
    print $file $text;
    close $file;

    my @now = localtime;

    die sprintf('scrape at %02d:%02d:%02d: ', @now[2, 1, 0]) . $what;
}


# Families one by one: HELP, TYPE, then their lines.

sub judge {
    my ($self, $text) = @_;

    my (%seen, $family, $type);

    $text =~ /\n\z/ or die "does not end with a line's end\n";

    $self->keep_work($text =~ /^flow_exporter_durable\{.*\} 1$/m);

    for my $line (split /\n/, $text) {

        if ($line =~ /^# HELP (\w+) \S/) {
            $seen{$1}++ and die "family twice: $1\n";
            ($family, $type) = ($1, undef);

        } elsif ($line =~ /^# TYPE (\w+) (counter|gauge|summary)\z/) {
            $1 eq ($family // '') && !defined $type
                or die "not where it belongs: $line\n";
            $type = $2;

        } elsif ($line =~ /^((\w+)(?:\{.*\})?) ([0-9]+(?:\.[0-9]+)?)\z/) {
            my ($series, $name, $value) = ($1, $2, $3);

            defined $type
                && ($name eq $family || $type eq 'summary'
                    && $name =~ /^\Q$family\E_(?:sum|count)\z/)
                or die "not where it belongs: $line\n";

            $seen{$series}++ and die "twice: $series\n";
            $self->judge_labels($series, $name);
            $self->judge_value($series, $value) if $type ne 'gauge';

        } else {
            die "no line of the text format: $line\n";
        }
    }
}


sub judge_labels {
    my ($self, $series, $name) = @_;

    return if $self->{known}{$series};

    my %labels = FlowExporter::Scrape::parse_labels(
        $series =~ s/^\w+(?:\{(.*)\})?\z/$1 \/\/ ''/er);

    if ($name =~ /^flow_exporter_/) {
        ($labels{exporter} // '') eq 'default' or die "labels: $series\n";

    } else {
        FlowExporter::Player::is_label(\%labels) or die "labels: $series\n";
    }

    $self->{known}{$series} = 1;
}


sub judge_value {
    my ($self, $series, $value) = @_;

    my $last = $self->{last}{$series} // 0;

    $value >= $last or die "went back from $last to $value: $series\n";

    $self->{ $series =~ $work ? 'work' : 'last' }{$series} = $value;
}


# Durable is what was shown between two scrapes that say so.

sub keep_work {
    my ($self, $durable) = @_;

    my $work = delete $self->{work};

    if ($durable && $self->{durable}) {
        $self->{last}{$_} = $work->{$_} for keys %$work;
    }

    $self->{durable} = $durable;
    $self->{work} = {};
}


# What is not in the state files may have to be read from Kafka again.

sub tell {
    my ($self, $text) = @_;

    my %next;

    return if $text !~ /^flow_exporter_durable\{.*\} 1$/m;

    while ($text =~ /^flow_exporter_next_offset\{(.*)\} (\d+)$/mg) {
        my ($labels, $offset) = ($1, $2);
        my %labels = FlowExporter::Scrape::parse_labels($labels);

        $next{ $labels{partition} } = $offset
            if $labels{topic} eq $self->{topic};
    }

    return if !%next;

    # one that the pipe does not take is followed by others

    syswrite $self->{counted},
        join(' ', map { $next{$_} // 0 } 0 .. $self->{partitions} - 1) . "\n";
}


1;
