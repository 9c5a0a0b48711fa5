# A disk that fails, below state files that are good: what is not durable is
# shown only when the lease tells so, and not at all where even that fails.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

my $nginx = FlowExporter::Nginx->new(
    exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
my $patterns = $nginx->dir . '/failing';
my $state = FlowExporter::State->new($nginx->dir . '/state');
my $library = $FlowExporter::broker_program =~ s{[^/]+\z}{failing_disk.so}r;
my ($bytes, $from) = (0, 0);

-e $library or die "no \"$library\": \"make tools\" builds it\n";

$nginx->allow(qr/exited on signal 9|still could not bind|counting rests/);
start();
produce_some();
counted('a disk that works', durable => 1, marked => 0);


# logs and images fail

disk_fails(qw(default.log.* default.image.*));
produce_some();
counted('files fail', durable => 0, marked => 1);
wait_for(sub { $nginx->scrape->value('flow_exporter_commit_failures_total') },
         'a commit that has failed');
said(qr/"\Q${\ $state->path('default.log.')}\E\S+" failed \(5: .*would not/);
$nginx->wait_log(qr/no image: .* failed \(5: .*trying again/, $from);

broker->down;
restart();
$nginx->wait_log(qr/series are withheld until.*: consuming/s, $from);
said(qr/pwrite\(\) .*would not survive/);
is($nginx->scrape->value('flow_exporter_ready'), 0, 'withheld');
broker->up;
counted('files fail, and nginx was killed', durable => 0, marked => 1);
disk_works();
counted('files work', durable => 1, marked => 0);


# what was read cannot be made durable, but it is all there

broker->down;
disk_fails(qw(default.log.* default.image.*));
restart();
counted('files that can be read', durable => 0, marked => 1);
disk_works();
counted('files that can be written', durable => 1, marked => 0);
broker->up;


# the lease fails as well: nothing that could get lost is shown

disk_fails('*');
produce_some(0);
$nginx->wait_log(qr/writing "\S+default\.lease" failed \(5: .*counting rests/,
                 $from);
is(flows(), $bytes, 'what is not durable is not shown');
$bytes += 3;
disk_works();
counted('counting has rested', durable => 1, marked => 0);


# the mark cannot be taken back

disk_fails(qw(default.log.* default.image.*));
produce_some();
counted('files fail again', durable => 0, marked => 1);
disk_fails('default.lease');
wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'an image');
$nginx->wait_log(qr/default\.lease" failed \(5: .*trying again/, $from);
produce_some();
counted('only the mark fails', durable => 1, marked => 1);
disk_works();
counted('the lease works', durable => 1, marked => 0);


# AS names change when files can tell so

disk_fails(qw(default.log.* default.image.*));
produce_some();
counted('files fail once more', durable => 0, marked => 1);

spew($nginx->dir . '/names', "64511 ONE\n");
$nginx->configure(exporter => 'asn 64500; as_names names;');
$nginx->reload;
produce_some();
counted('with names', durable => 0, marked => 1);
is(name(64511), '', 'the old name stays');
disk_works();
wait_for(sub { name(64511) eq 'ONE' }, 'the new name');
counted('it is durable', durable => 1, marked => 0);
$nginx->stop;

done_testing;


sub start {
    local $ENV{LD_PRELOAD} = $library;
    local $ENV{FAILING_DISK} = $patterns;

    $from = -s $nginx->error_log // 0;
    $nginx->start;
}


sub restart {
    $nginx->kill_all;
    start();
}


# What is written to files of these names, from now on.

sub disk_fails {
    $from = length $nginx->log;
    spew("$patterns.new", join '', map { $state->path($_) . "\n" } @_);
    rename "$patterns.new", $patterns or die "rename: $!\n";
}


sub disk_works {
    unlink $patterns or die "cannot remove \"$patterns\": $!\n";
}


sub produce_some {
    my ($counted) = @_;

    produce($nginx->topic, 0, record(as_src => 64510 + $_)) for 1 .. 3;
    $bytes += $counted // 3;
}


sub flows {
    return $nginx->scrape->sum('flow_receive_bytes_total');
}


sub name {
    my ($as) = @_;

    my ($series) = $nginx->scrape->matching('flow_receive_bytes_total',
                                            source_as => $as);

    return $series->{labels}{source_as_name};
}


sub said {
    my ($line) = @_;
    my @lines = grep { $_ =~ $line } split /\n/, $nginx->log($from);

    is(scalar(@lines), 1, 'the log says so once') or diag $nginx->log($from);
}


sub counted {
    my ($what, %expected) = @_;

    $nginx->wait_consumed;
    is(flows(), $bytes, "$what: each record once");
    wait_for(sub { $nginx->scrape->value('flow_exporter_durable')
                   == $expected{durable}
                   && $state->is_marked == $expected{marked} },
             join ' ', $what, %expected);
    pass("$what: " . join ' ', map { "$_ $expected{$_}" } sort keys %expected);
}
