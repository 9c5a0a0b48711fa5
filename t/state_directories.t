# State directories that cannot be used.  Where none can be there, counting
# goes on without one; where it is there and only takes no files, the lease in
# it tells whoever starts next that more was shown than there is.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

my ($user, $group) = (getpwnam 'nobody')[2, 3];

my %missing = (
    'a missing parent' => sub { "$_[0]/missing/state" },
    'a file'           => sub { spew("$_[0]/file", ''); "$_[0]/file" },
);

for my $what (sort keys %missing) {
    my $nginx = FlowExporter::Nginx->new;
    my $path = $missing{$what}->($nginx->dir);

    spew($nginx->conf, slurp($nginx->conf)
        =~ s/(flow_exporter_state_path) .*;/$1 $path;/r);
    $nginx->start;
    counts($nginx, $what);
    is($nginx->scrape->value('flow_exporter_durable'), 0,
       "$what: not durable");
    like($nginx->log, qr/\[warn\].*"\Q$path\E/, "$what: the log names it");
    $nginx->stop;
}

if ($> != 0) {
    done_testing;
    exit;
}


# read-only

my ($nginx, $state) = directory(0500, $user, $group);

counts($nginx, 'read-only');
is($nginx->scrape->value('flow_exporter_durable'), 0, 'not durable');
ok($state->is_marked, 'and marked');

$nginx->kill_all;
broker->down;

my $from = length $nginx->log;

$nginx->start;
$nginx->wait_log(qr/flow series are withheld until.*: consuming/s, $from);
is($nginx->scrape->value('flow_exporter_ready'), 0,
   'nothing is shown that is less');
broker->up;
counts($nginx, 'and started');

my @said = grep { /no new log: open\(\) .*13: Permission denied/ }
           split /\n/, $nginx->log($from);

is(scalar(@said), 1, 'the log says so once') or diag @said;
chmod 0700, $state->path('') or die "chmod: $!\n";
wait_for(sub { $nginx->scrape->value('flow_exporter_durable')
               && !$state->is_marked }, 'durable counters');
pass('writable: durable');
$nginx->stop;


# of another user: its lease can be made, but not taken

($nginx, $state) = directory(0700, 0, 0);

$nginx->wait_log(qr{/state/default\.lease" failed \(13: .*trying again});
is($nginx->scrape->value('flow_exporter_ready'), 0, 'nothing is counted');
chown $user, $group, $state->path('') or die "chown: $!\n";
counts($nginx, 'it is given away');
wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'durable');
$nginx->stop;

done_testing;


sub directory {
    my ($mode, $owner, $group_owner) = @_;

    my $nginx = FlowExporter::Nginx->new(
        exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
    my $path = $nginx->dir . '/state';

    $nginx->allow(qr/exited on signal 9|still could not bind/);
    mkdir $path or die "cannot create \"$path\": $!\n";
    chown $owner, $group_owner, $path or die "chown: $!\n";
    chmod $mode, $path or die "chmod: $!\n";

    return ($nginx->start, FlowExporter::State->new($path));
}


sub counts {
    my ($nginx, $what) = @_;

    produce($nginx->topic, 0, record(bytes => 3));

    my $scrape = $nginx->wait_consumed;

    is($scrape->value('flow_receive_bytes_total'),
       3 * $scrape->sum('flow_exporter_messages_total'), "$what: it counts");
}
