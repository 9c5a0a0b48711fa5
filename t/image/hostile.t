# Does nothing that stands in an option or a variable become a directive of
# its own, and is what is wrong told in one sentence?

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Image;
use Test::More;

my @brokers = ("--brokers=" . broker->bootstrap);


odd_values();
wrong_options();
wrong_variables();

done_testing;


# What nginx is given is what a variable says, to the last character.

sub odd_values {
    my $odd = q(/no/such "file'\\"; } # {$a ${b} \\n \\);
    my $dir = private_dir();

    spew("$dir/kafka", "\n# a comment\nssl.ca.location  $odd");
    chmod 0644, "$dir/kafka";

    for my $case ([FLOW_EXPORTER_KAFKA =>
                       "client.id  x\n  ssl.ca.location $odd"],
                  [FLOW_EXPORTER_KAFKA_FILE => '/run/kafka'])
    {
        my ($name, $value) = @$case;
        my $image = FlowExporter::Image->run(
            arguments => [@brokers, '--topic=none'],
            environment => { $name => $value },
            mounts => { '/run/kafka' => "$dir/kafka" });

        isnt($image->exit_status, 0, "$name: nginx refuses a file");
        like($image->errors, qr/\Q$odd\E/, "$name: whose name has odd marks");
    }

    my $names = FlowExporter::Image->run(
        arguments => [@brokers, '--topic=none'],
        environment => { FLOW_EXPORTER_AS_NAMES => "$odd\nwith two lines" });

    isnt($names->exit_status, 0, 'FLOW_EXPORTER_AS_NAMES: nginx refuses it');
    like($names->errors,
         qr/\[emerg\] .*open\(\) "\Q$odd\E\nwith two lines" failed/,
         'FLOW_EXPORTER_AS_NAMES: whose name has odd marks');

    my $image = FlowExporter::Image->run(
        arguments => [@brokers, '--topic=none'],
        environment => { FLOW_EXPORTER_KAFKA =>
                             "security.protocol SASL_PLAINTEXT\n"
                             . "sasl.mechanism PLAIN\n"
                             . "sasl.username a\nsasl.password secret\n" });

    $image->wait_error(qr/SASL/);

    my ($status, $said) = $image->inside('stat', '-c', '%a %u',
                                         '/tmp/nginx/nginx.conf');

    is($said, "600 33\n", 'a password can be read by its user only');
    unlike($image->errors . $image->output, qr/secret/,
           'and stands in no log');
    $image->stop;
}


sub wrong_options {
    my @good = ('--brokers=k:9092', '--topic=t');

    my @cases = (
        ['--brokers is missing; --help tells more'],
        ['--brokers is missing; --help tells more', '--topic=t'],
        ['--topic is missing; --help tells more', '--brokers=k:9092'],
        ['--brokers is missing; --help tells more', @good, '--brokers='],
        ['--topic: no value; --help tells more', '--topic'],
        ['--zone=1m: no such option; --help lists those that there are',
         @good, '--zone=1m'],
        ['--zone: no value; --help tells more', @good, '--zone'],
        ['more: no value; --help tells more', @good, 'more'],
        ['brokers=k:9092: no such option; --help lists those that there are',
         @good, 'brokers=k:9092'],
        ['---asn=1: no such option; --help lists those that there are',
         @good, '---asn=1'],
        map({ my ($option, $kind, $value) = @$_;
              ["--$option: \"$value\" is no $kind", @good,
               "--$option=$value"] }
            [brokers => 'list of HOST:PORT', 'k1:9092, k2:9092'],
            [brokers => 'list of HOST:PORT', 'k1:9092,'],
            [brokers => 'list of HOST:PORT', ',k1:9092'],
            [brokers => 'list of HOST:PORT', 'k1:9092,,k2:9092'],
            [brokers => 'list of HOST:PORT', 'k1:9092; topic evil'],
            [brokers => 'list of HOST:PORT', "k1:9092\n} evil"],
            [topic => 'list of topics', 't; } evil {'],
            [topic => 'list of topics', '"t"'],
            [topic => 'list of topics', 't\\'],
            [topic => 'list of topics', 't\\nt\\\\'],
            [topic => 'list of topics', "t\n"],
            [topic => 'list of topics', '$t'],
            [topic => 'list of topics', 't*'],
            [topic => 'list of topics', "t\xc3\xa9"],
            [asn => 'list of numbers', '64500; include /etc/passwd'],
            [partitions => 'list of numbers', '0-3'],
            [addr => '[HOST]:PORT', '9590'],
            [addr => '[HOST]:PORT', '[::1];:9590'],
            [addr => '[HOST]:PORT', 'a b:9590'],
            [addr => '[HOST]:PORT', 'a,b:9590'],
            [addr => '[HOST]:PORT', 'localhost:'],
            [addr => '[HOST]:PORT', ':http'],
            [addr => '[HOST]:PORT', ":\n9590"],
            [addr => '[HOST]:PORT', '']),
    );

    for my $case (@cases) {
        my ($said, @arguments) = @$case;

        FlowExporter::Image::refuses("@arguments", $said,
                                     arguments => \@arguments);
    }

    # what has the right form, nginx refuses

    my $image = FlowExporter::Image->run(
        arguments => [@good, '--asn=4294967296']);

    is($image->exit_status, 1, 'an AS number too large: exit status');
    like($image->errors, qr/\[emerg\] .*4294967296/,
         'an AS number too large: in words');
}


sub wrong_variables {
    my @cases = (
        [START => 'now; evil', 'FLOW_EXPORTER_START: "now; evil" is no time'],
        [TRANSIT => '}', 'FLOW_EXPORTER_TRANSIT: "}" is no on or off'],
        [ZONE => '1m;', 'FLOW_EXPORTER_ZONE: "1m;" is no size'],
        [KAFKA => "client.id a\nsasl.password=secret",
         'FLOW_EXPORTER_KAFKA, line 2: not "property value"'],
        [KAFKA => "sasl.password secret\r\n",
         'FLOW_EXPORTER_KAFKA, line 1: not "property value"'],
        [KAFKA => 'sasl.password',
         'FLOW_EXPORTER_KAFKA, line 1: not "property value"'],
        [KAFKA => 'a;b c', 'FLOW_EXPORTER_KAFKA, line 1: not "property value"'],
        [KAFKA_FILE => '/none',
         'FLOW_EXPORTER_KAFKA_FILE: cannot read "/none"'],
    );

    for my $case (@cases) {
        my ($name, $value, $said) = @$case;

        FlowExporter::Image::refuses("$name=$value", $said,
            arguments => ['--brokers=k:9092', '--topic=t'],
            environment => { "FLOW_EXPORTER_$name" => $value });
    }
}
