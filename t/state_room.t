# A zone that is smaller than before: nginx -t tells whether the state files
# would find room, and changes nothing; where it was not asked, the exporter
# says what is too small, and counts nothing.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

my $series = 20_000;
my $nginx = FlowExporter::Nginx->new(exporter => 'asn 64500; zone 4m;');
my $state = FlowExporter::State->new($nginx->dir . '/state');
my ($status, $said);

my $room = 'zone of 1024k is too small for flow exporter "default": its state'
           . ' files in "' . quotemeta($nginx->dir) . '/state" have (\d+)'
           . ' series, and it has room for (\d+); it must be at least (\d)m';

$nginx->allow(qr/is too small for flow exporter/);
$nginx->start;

for my $from (map { $_ * 100 } 0 .. $series / 100 - 1) {
    produce($nginx->topic, 0,
            join "\n", map { record(as_src => 100_000 + $_) }
                           $from .. $from + 99);
}

my $scrape = $nginx->wait_consumed(messages => $series / 100);

is($scrape->sum('flow_receive_bytes_total'), $series, 'all is counted');


# beside it, and stopped

my $exporter = $nginx->wait_exporter;

wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'an image');
$nginx->signal('STOP', $exporter);

for my $when (qw(running stopped)) {
    my $before = $state->contents;

    $nginx->configure(exporter => 'asn 64500; zone 1m;');
    ($status, $said) = $nginx->test;
    isnt($status, 0, "$when: a smaller zone is refused");
    like($said, qr/\[emerg\].*$room in \S+nginx\.conf:\d+$/m, 'with the sizes');
    is_deeply($state->contents, $before, 'nothing has changed');

    my ($needed, $has, $least) = $said =~ $room;

    cmp_ok($needed // 0, '>=', $series, 'as many series as there are');
    cmp_ok($has // $series, '<', $series, 'and there would be less room');

    $nginx->configure(exporter => 'asn 64500; zone ' . (($least // 1) - 1)
                                  . 'm;');
    ($status) = $nginx->test;
    isnt($status, 0, 'what it asks for is the least');

    $nginx->configure(exporter => 'asn 64500; zone ' . ($least // 1) . 'm;');
    ($status, $said) = $nginx->test;
    is($status, 0, 'and enough') or diag $said;

    if ($when eq 'running') {
        $nginx->signal('CONT', $exporter);
        $nginx->stop;
    }
}

$nginx->start;
is($nginx->wait_consumed(messages => $series / 100)
         ->sum('flow_receive_bytes_total'), $series, 'and all is there again');
$nginx->stop;


# directories that cannot be used are for the exporter to tell of

rename $state->path(''), $nginx->dir . '/away' or die "rename: $!\n";
$nginx->configure(exporter => 'asn 64500; zone 1m;');
($status, $said) = $nginx->test;
is($status, 0, 'no directory') or diag $said;
ok(!-e $state->path(''), 'it is not made');


# files that come when the configuration has been read

$nginx->start;
wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'an image');
$nginx->signal('STOP', $nginx->exporter);

my $from = length $nginx->log;
my $new = $state->path('');

unlink $state->files;
File::Copy::copy($_, $new) && chown((stat $new)[4, 5], glob "$new*")
    for glob $nginx->dir . '/away/default.[il]*.*';
unlink $state->path('default.lease');
$nginx->signal('KILL', $nginx->exporter);
$nginx->wait_log(qr/"default": $room, trying again/, $from);
is($nginx->scrape->value('flow_exporter_ready'), 0, 'nothing is shown');
$nginx->allow(qr/exited on signal 9/);
$nginx->stop;

done_testing;
