# nginx-flow-exporter-state: what it shows equals what was scraped, what it
# changes is what nginx goes on from, and it does not run beside a consumer.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Compress::Raw::Zlib qw(crc32);
use JSON::PP;
use Test::More;

my $nginx = FlowExporter::Nginx->new(partitions => 2);
my $topic = $nginx->topic;
my $state = FlowExporter::State->new($nginx->dir . '/state');
my $program = $FlowExporter::root . '/build/nginx-flow-exporter-state';
my ($status, $said);

-e $program or die "no \"$program\": \"make\" builds it\n";

$nginx->start;
produce_some();

my $scrape = $nginx->wait_consumed;
my $exporter = $nginx->wait_exporter;

wait_for(sub { $nginx->scrape->value('flow_exporter_durable') }, 'an image');


# beside a consumer, which is stopped so that its files stay as they are

$nginx->signal('STOP', $exporter);
shows($scrape, 'beside nginx', held => $exporter);
($status, $said) = tool('show');
like($said, qr/held by process $exporter since .*, which may be writing/,
     'it says so');
like($said, qr/^receive\t64511\t64500\tedge1\.example\.net\t2$/m,
     'a series, as text');
sound('beside nginx');

for my $command (['set-offset', $topic, 0, 1], ['forget', 'topic', $topic],
                 ['forget', 'partition', $topic, 0],
                 ['forget', 'hostname', 'edge1.example.net'], ['reset'])
{
    my $before = $state->contents;

    refused(qr/default\.lease" is held by process $exporter: stop nginx/,
            @$command);
    is_deeply($state->contents, $before, "@$command: nothing has changed");
}

$nginx->signal('CONT', $exporter);
$nginx->stop;


# a record that is not to be counted, and one that is counted again

shows($scrape, 'stopped');
sound('stopped');
produce($topic, 0, record(bytes => 1000));    # offset 3
produce($topic, 0, record(bytes => 20));


my $epoch = epoch();

done_with(qr/partition 0: next offset 4, was 3$/m, 'set-offset', $topic, 0, 4);
cmp_ok(epoch(), '>', $epoch, 'no zone can be beyond what it wrote');
owned('set-offset');
goes_on('a record is skipped', bytes => 12 + 20);

done_with(qr/partition 0: next offset 4, was 5$/m, 'set-offset', $topic, 0, 4);
goes_on('a record is counted again', bytes => 12 + 20 + 20);


# offsets are forgotten: "start earliest"

done_with(qr/partition 1: offset 3 is forgotten$/m,
          'forget', 'partition', $topic, 1);
goes_on('a partition begins anew', bytes => 52 + 6);
done_with(qr/offsets of 2 partitions are forgotten/,
          'forget', 'topic', $topic);
goes_on('a topic begins anew', bytes => 58 + 6 + 1000 + 20 + 6);


# a hostname's series leave

produce($topic, 0, record(label => 'edge "2"', bytes => 5));
$nginx->start;
wait_bytes(1090 + 5);
$nginx->stop;
done_with(qr/^hostname "edge "2"": 1 series with 5 bytes/,
          'forget', 'hostname', 'edge "2"');
