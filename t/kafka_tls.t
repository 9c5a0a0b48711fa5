# Kafka behind TLS, client certificates and passwords: what works, what a log
# says where it does not, and that it works as soon as it is mended.  Secrets
# stay where they are.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $version = qx(kcat -V) =~ /librdkafka (\d+)\.(\d+)\.(\d+)/
              ? $1 * 10000 + $2 * 100 + $3 : 0;

# What older versions send, Kafka 4 refuses: with them there is a Kafka 3 for
# the logins by SCRAM.

my $scram_works = $version >= 20601;

my $dir = private_dir();

my %passwords = map { $_ => join '', map { ('a' .. 'z', 0 .. 9)[rand 36] }
                                     1 .. 24 }
                qw(plain scram wrong stranger);

my @names = ('IP:127.0.0.1', 'DNS:localhost');

openssl(qw(req -x509 -nodes -days 2 -subj /CN=test-CA -newkey ec -pkeyopt
           ec_paramgen_curve:P-256 -keyout ca.key -out ca.pem));

certificate('server', 'broker', 2, @names);
certificate('expired-server', 'broker', 0, @names);
certificate('other-server', 'broker', 2, 'DNS:kafka.example.net');
certificate('client', 'collector', 2);
certificate('expired-client', 'collector', 0);

my $kafka = start_kafka();
my $scram = $scram_works ? $kafka : start_kafka(version => '3.9.1');

my %exporters;

exporter('certificate', 'TLS', 'security.protocol ssl', own('client'));
exporter('no_certificate', 'TLS', 'security.protocol ssl');
exporter('expired', 'TLS', 'security.protocol ssl', own('expired-client'));
exporter('mended', 'MENDED', 'security.protocol ssl');
exporter('any_host', 'MENDED', 'security.protocol ssl',
         'ssl.endpoint.identification.algorithm none');
exporter('plain', 'PASSWORD', login('PLAIN', 'plain', 'plain'));
exporter('wrong_plain', 'PASSWORD', login('PLAIN', 'plain', 'wrong'));
exporter('stranger', 'PASSWORD', login('PLAIN', 'stranger', 'stranger'));
exporter('scram_4', 'PASSWORD', login('SCRAM-SHA-512', 'scram', 'scram'));

my $password = $scram->bootstrap('PASSWORD');

exporter('scram256', $password, login('SCRAM-SHA-256', 'scram', 'scram'));
exporter('scram512', $password, login('SCRAM-SHA-512', 'scram', 'scram'));
exporter('wrong_scram', $password, login('SCRAM-SHA-256', 'late', 'wrong'));

my $nginx = FlowExporter::Nginx->new(
    broker => $kafka, partitions => 0, exporter => undef,
    main => "error_log $dir/debug.log debug;",
    http => join("\n", map { "flow_exporter $_ { $exporters{$_} }" }
                       sort keys %exporters),
    server => join "\n", map { "location = /$_ { flow_exporter_metrics $_; }" }
                         sort keys %exporters)->start;


# what works

counts($_, 10100) for qw(certificate plain scram256 scram512);

