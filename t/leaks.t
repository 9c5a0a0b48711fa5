# Twenty upgrades one after another, and reloads between them, leave nothing
# behind: each nginx has the processes, descriptors and files of the one before
# it; and a master that has reloaded many times needs no more memory than after
# a few.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new->start;

$nginx->wait_exporter;
count();

# what the first nginx has not, its successors have from it: the sockets

my $first;

for my $round (1 .. 20) {
    upgrade();
    count();

    $first //= settled_state();
    is_left("upgrade $round leaves nothing behind") or last;
}

# one master, records on their way throughout

reload(20);

my $early = memory();

reload(40);

my $late = memory();

count();
is_left('nor do sixty reloads');

# a sanitizer keeps what is freed, and sees each byte that is not

SKIP: {
    skip 'memory is watched otherwise', 1 if $ENV{FLOW_EXPORTER_SANITIZED};

    note("the master's memory: $early kB, then $late kB");
    cmp_ok($late - $early, '<', 32, 'forty reloads leave less than 1 kB each');
}

my @files = grep { !/nginx\.pid/ } files();

$nginx->stop;
is_deeply($nginx->processes, {}, 'all processes have ended');
is_deeply([files()], \@files, 'and no file is left but those that stay');

done_testing;


# The new nginx is ready when its workers are; the old one goes then.  Its pid
# file is another one from when the old one has got its new name.

sub upgrade {
    my $old = $nginx->master;

    $nginx->signal('USR2', $old);
    wait_for(sub { -s "$nginx->{dir}/nginx.pid.oldbin"
                   && -s "$nginx->{dir}/nginx.pid"
                   && $nginx->master != $old && $nginx->exporter
                   && 2 == grep { $_ } $nginx->workers }, 'the new nginx');
    $nginx->signal('QUIT', $old);
    wait_for(sub { keys %{ $nginx->processes } == 4 },
             'the end of the old nginx');
}


sub reload {
    my ($times) = @_;

    for (1 .. $times) {
        produce($nginx->topic, 0, record);
        $nginx->reload;
    }
}


# Who consumes has counted one record more, or all of them anew.

sub count {
    produce($nginx->topic, 0, record(bytes => 1));
    $nginx->wait_consumed(messages => undef);
}


# How many descriptors each process has; and the files.

sub state {
    my $processes = $nginx->processes;
    my @lines = map {
        my $count = () = glob "/proc/$_/fd/*";

        "$processes->{$_}: $count\n" =~ s/ process.*:/:/r
    } keys %$processes;

    return join '', sort(@lines), map { "$_\n" } files();
}


# A connection that its worker has not yet closed is in one of the two.

sub settled_state {
    return wait_for(
        sub {
            my $state = state();

            return $state =~ /^(nginx: worker: \d+\n)\1/m && $state;
        },
        'two workers alike');
}


sub is_left {
    my ($what) = @_;
    my $state;

    eval { wait_for(sub { ($state = state()) eq $first }, 'that state') };

    return is($state, $first, $what);
}


# Logs and images come and go: two images stay, and the logs since the older
# one, and one of each that is being written.

sub files {
    my $dir = $nginx->dir;
    my @files = map { s{^\Q$dir/}{}r } sort glob "$dir/* $dir/state/*";

    my %most = (image => 3, log => 4);

    for my $kind (sort keys %most) {
        my @found = grep { /\.\Q$kind\E\./ } @files;

        @files = grep { !/\.\Q$kind\E\./ } @files;
        push @files, "too many of \"$kind\": @found" if @found > $most{$kind};
    }

    return @files;
}


# Kilobytes of the master's own, those that its children still share with it,
# too: nobody has yet written there, in what is lost.

sub memory {
    my $sum = 0;

    for my $mapping (split /^(?=[0-9a-f]+-)/m,
                     slurp('/proc/' . $nginx->master . '/smaps'))
    {
        next if $mapping =~ /^\S+ ...s /;

        $sum += $1 while $mapping =~ /^(?:Anonymous|Swap): +(\d+) kB/mg;
    }

    return $sum;
}
