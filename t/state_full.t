# A full disk under the state files: counting goes on and says that it would
# not survive; if it does not, nothing is shown that is less than it was.  With
# room again all is as before.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

plan skip_all => 'a small file system needs root' if $> != 0;

my $nginx = FlowExporter::Nginx->new(
    exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
my $disk = $nginx->dir . '/state';
my $state = FlowExporter::State->new($disk);
my ($bytes, $batches, $mounted) = (0, 0);

# removed before the directory that it is in

END {
    local $?;
    system 'umount', '-l', $disk if $mounted;
}

my ($user, $group) = (getpwnam 'nobody')[2, 3];

mkdir $disk or die "cannot create \"$disk\": $!\n";
$mounted = system('mount', '-t', 'tmpfs', '-o',
                  "size=256k,mode=700,uid=$user,gid=$group", 'tmpfs', $disk)
           == 0
    or plan skip_all => 'no file system can be mounted here';

$nginx->allow(qr/exited on signal 9|still could not bind/);
$nginx->start;
produce_some();
counted('a disk with room', durable => 1, marked => 0);


# full

my $from = length $nginx->log;

fill();
produce_some();

counted('a full disk', durable => 0, marked => 1);
wait_for(sub { $nginx->scrape->value('flow_exporter_commit_failures_total') },
         'a commit that has failed');
$nginx->wait_log(qr/no image: .*No space left on device.*trying again/, $from);

my @logs = $state->logs;

produce_some();
counted('and on', durable => 0, marked => 1);
wait_for(sub { "@logs" ne join ' ', $state->logs }, 'another try');

my @said = grep { /No space left/ } split /\n/, $nginx->log($from);

is(scalar(@said), 2, 'the log says once what failed, and once what does again')
    or diag join "\n", @said;
like($said[0], qr/"\Q$logs[0]\E".*counting goes on, but would not survive/,
     'the first line names the log');


# the process alone dies: its zone has all

my $exporter = $nginx->exporter;

$nginx->signal('KILL', $exporter);
$nginx->wait_exporter($exporter);
produce_some();
counted('another process', durable => 0, marked => 1);


# all of nginx dies, with Kafka gone: the files have less

for (1 .. 2) {
    broker->down;
    $nginx->kill_all;
    $from = length $nginx->log;
    $nginx->start;
    $nginx->wait_log(qr/series are withheld until.*: consuming/s, $from);
    withheld();
}

broker->up;
produce_some();
counted('counted once more', durable => 0, marked => 1);
like($nginx->log($from), qr/flow series are shown again/, 'the log says so');


# room again

$from = length $nginx->log;
unlink "$disk/filler" or die "cannot remove the filler: $!\n";
$nginx->wait_log(qr/the state files have all that is counted again/, $from);
wait_for(sub { !$state->is_marked }, 'the mark to go');
counted('room again', durable => 1, marked => 0);
produce_some();
counted('and on', durable => 1, marked => 0);

broker->down;
$nginx->kill_all;
$nginx->start;
counted('all of it survives', durable => 1, marked => 0);
$nginx->stop;


# a file system that became read-only: no lease elsewhere, no first start

$from = length $nginx->log;
remount('ro');
$nginx->start;
$nginx->wait_log(qr/default\.lease" failed \(30: .*, trying again/, $from);
withheld();
remount('rw');
counted('writable again', durable => 1, marked => 0);
broker->up;
produce_some();
counted('and on', durable => 1, marked => 0);
$nginx->stop;

done_testing;


# More than a page of the log, so that not even the last one takes it.

sub produce_some {
    $batches++;
    produce($nginx->topic, 0,
            join "\n", map { record(as_src => $batches * 1000 + $_,
                                    bytes => $_) } 1 .. 200);
    $bytes += 200 * 201 / 2;
}


sub remount {
    my ($option) = @_;

    system('mount', '-o', "remount,$option", $disk) == 0
        or die "cannot remount \"$disk\"\n";
}


sub fill {
    open my $filler, '>:raw', "$disk/filler" or die "cannot fill: $!\n";

    1 while syswrite $filler, "\0" x 4096;
    ok($!{ENOSPC}, "the disk is full");
}


sub counted {
    my ($what, %expected) = @_;

    my $scrape = $nginx->wait_consumed;

    is($scrape->sum('flow_receive_bytes_total'), $bytes,
       "$what: each record once");

    # an image may be on its way

    wait_for(sub { $nginx->scrape->value('flow_exporter_durable')
                   == $expected{durable} }, "durable $expected{durable}");
    is($state->is_marked, $expected{marked}, "$what: the lease's mark");

    return $scrape;
}


sub withheld {
    my $scrape = $nginx->scrape;

    is($scrape->value('flow_exporter_ready'), 0, 'not ready');
    is_deeply([grep { $_->{name} =~ /_total$/ } $scrape->matching(undef)], [],
              'no counter is shown');
}
