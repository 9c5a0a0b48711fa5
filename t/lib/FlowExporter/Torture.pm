# The torture run: flow records are played in at full speed while faults of
# all kinds come at random, and nginx is scraped all the time.
#
#     FlowExporter::Torture::run(
#         seed    => 1,          of all that is random, time apart
#         broker  => 'mock',     or 'kafka', Apache Kafka itself
#         seconds => 600,        or rounds => 5
#         kinds   => [KIND ...]) of faults; else all that can be
#
# A round is some faults (FlowExporter::Faults); then playing pauses, and when
# all that was played is counted, what nginx shows has to be the reference sum
# (FlowExporter::Player), series by series.  What is scraped meanwhile is
# judged by FlowExporter::Watcher.
#
# The run ends at the first thing that is wrong, prints the seed, and leaves
# the directory.

package FlowExporter::Torture;

use strict;
use warnings;

use File::Temp ();
use List::Util qw(shuffle sum0);
use Test::More ();
use Time::HiRes qw(time);

use FlowExporter;
use FlowExporter::Beside;
use FlowExporter::Faults;
use FlowExporter::Player;
use FlowExporter::Watcher;

use constant {
    PARTITIONS     => 4,
    FAULTS_A_ROUND => 8,         # at the most
    STATE_SIZE     => '48m',
};

# of the reference; what it does not have is 0

