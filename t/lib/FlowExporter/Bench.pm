# What measurements share: programs of build/bench, repetition, and the table.
#
#     repeat(CODE)              an array of what it returned, REPEATS (3) times
#     program(NAME, ARGUMENTS)  words that the program has printed; dies where
#                               it fails
#     background(NAME, ...), end_background(PIDS)
#     cpu(PID)                  CPU seconds of all threads of a process
#     private_bytes(PID)        memory that is not shared
#     column(RUNS, N, FACTOR)   an array of the n-th values
#     inverse(RUNS, N, NUMBER)  the same of NUMBER / value
#     row(WHAT, UNIT, OURS, AGAINST, THEIRS)  a line of the table: the ratio
#                               of each run with its own floor
#     bench_finish(PATH)        the table as Markdown, with the machine

package FlowExporter::Bench;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes;

our @EXPORT = qw(repeat program background end_background cpu private_bytes
                 column inverse row bench_finish);

my $repeats = $ENV{REPEATS} || 3;
my (@rows, %background);


sub repeat {
    my ($code) = @_;

    return map { $code->() } 1 .. $repeats;
}


sub program {
    my ($name, @arguments) = @_;

    open my $output, '-|', "$FlowExporter::root/build/bench/$name", @arguments
        or die "cannot run $name: $!\n";

    my @words = map { split } <$output>;

    close $output or die "$name has failed\n";

    return @words;
}


sub background {
    my ($name, @arguments) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec "$FlowExporter::root/build/bench/$name", @arguments;
        die "cannot run $name: $!\n";
    }

    $background{$pid} = $$;

    return $pid;
}


sub end_background {
    for my $pid (@_) {
        delete $background{$pid};
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}


# A process's CPU clock, as clock_getcpuclockid() numbers it.

sub cpu {
    my ($pid) = @_;

    return Time::HiRes::clock_gettime((-$pid - 1) * 8 + 2);
}


sub private_bytes {
    my ($pid) = @_;
    my $sum = 0;

    $sum += $_ * 1024 for FlowExporter::slurp("/proc/$pid/smaps_rollup")
                          =~ /^Private_\w+:\s+(\d+) kB/mg;

    return $sum;
}


sub column {
    my ($runs, $n, $factor) = @_;

    return [map { $_->[$n] * $factor } @$runs];
}


sub inverse {
    my ($runs, $n, $number) = @_;

    return [map { $number / $_->[$n] } @$runs];
}


sub row {
    my ($what, $unit, $ours, $against, $theirs) = @_;
    my @row = ($what, spread($ours) . ($unit ne '' ? " $unit" : ''), '', '');

    if (defined $against) {
        $row[2] = "$against: " . number(median($theirs))
                  . ($unit ne '' ? " $unit" : '');
        $row[3] = spread([map { $ours->[$_] / $theirs->[$_] } 0 .. $#$ours]);
    }

    push @rows, \@row;
    print join(' | ', grep { $_ ne '' } @row), "\n";
}


# Median, and what it lies between.

sub spread {
    my ($values) = @_;
    my @sorted = sort { $a <=> $b } @$values;

    return number($sorted[0]) if @sorted == 1;
    return number(median($values)) . ' (' . number($sorted[0]) . ' to '
           . number($sorted[-1]) . ')';
}


sub median {
    my ($values) = @_;
    my @sorted = sort { $a <=> $b } @$values;

    return $sorted[$#sorted / 2];
}


# Three digits, and commas.

sub number {
    my ($value) = @_;

    my $digits = abs $value >= 100 ? 0 : abs $value >= 10 ? 1
                                       : abs $value >= 1 ? 2 : 3;
    my $text = sprintf "%.${digits}f", $value;

    1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;

    return $text;
}


sub bench_finish {
    my ($path) = @_;

    my ($model) = FlowExporter::slurp('/proc/cpuinfo')
                  =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = FlowExporter::slurp('/proc/cpuinfo') =~ /^processor/mg;
    my $text = "$cores cores, " . ($model // 'unknown CPU') . "; $repeats "
               . "times each: median (minimum to maximum)\n\n"
               . "| what | measured | against | ratio |\n"
               . "| --- | --- | --- | --- |\n"
               . join('', map { '| ' . join(' | ', @$_) . " |\n" } @rows);

    FlowExporter::spew("$FlowExporter::root/$path", $text);
    print "\n$text\nin $path\n";
}


END {
    local ($?, $!);

    end_background(grep { $background{$_} == $$ } keys %background);
}


1;
