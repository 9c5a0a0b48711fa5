# Over TLS and HTTP/2 a scrape is the same text, behind the same password.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new;
my $dir = $nginx->dir;
my $port = free_port;

run('openssl', qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=metrics
                  -addext), 'subjectAltName=IP:127.0.0.1',
    '-keyout', "$dir/key.pem", '-out', "$dir/certificate.pem");
spew("$dir/users", "prometheus:{PLAIN}secret\n");
chmod 0644, "$dir/users";

$nginx->configure(http => <<"END");
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $dir/certificate.pem;
        ssl_certificate_key $dir/key.pem;
        gzip on;
        gzip_types text/plain;
        location = /metrics {
            auth_basic "metrics";
            auth_basic_user_file $dir/users;
            flow_exporter_metrics;
        }
    }
END
$nginx->allow(qr/listen \.\.\. http2/);
$nginx->start;

produce($nginx->topic, 0,
        map { record(as_src => $_, bytes => $_) } 1 .. 5000);

my $plain = $nginx->wait_consumed->text;
my @curl = ('curl', '--silent', '--max-time', 20, '--cacert',
            "$dir/certificate.pem");
my $url = "https://127.0.0.1:$port/metrics";

is(run(@curl, '-o', '/dev/null', '-w', '%{http_code}', $url), '401',
   'no password, no metrics');
is(run(@curl, '--http2', '--user', 'prometheus:guess', '-o', '/dev/null',
       '-w', '%{http_code}', $url), '401', 'another password neither');

push @curl, '--user', 'prometheus:secret';

for my $version ('--http1.1', '--http2') {
    ok(run(@curl, $version, $url) eq $plain, "$version: the same text");
    ok(run(@curl, $version, '--compressed', $url) eq $plain,
       "$version: the same text from gzip");
}

is(run(@curl, '--http2', '-o', '/dev/null', '-w', '%{http_version}', $url),
   '2', 'HTTP/2 it was');

my $head = run(@curl, '--http2', '--head', $url);

like($head, qr/\AHTTP\/2 200/, 'HEAD over HTTP/2');
like($head, qr/^content-type:\ text\/plain;\ version=0\.0\.4;
               \ charset=utf-8\r$/xmi, 'with the type that Prometheus asks');
unlike($head, qr/^#/m, 'and no body');


# beside each other on one connection

my @files = map { "$dir/scrape$_" } 1 .. 4;
my @connections = split /\n/, run(@curl, '--http2', '--parallel', '-w',
    '%{num_connects}\n', map { ('-o', $_, $url) } @files);

is(scalar(grep { $_ == 1 } @connections), 1, 'one connection, four scrapes');
ok(slurp($_) eq $plain, 'the same text beside others') for @files;

$nginx->stop;

done_testing;


# What a program says, which has to succeed.

sub run {
    my (@command) = @_;

    open my $output, '-|', 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', @command
        or die "cannot run \"$command[0]\": $!\n";

    my $text = do { local $/; <$output> };

    close $output or die "\"@command\" failed: $?\n";

    return $text;
}