if ($scram_works) {
    counts('scram_4', 10100);

} else {
    fails('scram_4', '_AUTHENTICATION',
          qr/SCRAM-SHA-512 \(for SCRAM, Kafka 4 needs librdkafka 2\.6\.1, and/);
}


# what does not

fails('no_certificate', '_TRANSPORT|_SSL',
      qr/no broker answers: .*(?:alert .*certificate|certificate required)/);
fails('expired', '_TRANSPORT|_SSL', qr/no broker answers: .*alert certificate/);
fails('mended', '_SSL',
      qr/Certificate \(subject=.*CN=broker.*\) .*: it has expired/);
fails('any_host', '_SSL', qr/Certificate .*: it has expired/);
fails('wrong_plain', '_AUTHENTICATION',
      qr/no broker answers: .*Authentication failed: Invalid username/);
fails('wrong_scram', '_AUTHENTICATION',
      qr/no broker answers: .*Authentication failed .*SCRAM-SHA-256/);
fails('stranger', 'TOPIC_AUTHORIZATION_FAILED',
      qr/topic "flows": Broker: Topic authorization failed/);
is($nginx->scrape('/stranger')->value('flow_exporter_kafka_connected'), 1,
   'a stranger is connected, and may do nothing');


# mended in Kafka: no reload

my $from = length $nginx->log;

$kafka->config(1, 'listener.name.mended.ssl.keystore.location',
               "$dir/other-server.keystore");
fails('mended', '_SSL', qr/Certificate .*: it is not for this (?:address|host)/,
      $from);
counts('any_host', 10100);
$kafka->config(1, 'listener.name.mended.ssl.keystore.location',
               "$dir/server.keystore");
counts('mended', 10100);

$scram->allow('late', 'read', 'topic', 'flows');
$scram->scram('late', 'SCRAM-SHA-256', $passwords{wrong});
counts('wrong_scram', 10100);

$kafka->allow('stranger', 'describe', 'topic', 'flows');
fails('stranger', 'TOPIC_AUTHORIZATION_FAILED',
      qr/topic "flows" partition $_: Broker: Topic authorization failed/)
    for 0, 1;
$kafka->allow('stranger', 'read', 'topic', 'flows');
counts('stranger', 10100);

# a right that is taken away, and given back

$from = length $nginx->log;
$kafka->forbid('stranger', $_, 'topic', 'flows') for qw(read describe);
$kafka->produce('flows', $_, record(bytes => 1)) for 0, 1;
fails('stranger', 'TOPIC_AUTHORIZATION_FAILED',
      qr/topic "flows".*: Broker: Topic authorization failed/, $from);
$kafka->allow('stranger', 'read', 'topic', 'flows');
counts('stranger', 10102);


# mended in files: a reload

password('wrong_plain', $passwords{plain});
certificate('expired-client', 'collector', 2);
$nginx->reload;
counts($_, 10102) for qw(wrong_plain expired stranger);


# what has to be allowed in Kafka is not more than that

like($kafka->log(1), qr/stranger is Denied/, 'Kafka tells of what is denied');
unlike($_->log(1), qr/User:(?:plain|scram|CN=collector) is Denied/,
       'the right to read the topic is all that is asked for')
    for $kafka, $scram;


# secrets, in files that only root reads; librdkafka has told all it knows

my @texts = ($nginx->log, slurp("$dir/debug.log"), $nginx->test);

push @texts, map { http(GET => $nginx->url($_))->{content} }
             '/', '/nowhere', map { "/$_" } keys %exporters;
push @texts, http(POST => $nginx->url('/plain'))->{content};

$nginx->allow(qr/\[emerg\] .*\.password:1$/);
password('plain', "\"$passwords{plain}\" extra");

my ($status, $said) = $nginx->test;

isnt($status, 0, 'a slip in the file with the password is found');
like($said, qr/invalid number of arguments in "kafka" directive/, 'and said');

spew("$dir/plain.password", qq(kafka sasl.pasword "$passwords{plain}";\n));
($status, my $more) = $nginx->test;
like($more, qr/knows no property "sasl\.pasword"/, 'a misspelt property, too');

push @texts, $said, $more, slurp($nginx->conf);

like("@texts", qr/CONF:   sasl\.password = \[redacted\]/,
     'the log has librdkafka\'s configuration');

my %secrets = (%passwords,
               key => (split /\n/, slurp("$dir/client.key"))[1]);

for my $secret (sort keys %secrets) {
    is(scalar(grep { /\Q$secrets{$secret}\E/ } @texts), 0,
       "no word of the secret: $secret");
}

$nginx->stop;

done_testing;


# A broker that is mended, others that are right; what the exporters' users
# need, and no more; records.

sub start_kafka {
    my (%options) = @_;

    my $module = 'org.apache.kafka.common.security.%s.%sLoginModule required';
    my $scram = sprintf "$module;", 'scram', 'Scram';
    my $plain = sprintf $module, 'plain', 'Plain';

    $plain .= qq( user_$_="$passwords{$_}") for qw(plain stranger);

    my $kafka = FlowExporter::Kafka->start(%options,
        listeners => { TLS => 'SSL', MENDED => 'SSL', PASSWORD => 'SASL_SSL' },
        properties => {
            'authorizer.class.name' =>
                'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
            'super.users' => 'User:ANONYMOUS',
            'ssl.keystore.type' => 'PEM',
            'ssl.keystore.location' => "$dir/server.keystore",
            'ssl.truststore.type' => 'PEM',
            'ssl.truststore.location' => "$dir/ca.pem",
            'ssl.allow.san.changes' => 'true',
            'listener.name.tls.ssl.client.auth' => 'required',
            'listener.name.mended.ssl.keystore.location' =>
                "$dir/expired-server.keystore",
            'listener.name.password.sasl.enabled.mechanisms' =>
                'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
            'listener.name.password.plain.sasl.jaas.config' => "$plain;",
            'listener.name.password.scram-sha-256.sasl.jaas.config' => $scram,
            'listener.name.password.scram-sha-512.sasl.jaas.config' => $scram,
        });

    $kafka->topic('flows', 2);
    $kafka->produce('flows', $_, map { record(bytes => $_) } 1 .. 100)
        for 0, 1;
    $kafka->allow($_, 'read', 'topic', 'flows')
        for 'CN=collector', 'plain', 'scram', 'ANONYMOUS';
    $kafka->scram('scram', $_, $passwords{scram})
        for 'SCRAM-SHA-256', 'SCRAM-SHA-512';

    return $kafka;
}


sub openssl {
    my (@arguments) = @_;

    my $said = qx(cd $dir && openssl @arguments 2>&1);

    $? == 0 or die "openssl @arguments: $said\n";
}


# NAME.pem, NAME.key and both in NAME.keystore; 0 days: it expires at once.

sub certificate {
    my ($name, $subject, $days, @alternatives) = @_;

    openssl(qw(req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256),
            '-subj', "/CN=$subject", '-keyout', "$name.key", '-out',
            "$name.csr");

    spew("$dir/$name.ext", @alternatives
         ? 'subjectAltName=' . join(',', @alternatives) . "\n"
         : "basicConstraints=CA:FALSE\n");

    openssl(qw(x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days),
            $days, '-in', "$name.csr", '-extfile', "$name.ext",
            '-out', "$name.pem");

    spew("$dir/$name.keystore", slurp("$dir/$name.key")
                                . slurp("$dir/$name.pem"));
    chmod 0600, "$dir/$name.key" or die "chmod \"$dir/$name.key\": $!\n";
}


sub own {
    my ($name) = @_;

    return ("ssl.certificate.location $dir/$name.pem",
            "ssl.key.location $dir/$name.key");
}


sub login {
    my ($mechanism, $user, $password) = @_;

    return ('security.protocol sasl_ssl', "sasl.mechanism $mechanism",
            "sasl.username $user", "password $passwords{$password}");
}


# Properties, the password in a file of its own.

sub exporter {
    my ($name, $brokers, @properties) = @_;

    $brokers = $kafka->bootstrap($brokers) if $brokers !~ /:/;

    for my $property (@properties) {
        next if $property !~ s/^password //;

        password($name, $property);
        $property = '';
    }

    $exporters{$name} = join ' ', "brokers $brokers; topic flows;",
        'start earliest; asn 64500; zone 1m;',
        "kafka ssl.ca.location $dir/ca.pem; kafka debug all;",
        map { $_ eq '' ? "include $dir/$name.password;" : "kafka $_;" }
        @properties;
}


sub password {
    my ($name, $password) = @_;

    spew("$dir/$name.password", "kafka sasl.password $password;\n");
    chmod 0600, "$dir/$name.password"
        or die "chmod \"$dir/$name.password\": $!\n";
}


sub counts {
    my ($name, $bytes) = @_;

    my $received = -1;

    eval {
        wait_for(sub {
            $received = $nginx->scrape("/$name")
                        ->value('flow_receive_bytes_total') // 0;

            return $received == $bytes;
        }, "records of $name");
    };

    is($received, $bytes, "$name counts");
}


sub fails {
    my ($name, $error, $line, $from) = @_;

    my $said = eval {
        $nginx->wait_log(qr/"$name": kafka: .*$line/, $from // 0);
    };

    ok($said, "$name: the log says why")
        or diag(join "\n", $nginx->log($from // 0) =~ /^(.*"$name".*)$/mg);

    my $counted = sub {
        return grep { $_->{labels}{error} =~ /^(?:$error)$/ && $_->{value} > 0 }
               $nginx->scrape("/$name")
                     ->matching('flow_exporter_kafka_errors_total');
    };

    ok(eval { wait_for($counted, 'an error') }, "$name: $error is counted");
}