my $compared = qr/^flow_(?!exporter_)|^flow_exporter_(?:
                  message_bytes|messages|records|skipped_records|
                  invalid_records|overflow_records|gap_offsets|
                  skipped_offsets)_total\{/x;

# Of Apache Kafka, for long runs: what is older goes; the player is never so
# far ahead.

my %kept_records = ('log.segment.bytes'               => 32 << 20,
                    'log.retention.bytes'             => 128 << 20,
                    'log.retention.check.interval.ms' => 20_000);

my $kept;       # the state directory that is a file system of its own


sub run {
    my (%options) = @_;

    my $mounts = own_mounts();
    my $self = bless { %options, dir => '' }, __PACKAGE__;

    eval {
        $self->set_up($mounts);
        $self->warm_up;
        $self->go_through_rounds;

        if (Test::More->builder->is_passing) {
            $self->tell;
            $self->{nginx}->stop;
        }

        1;
    }
        or Test::More::fail($@ =~ s/\n\z//r);

    $self->leave if !Test::More->builder->is_passing;
}


# A file system that is mounted by this program ends with it, however that
# ends.  Returns whether there can be one.

sub own_mounts {
    return 1 if $ENV{TORTURE_MOUNTS};
    return 0 if $> != 0
                || system('unshare --mount true 2>/dev/null') != 0;

    $ENV{TORTURE_MOUNTS} = 1;
    $ENV{PERL5LIB} = join ':', @INC;

    exec 'unshare', '--mount', $^X, $0 or die "cannot run unshare: $!\n";
}


sub set_up {
    my ($self, $mounts) = @_;

    my %brokers = (
        mock  => sub { broker },
        kafka => sub {
            FlowExporter::Kafka->start(properties => \%kept_records);
        },
    );
    my $start = $brokers{ $self->{broker} }
        or die "no such broker: $self->{broker}\n";

    my $nginx = $self->{nginx} = FlowExporter::Nginx->new(
        topic => 'torture', partitions => PARTITIONS, broker => $start->());

    Test::More::note("seed $self->{seed}");
    srand $self->{seed};

    $self->{dir} = $nginx->dir;
    $self->{mounted} = $mounts && mount_state($nginx->dir . '/state');

    # of those that are killed, and of the master that misses them

    $nginx->allow(qr/exited on signal 9|sendmsg\(\) failed|kill\(.*\) failed/);

    spew($nginx->dir . '/as-names.txt', FlowExporter::Player::names());
    $self->{faults} = FlowExporter::Faults->new($self);
    $self->{faults}->configure(transit => 1, zone => '2m');
    $nginx->start;

    pipe my $read, my $write or die "no pipe: $!\n";

    my %shared = (topic => $nginx->topic, partitions => PARTITIONS);

    $self->{player} = FlowExporter::Beside->start(sub {
        FlowExporter::Player->new(%shared, counted => $read,
            seed => $self->{seed}, broker => $nginx->broker);
    });

    $self->{watcher} = FlowExporter::Beside->start(sub {
        FlowExporter::Watcher->new(%shared, counted => $write,
            url => $nginx->url, keep => "$self->{dir}/scrape");
    });
}


sub mount_state {
    my ($dir) = @_;

    my ($user, $group) = (getpwnam 'nobody')[2, 3];

    mkdir $dir or die "mkdir \"$dir\": $!\n";

    system('mount', '-t', 'tmpfs', '-o', 'size=' . STATE_SIZE
           . ",mode=0700,uid=$user,gid=$group", 'tmpfs', $dir) == 0
        or return 0;

    $kept = $dir;

    return 1;
}


# The first fault finds all at work.

sub warm_up {
    my ($self) = @_;

    my $url = $self->{nginx}->url;

    $self->{player}->ask('play', $self->{faults}->transit);
    $self->wait(sub {
        return FlowExporter::http(GET => $url)->{content}
               =~ /^flow_receive_bytes_total\{/m;
    }, 'the first flows');
}


# Every kind comes once before one comes again.

sub go_through_rounds {
    my ($self) = @_;

    my $end = ($self->{begun} = time) + ($self->{seconds} // 0);
    my @kinds = @{ $self->{kinds} // [] };

    @kinds = $self->{faults}->kinds($self->{mounted}) if !@kinds;

    my (@next, $round);

    do {
        my @faults;

        for (0 .. rand FAULTS_A_ROUND) {
            @next = shuffle(@kinds) if !@next;
            push @faults, shift @next;
        }

        $self->round(++$round, @faults);

    } while (Test::More->builder->is_passing
             && (defined $self->{seconds} ? time < $end
                 : $round < $self->{rounds}
                   || grep { !$self->{faults}->count($_) } @kinds));
}


sub round {
    my ($self, $round, @faults) = @_;

    $self->{player}->ask('play', $self->{faults}->transit);

    for my $fault (@faults) {

        # at any time between two commits

        select undef, undef, undef, rand $self->{faults}->commit;

        $self->{log} = length $self->{nginx}->log;
        $self->{faults}->bring($fault);
        $self->{watcher}->ask('report');
    }

    my @differences = $self->settle;

    Test::More::ok(!@differences, "round $round (" . join(', ', @faults)
                   . "): $self->{records} records, each once")
        or Test::More::diag(@differences > 10 ? @differences[0 .. 9]
                                              : @differences);
    $self->{watcher}->ask('report');
}


# Pauses, waits until all is counted, and compares.  Returns differences.

sub settle {
    my ($self) = @_;

    my $played = $self->{player}->ask('pause');
    my $counted = sub { $self->scrape_counted($played->{ends}) };

    $self->{records} = $played->{records};

    # the first one may have begun before the last was counted

    $self->wait($counted, 'all that was played to be counted');

    return $self->compare($played, $self->wait($counted, 'another scrape'));
}


# A scrape by which all is counted and safe, or undef.

sub scrape_counted {
    my ($self, $ends) = @_;

    my $reply = FlowExporter::http(GET => $self->{nginx}->url);
    my $text = $reply->{content};
    my %next = $text =~ /^flow_exporter_next_offset\{
                         .*partition="(\d+)".*\}\ (\d+)$/mgx;

    return $reply->{status} == 200
           && !grep({ ($next{$_} // 0) < $ends->[$_] } 0 .. $#$ends)
           && $text =~ /^flow_exporter_durable\{.*\} 1$/m
           && $text =~ /^flow_receive_bytes_total\{/m
           && $text;
}


sub compare {
    my ($self, $played, $text) = @_;

    my %shown = map { /$compared/ && /^(.*) (\S+)\z/ && $2 ne '0' ? ($1, $2)
                                                                  : () }
                split /\n/, $text;
    my $lines = $played->{lines};
    my $messages = 0;

    spew("$self->{dir}/counted", $text);
    $messages += $shown{$_} for grep { /^flow_exporter_messages_/ } keys %shown;

    my $stored = sum0(@{ $played->{ends} });
    my @differences = $messages == $played->{messages}
                      && $stored == $messages ? ()
        : "played $played->{messages} messages, stored $stored, counted "
          . "$messages\n";

    for my $line (sort keys %{ { %shown, %$lines } }) {
        my ($is, $was) = map { $_ // 0 } $shown{$line}, $lines->{$line};

        push @differences, "$line\n  played $was, shown $is\n" if $is != $was;
    }

    return @differences;
}


# Faults take what time they take: the bound is for what never comes.

sub wait {
    my ($self, $condition, $what) = @_;

    return FlowExporter::wait_for($condition, $what, 150);
}


sub tell {
    my ($self) = @_;

    my $faults = $self->{faults};
    my $seen = $self->{watcher}->ask('report');
    my $seconds = time - $self->{begun};
    my $total = 0;

    for my $kind ($faults->counted) {
        Test::More::note(sprintf '%6d  %s', $faults->count($kind), $kind);
        $total += $faults->count($kind);
    }

    Test::More::note(sprintf '%6d  faults in %d s, %.0f a minute', $total,
                     $seconds, 60 * $total / $seconds);
    Test::More::note("$self->{records} records; $seen->{whole} scrapes,"
                     . " $seen->{withheld} of them without flow series,"
                     . " $seen->{none} more not whole");
    Test::More::note('no file system of its own: the disk was never full')
        if !$self->{mounted};
    Test::More::cmp_ok($seen->{whole} - $seen->{withheld}, '>', $total / 10,
                       'it was scraped all the time');
}


# For whoever looks into it.

sub leave {
    my ($self) = @_;

    $File::Temp::KEEP_ALL = 1;
    system('cp', '-a', $kept, "$self->{dir}/state-kept") if defined $kept;

    Test::More::diag("TORTURE_SEED=$self->{seed}; all is left in "
                     . $self->{dir});
    if (defined $self->{nginx}) {
        my @lines = grep { !/\[info\]|invalid record/ }
                    split /\n/, $self->{nginx}->log($self->{log} // 0);

        Test::More::diag('the log since the last fault:',
                         map { "\n$_" } @lines > 40 ? @lines[-40 .. -1]
                                                    : @lines);
    }
}


END {
    local ($?, $!);

    system('umount', '-l', $kept) if defined $kept;
}


1;
