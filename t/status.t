# What a probe is told by flow_exporter_status: 200 while flows are counted,
# Kafka answers and the lag is under its limit, else 503 with the reasons.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use FlowExporter;
use FlowExporter::State;
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;

use constant LIMIT => 10;

my $locations = <<'END';
location = /status { flow_exporter_status; }
location = /limit { flow_exporter_status lag_limit=10; }
location = /limit/named { flow_exporter_status default lag_limit=10; }
location = /limit/if { flow_exporter_status lag_limit=10;
                       if ($arg_x) { set $y 1; } }
END

my $nginx = FlowExporter::Nginx->new(partitions => 2,
    exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
my $dir = $nginx->dir;

spew("$dir/page", 'before<!--# include virtual="/status" -->after');
chmod 0644, "$dir/page";
$nginx->configure(server => $locations . <<"END");
location = /included { ssi on; ssi_types text/plain; default_type text/plain;
                       alias $dir/page; }
END
$nginx->start;
produce($nginx->topic, $_, (record) x (3 + $_)) for 0, 1;
$nginx->wait_consumed;


# all is well

my %well = (
    exporter => 'default', ready => JSON::PP::true, durable => JSON::PP::true,
    kafka_connected => JSON::PP::true, lag_records => 0, lag_limit => LIMIT,
    reasons => [],
    lease => { held => JSON::PP::true, holder => 0 + $nginx->exporter },
    topics => [{ topic => $nginx->topic, partitions => 2, lag_records => 0 }],
);

wait_for(sub { status('/limit')->{code} == 200
               && status('/limit')->{durable} }, 'a good and durable status');

for my $path ('/limit', '/limit/named', '/limit/if?x=1') {
    is_deeply(status($path), { %well, code => 200 }, "$path: all is well");
}

is_deeply(status('/status'), { %well, lag_limit => undef, code => 200 },
          'without a limit');

my $reply = http(GET => $nginx->url('/limit'));

is($reply->{headers}{'content-type'}, 'application/json', 'the type');
is($reply->{headers}{'cache-control'}, 'no-store', 'it is not kept');
is($reply->{headers}{'content-length'}, length $reply->{content},
   'its length is said');

my $head = http(HEAD => $nginx->url('/limit'));

is_deeply([$head->{status}, map { $head->{headers}{$_} }
           'content-type', 'content-length', 'cache-control'],
          [200, 'application/json', length $reply->{content}, 'no-store'],
          'HEAD has the same head');
is(raw("HEAD /limit HTTP/1.0\r\n\r\n") =~ s/.*?\r\n\r\n//sr, '',
   'and no body');
is(http($_ => $nginx->url('/limit'))->{status}, 405, "$_ is refused")
    for qw(POST PUT DELETE OPTIONS);
is(http(GET => $nginx->url('/included'))->{content}
       =~ s/^before(.*)after$/$1/sr,
   http(GET => $nginx->url('/status'))->{content}, 'as a part of another page');
like(raw("GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
         . "GET /limit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
     qr/\AHTTP\/1\.1\ 200\ .*?\r\n\r\n\{.*?\}\n
          HTTP\/1\.1\ 200\ .*?\r\n\r\n\{.*\}\n\z/sx, 'two by one connection');


# behind: what was read is counted when the process ends, but for what is there
# when it begins

my $starts = $nginx->scrape->value('flow_exporter_starts_total');

$nginx->configure(exporter => 'asn 64500; commit 60s;'
                              . 'kafka reconnect.backoff.max.ms 100;');
$nginx->reload;
wait_for(sub { $nginx->scrape->value('flow_exporter_starts_total') > $starts
               && status('/limit')->{code} == 200 }, 'the new process');
$well{lease}{holder} = 0 + $nginx->exporter;

produce($nginx->topic, 0, (record) x 4);
produce($nginx->topic, 1, (record) x (LIMIT - 5));
wait_for(sub { (status('/limit')->{lag_records} // 0) == LIMIT - 1 },
         'a lag under the limit');
is(status('/limit')->{code}, 200, 'a lag under the limit');

produce($nginx->topic, 0, record);
wait_for(sub { (status('/limit')->{lag_records} // 0) == LIMIT },
         'a lag of the limit');

my $lags = { %well, lag_records => LIMIT,
             topics => [{ %{ $well{topics}[0] }, lag_records => LIMIT }] };

is_deeply(status('/limit'),
          { %$lags, code => 503,
            reasons => ['the lag is not under the limit'] },
          'a lag of the limit');
is(http(HEAD => $nginx->url('/limit'))->{status}, 503, '... by HEAD');
is_deeply(status('/status'), { %$lags, lag_limit => undef, code => 200 },
          'without a limit it does not matter');

$nginx->configure(exporter => 'asn 64500; kafka reconnect.backoff.max.ms 100;');
$nginx->reload;
wait_for(sub { status('/limit')->{code} == 200 }, 'what lagged to be counted');
is(status('/limit')->{lag_records}, 0, 'counted');
$well{lease}{holder} = 0 + $nginx->exporter;


# without a broker

broker->down;
wait_for(sub { !status('/status')->{kafka_connected} }, 'the broker missed');
is_deeply(status('/status'),
          { %well, lag_limit => undef, kafka_connected => JSON::PP::false,
            reasons => ['no Kafka broker answers'], code => 503 },
          'no broker answers');
broker->up;
wait_for(sub { status('/limit')->{code} == 200 }, 'the broker');
pass('the broker is back');


# what may not be shown

my $state = FlowExporter::State->new("$dir/state");
my $lease = $state->path('default.lease');
my $whole = slurp($lease);
my $other = substr $whole, 0, 60;

substr $other, 24, 8, pack 'Q', 1;
$state->change($lease, sub { $_ = $other . pack 'L', crc32($other) });
is_deeply(status('/limit'),
          { %well, ready => JSON::PP::false, code => 503,
            reasons => ['the lease names another zone'] },
          'another zone is to be shown');

$state->change($lease, sub { $_ = '' });
is_deeply(status('/limit'),
          { %well, ready => JSON::PP::false, code => 503,
            lease => { held => JSON::PP::true, holder => undef },
            reasons => ['the lease names another zone'] },
          'no record tells who holds the lease');
$state->change($lease, sub { $_ = $whole });
is_deeply(status('/limit'), { %well, code => 200 }, 'and as before');


# the mark in the lease tells that memory had more

$nginx->stop;

my $marked = substr $whole, 0, 60;

substr $marked, 40, 4, pack 'L', 1;
$state->change($lease, sub { $_ = $marked . pack 'L', crc32($marked) });
broker->down;
$nginx->allow(qr/still could not bind/);
$nginx->start;

my $withheld = 'flow series are withheld until Kafka has told them again';

wait_for(sub { grep { $_ eq $withheld } @{ status('/limit')->{reasons} } },
         'series to be withheld');
is_deeply([@{ status('/limit') }{qw(code ready kafka_connected lag_records)}],
          [503, JSON::PP::false, JSON::PP::false, undef], 'withheld');
is_deeply(status('/limit')->{reasons},
          [$withheld, 'no Kafka broker answers', 'the lag is not known'],
          'with all reasons');
broker->up;
wait_for(sub { status('/limit')->{code} == 200 }, 'all told again');
pass('all is told again');


# another nginx has the lease

my $second = FlowExporter::Nginx->new(topic => $nginx->topic,
                                      server => $locations);

spew($second->conf, slurp($second->conf)
    =~ s/(flow_exporter_state_path) .*;/$1 $dir\/state;/r);
$second->start;
$second->wait_log(qr/is held by process/);

my $waits = decode_json(http(GET => $second->url('/status'))->{content});

is_deeply([@$waits{qw(ready lease reasons topics)}],
          [JSON::PP::false,
           { held => JSON::PP::false, holder => 0 + $nginx->exporter },
           ['no process has counted here yet', 'no Kafka broker answers'], []],
          'one that waits knows for whom');

$second->stop;
$nginx->stop;


# state files that cannot be

my $without = FlowExporter::Nginx->new(server => $locations);

spew($without->conf, slurp($without->conf)
    =~ s/(flow_exporter_state_path) .*;/$1 $dir\/missing\/state;/r);
$without->start;
produce($without->topic, 0, record);
$without->wait_consumed;

$reply = http(GET => $without->url('/status'));
is($reply->{status}, 200, 'counting without state files is counting');
ok(!decode_json($reply->{content})->{durable}, '... and not durable');
$without->stop;

done_testing;


# The document, and the status as "code".

sub status {
    my ($path) = @_;

    my $reply = http(GET => $nginx->url($path));

    return { %{ decode_json($reply->{content}) }, code => $reply->{status} };
}


# All that comes on a connection.

sub raw {
    my ($request) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->port)
        or die "no connection: $!\n";

    print {$socket} $request;

    return join '', <$socket>;
}
