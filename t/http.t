# A scrape is an ordinary reply of nginx: whatever the method, the version of
# HTTP, the access rules and the filters, it is the same text.

use strict;
use warnings;

use Compress::Zlib qw(memGunzip);
use FlowExporter;
use IO::Socket::INET;
use Test::More;

my $nginx = FlowExporter::Nginx->new;
my $dir = $nginx->dir;

spew("$dir/users", "prometheus:{PLAIN}secret\n");
chmod 0644, "$dir/users";

$nginx->configure(server => <<"END");
        location /gzip { gzip on; gzip_types text/plain;
                         flow_exporter_metrics; }
        location /auth_basic { auth_basic "metrics";
                               auth_basic_user_file $dir/users;
                               flow_exporter_metrics; }
        location /allow { allow 127.0.0.1; deny all; flow_exporter_metrics; }
        location /deny { deny 127.0.0.1; allow all; flow_exporter_metrics; }
        location /limit_except { limit_except POST { allow all; }
                                 flow_exporter_metrics; }
        location /if { flow_exporter_metrics; if (\$arg_x) { set \$y 1; } }
        location /auth_request { auth_request /verdict;
                                 flow_exporter_metrics; }
        location = /verdict { if (\$http_x_token = right) { return 204; }
                              return 403; }
        location /included { ssi on; ssi_types text/plain;
                             default_type text/plain; alias $dir/page; }
        location /after { default_type text/plain; alias $dir/before;
                          add_after_body /metrics; addition_types text/plain; }
        location /as_verdict { auth_request /metrics; return 200 "allowed"; }
        location /mirrored { mirror /metrics; default_type text/plain;
                             alias $dir/before; }
END
spew("$dir/page", 'before<!--# include virtual="/metrics" -->after');
spew("$dir/before", 'before');
chmod 0644, "$dir/page", "$dir/before";

$nginx->start;


# before the first record

is($nginx->scrape->flows, '', 'a scrape without any flow');

produce($nginx->topic, 0,
        map { record(as_src => $_, bytes => $_) } 1 .. 2000);

my $plain = $nginx->wait_consumed->text;


# methods

my $reply = http(GET => $nginx->url);

is($reply->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'the type that Prometheus asks');
same($reply->{content}, 'two scrapes of a quiet exporter are equal');
same(http(GET => $nginx->url('/metrics?x=1'))->{content},
     'arguments change nothing');

$reply = http(GET => $nginx->url, { Range => 'bytes=0-9',
    'If-Modified-Since' => 'Thu, 01 Jan 2026 00:00:00 GMT' });
is($reply->{status}, 200, 'a part of a scrape cannot be asked for');
same($reply->{content}, 'nor is it ever what a client has already');

$reply = http(HEAD => $nginx->url);
is($reply->{status}, 200, 'HEAD is answered');
is($reply->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'HEAD has the type');

my ($head, $body) = raw("HEAD /metrics HTTP/1.1\r\nHost: a\r\n"
                        . "Connection: close\r\n\r\n");

