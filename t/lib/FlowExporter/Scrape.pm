# What a scrape shows.
#
#     my $scrape = FlowExporter::Scrape->get(URL);
#
#     $scrape->text                     the body
#     $scrape->flows                    its part before flow_exporter_...
#     $scrape->value(NAME, LABELS)      of the one series with these labels,
#                                       others may have any value; undef: none
#     $scrape->sum(NAME, LABELS)        over all such series, a Math::BigInt
#     $scrape->all(NAME, LABELS)        those series' lines
#     $scrape->matching(NAME, LABELS)   those series, as hashes
#
# Values are strings, exact.  "get" fails the test where promtool says
# anything, where the reply is not one to a scrape, and where the sums that a
# user may rely on do not hold: skipped and invalid records are the sums of
# their reasons.  A reader sees each counter whole, but not a batch: the sums
# are given a few tries.

package FlowExporter::Scrape;

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use IPC::Open3 qw(open3);
use Math::BigInt;
use Symbol qw(gensym);
use Test::More ();

# promtool takes longer than nginx: not twice for the same lines with other
# numbers

my %seen;


sub get {
    my ($class, $url) = @_;

    my ($self, @wrong);

    for (1 .. 50) {
        my $reply = FlowExporter::http(GET => $url);

        $reply->{status} == 200
            or die "$url: $reply->{status} $reply->{reason}\n"
                   . ($reply->{status} == 599 ? $reply->{content} : '');

        $self = $class->new($reply->{content}, $url);

        @wrong = $self->wrong_sums or last;
        select undef, undef, undef, 0.02;
    }

    $self->check;
    Test::More::fail("$url: $_") for @wrong;

    return $self;
}


# Parses a body; dies where it is not in the text format.

sub new {
    my ($class, $text, $url) = @_;

    my $self = bless { text => $text, url => $url // 'scrape', names => {} },
                     $class;
    my %seen;

    while ($text =~ /^(.*)$/mg) {
        my $line = $1;

        next if $line =~ /^#/;

        $line =~ /^(([a-z0-9_]+)(?:\{(.*)\})?) (\S+)$/
            or die "$self->{url}: no line of the text format: $line\n";

        $seen{$1}++ and die "$self->{url}: twice: $1\n";

        push @{ $self->{names}{$2} },
            { name => $2, line => $line, value => $4, text => $3 // '' };
    }

    return $self;
}


# Values stay escaped.

sub parse_labels {
    my ($text) = @_;
    my %labels;

    while ($text =~ /\G([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|\z)/gc) {
        $labels{$1} = $2;
    }

    (pos $text // 0) == length $text or die "no labels: {$text}\n";

    return %labels;
}


sub text {
    my ($self) = @_;

    return $self->{text};
}


sub flows {
    my ($self) = @_;

    return $self->{text} =~ s/^# HELP flow_exporter_.*//msr;
}


# All series of a name with these labels, or all series at all: hashes with
# name, labels, value and line.

sub matching {
    my ($self, $name, %labels) = @_;

    my @series = defined $name ? @{ $self->{names}{$name} // [] }
                               : map { @$_ } values %{ $self->{names} };

    for my $series (@series) {
        $series->{labels} //= { parse_labels($series->{text}) };
    }

    return grep {
        my $series = $_;

        !grep { ($series->{labels}{$_} // '') ne $labels{$_} } keys %labels;
    } @series;
}


sub value {
    my ($self, $name, @labels) = @_;

    my @series = $self->matching($name, @labels);

    @series <= 1 or die "more than one series: $name (@labels)\n";

    return @series ? $series[0]{value} : undef;
}


sub sum {
    my ($self, @series) = @_;

    my $sum = Math::BigInt->new(0);

    $sum += $_->{value} for $self->matching(@series);

    return $sum;
}


sub all {
    my ($self, @series) = @_;

    return map { $_->{line} } $self->matching(@series);
}


# What holds for every scrape of an exporter, in words where it does not.

sub wrong_sums {
    my ($self) = @_;

    return map { $self->wrong_sum("flow_exporter_records_total", $_,
                                  "flow_exporter_${_}_records_total") }
           qw(skipped invalid);
}


sub wrong_sum {
    my ($self, $name, $result, $by_reason) = @_;

    my $records = $self->sum($name, result => $result);
    my $reasons = $self->sum($by_reason);

    return $records == $reasons ? ()
           : "$records $result records, by reason they are $reasons";
}


# The form of the text; the numbers are another matter.

sub check {
    my ($self) = @_;

    my $form = $self->{text} =~ s/ [0-9]+(?:\.[0-9]+)?$/ 1/gmr;

    return if $seen{sha1_hex($form)}++;

    my $said = promtool(small_families($self->{text}));

    if ($said ne '') {
        Test::More::fail("$self->{url}: promtool is silent");
        Test::More::diag($said);
    }
}


# promtool compares each series of a family with each other one, which takes
# hours where they are very many: all but the first go to it by families of
# other names.

sub small_families {
    my ($text) = @_;
    my @families;

    for my $family (split /^(?=# HELP )/m, $text) {
        my ($head, @series) = split /^(?!#)/m, $family;
        my $part = 0;

        push @families, join '', $head, splice @series, 0, 50;

        while (@series) {
            $part++;
            push @families, join('', $head, splice @series, 0, 50)
                            =~ s/^(?:# [A-Z]+ )?\K/part${part}_/gmr;
        }
    }

    return join '', @families;
}


# Returns what "promtool check metrics" says.

sub promtool {
    my ($text) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $pid = open3(my $in, my $out, my $error = undef,
                    'promtool', 'check', 'metrics');

    print $in $text;
    close $in;

    my $said = do { local $/; <$out> } // '';
    waitpid $pid, 0;

    return $said . ($? == 0 || $said ne '' ? '' : "promtool: status $?\n");
}


1;