$nginx->start;
wait_bytes(1090);
unlike($nginx->scrape->text, qr/edge \\"2/, 'no such series is left');
is($nginx->scrape->value('flow_exporter_hostnames'), 1, 'nor the hostname');
is($nginx->scrape->sum('flow_exporter_left_bytes_total'), 5,
   'its bytes are among those that have left');
produce($topic, 0, record(label => 'edge "2"', bytes => 7));
wait_bytes(1090 + 7);
$nginx->stop;


# nobody counts, but nginx runs: its shared memory is not what goes on

$nginx->allow(qr/exited on signal 9/);
$nginx->start;
wait_bytes(1090 + 7);
$exporter = $nginx->wait_exporter;
$nginx->signal('STOP');
$nginx->signal('KILL', $exporter);
wait_for(sub { !exists $nginx->processes->{$exporter} }, 'its end');
done_with(qr/next offset 6, was 7$/m, 'set-offset', $topic, 0, 6);
is($nginx->scrape->value('flow_exporter_ready'), 0, 'it is not shown');
$nginx->signal('CONT');
wait_bytes(1090 + 7 + 7);
produce($topic, 0, record(bytes => 1));
wait_bytes(1090 + 7 + 7 + 1);
$nginx->stop;


# mistakes

refused(qr/no series has the hostname "nobody"/, qw(forget hostname nobody));
refused(qr/have no topic "nothing"/, qw(set-offset nothing 0 1));
refused(qr/no stored offset of partition 7/, 'forget', 'partition', $topic, 7);
refused(qr/no state files of "lab" in "/, '-n', 'lab', 'show');
refused(qr/no state files of "lab" in "/, '-n', 'lab', 'reset');
ok(!-e $state->path('lab.lease'), 'a name that is wrong leaves nothing');
refused(qr/stat\(\) "\/nowhere"|open\(\) "\/nowhere"/, '-d', '/nowhere',
        'verify');

for my $wrong ([], ['shows'], ['show', 'all'], ['forget', $topic], ['reset', 1],
               ['set-offset', $topic, 0], ['set-offset', $topic, -1, 0],
               ['set-offset', $topic, 0, '1e3'], ['-x', 'show'])
{
    ($status, $said) = tool(@$wrong);
    is($status, 2, "wrong usage: @$wrong") or diag $said;
}

for my $option (qw(-h -V)) {
    ($status, $said) = tool($option);
    is($status, 0, $option);
    like($said, qr/nginx-flow-exporter-state/, 'has the name');
}


# a mark is kept

$state->save;
mark();
done_with(qr/flow series will be withheld.*next offset 6/s,
          'set-offset', $topic, 0, 6);
ok($state->is_marked, 'marked as before');
$state->restore;


# damage

my ($log) = reverse grep { -s } $state->logs;

$state->change($log, sub { substr($_, -1) ^= "\1" });
($status, $said) = tool('verify');
is($status, 1, 'a damaged log');
like($said, qr/^default\.log\.\S+: damaged at byte \d+: a checksum is wrong$/m,
     'its line');
like($said, qr/^chain: ends at epoch .*, but there was /m,
     'the chain ends there');
done_with(qr/flow series will be withheld/, 'set-offset', $topic, 0, 6);
ok($state->is_marked, 'as at a start, it is known that there was more');
$state->restore;
$state->change($log, sub { substr($_, 100, 1) ^= "\1" });
refused(qr/is damaged at byte 0/, 'set-offset', $topic, 0, 6);
$state->restore;
$state->change($log, sub { $_ .= 'FLOWREDO' });
($status, $said) = tool('verify');
is($status, 0, 'a torn end is no damage');
like($said, qr/torn, will be cut off/, 'and is told');
$state->restore;

my ($image) = reverse $state->images;

$state->change($image, sub { substr($_, -1) = '' });
($status, $said) = tool('verify');
is($status, 1, 'a damaged image');
like($said, qr/^default\.image\S+: damaged at byte 0: it ends within/m,
     'its line');
$state->restore;

$state->change($state->path('default.lease'),
               sub { substr($_, 40, 1) = "\7" });
($status, $said) = tool('verify');
is($status, 1, 'a damaged lease');
like($said, qr/^default\.lease: .*is damaged/m, 'its line');
$state->restore;


# all of it anew

mark();
done_with(qr/counting begins anew/, 'reset');
is_deeply([$state->logs, $state->images], [], 'no files are left');
$nginx->start;

$scrape = $nginx->wait_consumed;

is($scrape->sum('flow_receive_bytes_total'), 12 + 1000 + 20 + 5 + 7 + 1,
   'each record that Kafka has, once');
is($scrape->value('flow_exporter_starts_total'), 1, 'a first start');
$nginx->stop;

done_testing;


# Six records, of 1 to 3 bytes.

sub produce_some {
    for my $partition (0, 1) {
        produce($topic, $partition,
                record(as_src => 64510 + $_, bytes => $_)) for 1 .. 3;
    }
}


sub tool {
    my (@arguments) = @_;

    unshift @arguments, '-d', $nginx->dir . '/state'
        if !grep { /^-[dhV]$/ } @arguments;

    open my $output, '-|', 'timeout', 60, 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        $program, @arguments or die "cannot run \"$program\": $!\n";

    my $text = do { local $/; <$output> } // '';
    close $output;

    return ($? >> 8, $text);
}


sub done_with {
    my ($pattern, @arguments) = @_;
    my ($status, $said) = tool(@arguments);

    is($status, 0, "@arguments") or diag $said;
    like($said, $pattern, 'says what it did');
    sound("after @arguments") if $arguments[0] ne 'reset';
}


sub refused {
    my ($pattern, @arguments) = @_;
    my ($status, $said) = tool(@arguments);

    is($status, 1, "@arguments: refused");
    like($said, qr/^nginx-flow-exporter-state: .*$pattern/m, 'says why');
}


sub sound {
    my ($what) = @_;
    my ($status, $said) = tool('verify');

    is($status, 0, "$what: sound") or diag $said;
}


# Each file, as root would make it, is nginx's.

sub owned {
    my ($what) = @_;
    my $owner = (stat $state->path('default.lease'))[4];

    is_deeply([grep { (stat)[4] != $owner } $state->files], [],
              "$what: nginx's user owns the files");
}


# JSON against a scrape.

sub shows {
    my ($scrape, $what, %lease) = @_;
    my ($status, $said) = tool('show', '--json');
    my $json = decode_json($said);
    my %flows = map { $_->{source_as} => $_->{bytes} } @{ $json->{series} };
    my %offsets = map { $_->{partition} => $_->{next_offset} }
                      @{ $json->{offsets} };
    my ($decoded) = map { $_->{value} }
                    grep { $_->{name} eq 'flow_exporter_messages_total'
                           && $_->{result} eq 'decoded' }
                         @{ $json->{counters} };

    is($status, 0, "$what: JSON");
    is_deeply(\%flows, { map { $_ => $scrape->value('flow_receive_bytes_total',
                                                    source_as => $_) }
                             64511 .. 64513 }, 'the series of a scrape');
    is_deeply(\%offsets, { 0 => 3, 1 => 3 }, 'the offsets');
    is($decoded, 6, 'the messages');
    is_deeply([map { $_->{file} } @{ $json->{images} }],
              [map { s{.*/}{}r } $state->images], 'the images');
    is(!!$json->{lease}{held}, exists $lease{held}, 'whether somebody counts');
    is($json->{lease}{holder}, $lease{held}, 'and who')
        if exists $lease{held};

    ($status, $said) = tool('show', '--json', '--by-bytes');
    is_deeply([map { $_->{bytes} } @{ decode_json($said)->{series} }],
              [sort { $b <=> $a } values %flows], 'those with most first');
}


sub epoch {
    my ($status, $said) = tool('show', '--json');

    return decode_json($said)->{position}{epoch};
}


sub flows {
    return $nginx->scrape->sum('flow_receive_bytes_total');
}


sub wait_bytes {
    my ($bytes) = @_;

    wait_for(sub { flows() == $bytes }, "$bytes bytes counted");
}


# A life of nginx.

sub goes_on {
    my ($what, %expected) = @_;

    $nginx->start;
    $nginx->wait_consumed(messages => undef);
    is(flows(), $expected{bytes}, $what);
    $nginx->stop;
}


# As a holder that could not write its last records; core/flow_lease.h.

sub mark {
    $state->change($state->path('default.lease'), sub {
        substr($_, 40, 4) = pack 'L', 1;
        substr($_, 60, 4) = pack 'L', crc32(substr $_, 0, 60);
    });
}
