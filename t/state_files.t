# Damage to the state files while nginx is stopped.  Where what was counted
# can be had from the files that are left, it is shown at once, without Kafka.
# Where it cannot, nothing is counted or overwritten until the operator has
# moved away what the log names; then nothing is shown that is less than it
# was, until Kafka's records have made up for it.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::State;
use Test::More;

my $nginx = FlowExporter::Nginx->new(
    exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
my $state = FlowExporter::State->new($nginx->dir . '/state');
my ($bytes, $from) = (0, 0);

$nginx->allow(qr/exited on signal 9|still could not bind/);

# each life leaves an image and a log of three records

for my $life (1 .. 2) {
    $nginx->start;
    wait_for(sub { $state->images == $life }, 'an image');

    for (1 .. 3) {
        produce_some();
        $nginx->wait_consumed;
    }

    $nginx->kill_all;
}

$state->save;

my $counted = $bytes;
my ($older_image, $image) = $state->images;
my ($older_log, $log) = $state->logs;

# files of another exporter, each newer than those

my $other = FlowExporter::Nginx->new;
my $theirs = FlowExporter::State->new($other->dir . '/state');

for (1 .. 3) {
    $other->start;
    produce($other->topic, 0, record(bytes => 10**9));
    $other->wait_consumed;
    wait_for(sub { $other->scrape->value('flow_exporter_durable') }, 'image');
    $other->kill_all;
}

my ($their_image) = grep { /image\.0{15}2/ } $theirs->images;
my ($their_log) = grep { /log\.0{15}3/ } $theirs->logs;


# what is left suffices

used('a record that is half there', sub { cut($log, 3) }, 'less');
used('a head that is half there', sub { cut($log, last_record() - 3) }, 'less');
used('a few bytes more', sub { $state->change($log, sub { $_ .= 'FLOWRE' }) });
used('a bit of the newest image', sub { flip($image, 100) });
used('the first byte of it', sub { flip($image, 0) });
used('all of it', sub { cut($image, -s $image) });

my %others = map { $_ => "of $_" }
    'default2.image.' . join('.', ('0' x 15 . 'f') x 2),
    'default.log.' . join('.', ('0' x 15 . 'F') x 2),
    'default.image.1.1', 'other.image.new', 'other.lease';

used('what is not needed', sub {
    flip($older_image, 100);
    flip($older_log, 100);
    $state->put('default.image.new', 'FLOWIMAG');
    $state->put($_, $others{$_}) for keys %others;
});

ok(!-e $state->path('default.image.new'), 'half an image was removed');
is_deeply({ map { $_ => slurp($state->path($_)) } keys %others }, \%others,
          'files of other names are as they were');


# what is left does not

my $wrong = 'is damaged at byte 0: a checksum is wrong';
my $later = 'is of version 2 at byte 0, later than version 1';

refused('a bit of the last record', sub { flip($log, -1) });
refused('a bit of the record before', sub { flip($log, 100) },
        [$log, says($log, $wrong)]);
refused('a bit of both images',
        sub { flip($_, 100) for $older_image, $image },
        [$image, says($image, $wrong)],
        [$older_image, says($older_image, $wrong)],
        [undef, 'there are logs of "default" in .*, but no image']);
refused('an image of a later version', sub { flip($image, 8, "\3") },
        [$image, says($image, $later)]);
refused('a log of a later version', sub { flip($log, 8, "\3") },
        [$log, says($log, $later)]);
refused('a file that may not be read', sub { chmod 0, $log },
        [$log, says($log, 'failed \(13: Permission denied\)')]);

for my $file ($their_image, $their_log) {
    my $path = $state->path(name($file));
    my ($kind) = $path =~ /(image|log)\.0/;
    my ($one, $newest) = $kind eq 'image' ? ($older_image, $path)
                                          : ($path, $image);

    refused("the $kind of another exporter",
            sub { $state->put(name($path), slurp($file)) },
            [$path, says($one, 'is of another lineage than "'
                               . quotemeta(name($newest)) . '": one of them')]);
}


# a reload then is no death of the process, after some of which it would rest

begin(sub { flip($log, 100) });

my $start = $from;

for (1 .. 4) {
    $nginx->wait_log(qr/\Q$wrong\E.*, trying again/, $from);
    $from = length $nginx->log;
    $nginx->reload;
}

$nginx->wait_log(qr/\Q$wrong\E.*, trying again/, $from);
unlike($nginx->log($start), qr/died|resting/, 'refused files and reloads');
$nginx->stop;

done_testing;


sub produce_some {
    for (1 .. 3) {
        produce($nginx->topic, 0, record(as_src => 64510 + $_, bytes => $_));
        $bytes += $_;
    }
}


sub flip {
    my ($path, $offset, $bits) = @_;

    $state->change($path, sub { substr($_, $offset, 1) ^= $bits // "\x10" });
}


sub cut {
    my ($path, $size) = @_;

    $state->change($path, sub { substr($_, -$size) = '' });
}


sub last_record {
    my $text = slurp($log);

    return length($text) - rindex $text, 'FLOWREDO';
}


sub name {
    return $_[0] =~ s{.*/}{}r;
}


# A line of the log about a file, as a pattern.

sub says {
    my ($path, $what) = @_;

    return '"' . quotemeta($path) . '" ' . $what;
}


sub flows {
    return $nginx->scrape->sum('flow_receive_bytes_total');
}


# Starts from damaged files, without Kafka.

sub begin {
    my ($damage) = @_;

    $state->restore;
    $damage->();
    broker->down;
    $from = length $nginx->log;
    $nginx->start;
}


# Kafka is back.

sub goes_on {
    my ($what) = @_;

    broker->up;
    produce_some();
    $nginx->wait_consumed;
    is(flows(), $bytes, "$what: each record once");
    wait_for(sub { $nginx->scrape->value('flow_exporter_durable')
                   && !$state->is_marked }, 'durable counters');
    $nginx->kill_all;
}


# "less": what was torn was never shown by whom it was torn from.

sub used {
    my ($what, $damage, $less) = @_;

    begin($damage);
    wait_for(sub { $nginx->scrape->value('flow_exporter_ready') },
             'the flow series');
    cmp_ok(flows(), $less ? '<' : '==', $counted, "$what: shown at once");
    goes_on($what);
}


# The operator moves away what the log names (undef: the logs), one after
# another.

sub refused {
    my ($what, $damage, @lines) = @_;

    begin($damage);

    for my $line (@lines) {
        my ($file, $text) = @$line;
        my $before = $state->contents;

        $nginx->wait_log(qr/$text.*, trying again/, $from);
        is_deeply($state->contents, $before, "$what: nothing is overwritten");
        withheld($what);
        $nginx->kill_all;

        for my $away ($file // $state->logs) {
            rename $away, $nginx->dir . '/' . name($away)
                or die "cannot move \"$away\": $!\n";
        }

        $from = length $nginx->log;
        $nginx->start;
    }

    # once more: that it counts less is not forgotten

    for (1 .. 2) {
        $nginx->wait_log(qr/flow series are withheld.*: consuming/s, $from);
        wait_for(sub { $nginx->scrape->value('flow_exporter_durable') },
                 'an image');
        withheld($what);
        $nginx->kill_all;
        $from = length $nginx->log;
        $nginx->start;
    }

    goes_on($what);
}


sub withheld {
    my ($what) = @_;
    my $scrape = $nginx->scrape;

    is($scrape->value('flow_exporter_ready'), 0, "$what: not ready");
    is_deeply([grep { $_->{name} =~ /_total$/ } $scrape->matching(undef)], [],
              "$what: no counter is shown");
}
