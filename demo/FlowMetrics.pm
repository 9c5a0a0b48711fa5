# What the demo reads out of a scrape.

package FlowMetrics;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(compare note_next_offsets progress thousands);


# Puts each partition's next offset into the list.

sub note_next_offsets {
    my ($metrics, $next) = @_;

    while ($metrics =~ /^flow_exporter_next_offset\{(.*)\} (\d+)$/mg) {
        my ($labels, $offset) = ($1, $2);
        $next->[$1] = $offset if $labels =~ /partition="(\d+)"/;
    }
}


# Adds up the values of the lines of a family.

sub total {
    my ($metrics, $family) = @_;
    my $sum = 0;

    $sum += $1 while $metrics =~ /^$family(?:\{.*\})? (\d+)$/mg;

    return $sum;
}


# A line of what the exporter has done so far.

sub progress {
    my ($elapsed, $metrics) = @_;

    my $bytes = total($metrics, 'flow_receive_bytes_total')
                + total($metrics, 'flow_transmit_bytes_total');

    return sprintf "%5d s  %s records consumed  %s series  %s bytes counted\n",
        $elapsed, map { thousands($_) }
        total($metrics, 'flow_exporter_records_total'),
        scalar(() = $metrics =~ /^flow_(?:receive|transmit)_bytes_total\{/mg),
        $bytes;
}


sub thousands {
    my $text = reverse shift;

    $text =~ s/(\d{3})(?=\d)/$1,/g;

    return scalar reverse $text;
}


# Every line that was to be there is there with its value, and no other line
# of these families.

sub compare {
    my ($expected, $metrics) = @_;

    my (%shown, @differences);

    while ($metrics =~ /^(flow_\w+\{.*\}) (\S+)$/mg) {
        my ($line, $value) = ($1, $2);

        next if $line =~ /^flow_exporter_(?!(?:records|messages)_total)/;

        push @differences, "$line\n  shown twice\n" if exists $shown{$line};
        $shown{$line} = $value
            if $line !~ /^flow_exporter_/ || $value ne '0'
               || exists $expected->{$line};
    }

    for my $line (sort keys %{ { %$expected, %shown } }) {
        my ($played, $counted) = map { $_ // 'none' }
                                     $expected->{$line}, $shown{$line};

        push @differences, "$line\n  played $played, shown $counted\n"
            if $played ne $counted;
    }

    my $series = grep { /^flow_(?!exporter_)/ } keys %$expected;

    if (@differences || $series == 0) {
        print @differences > 10 ? @differences[0 .. 9] : @differences;
        print "NOT EQUAL: ", scalar @differences, " lines differ, of ",
            thousands($series), " series\n";
        return 0;
    }

    print "equal: all ", thousands($series), " series show exactly what was",
        " played, and no other series is there\n";
    return 1;
}


1;