is($body // '', '', 'HEAD has no body');

is(http($_ => $nginx->url)->{status}, 405, "$_ is refused")
    for qw(POST PUT DELETE OPTIONS);

my %seen;

$seen{$_}++ for $plain =~ /^# (TYPE \S+)/mg;
is_deeply([grep { $seen{$_} != 1 } keys %seen], [], 'each family stands once');
like($plain, qr/\A(?:\#\ HELP\ (\w+)\ .*\n\#\ TYPE\ \g1\ \w+\n
                (?:\g1(?:_sum|_count)?[{\ ].*\n)+)+\z/x,
     'its series follow it');


# versions

($head, $body) = raw("GET /metrics HTTP/1.0\r\n\r\n");

same($body, 'HTTP/1.0: the body, up to the end of the connection');
unlike($head, qr/^(?:Transfer-Encoding|Content-Length)/mi,
       'HTTP/1.0: no chunks, no length');

($head, $body) = raw("GET /metrics HTTP/1.1\r\nHost: a\r\n"
                     . "Connection: close\r\n\r\n");
like($head, qr/^Transfer-Encoding: chunked\r$/m, 'HTTP/1.1: chunks');
same(unchunked(\$body), 'HTTP/1.1: the same body');

my $two = "GET /metrics HTTP/1.1\r\nHost: a\r\n";

($head, $body) = raw("$two\r\n${two}Connection: close\r\n\r\n");
same(unchunked(\$body), 'keepalive: the first scrape');
$body =~ s/^.*?\r\n\r\n//s;
same(unchunked(\$body), 'keepalive: the second one');

($head, $body) = raw("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
                     . "${two}Connection: close\r\n\r\n");
like($head, qr/^HTTP\/1\.1 200 /, 'keepalive: HEAD');
$body =~ s/^HTTP\/1\.1 200 .*?\r\n\r\n//s;
same(unchunked(\$body), 'keepalive: a scrape after HEAD');

($head, $body) = raw("POST /metrics HTTP/1.1\r\nHost: a\r\n"
                     . "Content-Length: 5\r\n\r\nhello"
                     . "${two}Connection: close\r\n\r\n");
like($head, qr/^HTTP\/1\.1 405 /, 'keepalive: POST with a body');
$body =~ s/^.*?HTTP\/1\.1 200 .*?\r\n\r\n//s;
same(unchunked(\$body), 'keepalive: a scrape after POST');


# access, filters, subrequests

$reply = http(GET => $nginx->url('/gzip'), { 'Accept-Encoding' => 'gzip' });
is($reply->{headers}{'content-encoding'}, 'gzip', 'gzip');
same(memGunzip($reply->{content}), 'gzip: the same body');

is(http(GET => $nginx->url('/auth_basic'))->{status}, 401, 'auth_basic');
is(http(GET => $nginx->url('/auth_basic'),
        { Authorization => 'Basic cHJvbWV0aGV1czpndWVzcw==' })->{status}, 401,
   'auth_basic: with another password');
same(http(GET => $nginx->url('/auth_basic'),
          { Authorization => 'Basic cHJvbWV0aGV1czpzZWNyZXQ=' })->{content},
     'auth_basic: with the password');
same(http(GET => $nginx->url('/allow'))->{content}, 'allow');
is(http(GET => $nginx->url('/deny'))->{status}, 403, 'deny');
same(http(GET => $nginx->url('/limit_except'))->{content}, 'limit_except');
same(http(GET => $nginx->url('/if?x=1'))->{content}, 'within "if"');
is(http(GET => $nginx->url('/auth_request'))->{status}, 403, 'auth_request');
same(http(GET => $nginx->url('/auth_request'),
          { 'X-Token' => 'right' })->{content}, 'auth_request: allowed');
is(http(GET => $nginx->url('/as_verdict'))->{content}, 'allowed',
   'a scrape as another request\'s verdict');
same(http(GET => $nginx->url('/included'))->{content}
         =~ s/^before(.*)after$/$1/sr, 'included in another page');
same(http(GET => $nginx->url('/after'))->{content} =~ s/^before//r,
     'added after another page');

is(http(GET => $nginx->url('/mirrored'))->{content}, 'before',
   'a mirrored request waits for no scrape');

same($nginx->scrape->text, 'and it is as it was');

$nginx->stop;

done_testing;


# A scrape is long: only where it differs is shown.

sub same {
    my ($text, $what) = @_;

    ok($text eq $plain, $what) and return;

    my ($equal) = ($text ^ $plain) =~ /^(\0*)/;

    diag('differs from byte ' . length($equal) . ' on: '
         . substr $text, length $equal, 100);
}


# Head and the rest of all that comes on a connection.

sub raw {
    my ($request) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->port)
        or die "no connection: $!\n";

    print {$socket} $request;

    return split /\r\n\r\n/, join('', <$socket>), 2;
}


# Takes one chunked body from the text.

sub unchunked {
    my ($text) = @_;

    my $body = '';

    while ($$text =~ s/^([0-9a-f]+)\r\n//) {
        my $size = hex $1;

        $body .= substr $$text, 0, $size, '';
        $$text =~ s/^\r\n// or die "a chunk without an end\n";
        return $body if $size == 0;
    }

    die "no last chunk\n";
}
