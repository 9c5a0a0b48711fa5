# The Internet has some 90,000 AS: does each of them get its name, from a
# database and from a text list of that size alike?  Needs what "make
# as-names" fetches.

use strict;
use warnings;

use FlowExporter;
use Test::More;

use constant RECORDS_PER_MESSAGE => 1000;

my $names = "$FlowExporter::root/build/as-names";
my $package = "$names/node_modules/\@ip-location-db/asn";

plan skip_all => 'no AS names of the whole Internet: "make as-names"'
    if !-f "$names.mmdb" || !-f "$names.txt";

my %expected = map { read_names("$package/asn-$_.csv") } 'ipv4', 'ipv6';
my @numbers = sort { $a <=> $b } keys %expected;

cmp_ok(@numbers, '>', 80_000, @numbers . ' AS numbers');

my $nginx = FlowExporter::Nginx->new(partitions => 4, exporter => <<"END");
asn 64500;
zone 64m;
as_names $names.mmdb;
END

$nginx->start;

my $made = check('database', 1);

$nginx->configure(exporter => "asn 64500;\nzone 64m;\nas_names $names.txt;");
$nginx->reload;

is(check('text list', 2), $made, 'both are as old as their source');

$nginx->stop;
done_testing;


# As labels; the file is read in another way than by tools/as-names.

sub read_names {
    my ($path) = @_;
    my %names;

    for my $line (split /\n/, slurp($path)) {
        my (undef, undef, $number, $name) = split /,/, $line, 4;

        $name =~ s/""/"/g if $name =~ s/^"(.*)"$/$1/;
        $name =~ s/[\\"]/\\$&/g;
        $name =~ s/ +$//;
        $names{$number} = $name;
    }

    return %names;
}


# Counts a byte from each AS, and compares all names; returns when the file
# was made.

sub check {
    my ($what, $bytes) = @_;

    my @messages = map { '{"as_src":' . $_ . ',"as_dst":64500,"bytes":1}' }
                   @numbers;

    for (my $partition = 0; @messages; $partition = ($partition + 1) % 4) {
        produce($nginx->topic, $partition,
                join '', splice @messages, 0, RECORDS_PER_MESSAGE);
    }

    $nginx->wait_consumed;

    my $text = http(GET => $nginx->url)->{content};
    my %found;

    while ($text =~ /^flow_receive_bytes_total\{(.*)\} $bytes$/mg) {
        my ($number, $name) = $1 =~
            /,source_as="(\d+)",source_as_name="((?:[^"\\]|\\.)*)"/;

        $found{$number} = $name;
    }

    my @wrong = grep { ($found{$_} // 'none') ne $expected{$_} } @numbers;

    is(keys %found, @numbers, "$what: a series of each number");
    is(@wrong, 0, "$what: each number has its name")
        or diag(map { "$_: $found{$_}, not $expected{$_}\n" }
                grep { defined } @wrong[0 .. 9]);

    $text =~ /^flow_exporter_as_names\{.*\} (\d+)$/m;
    is($1, @numbers, "$what: no number more");

    $text =~ /^flow_exporter_as_names_timestamp_seconds\{.*\} (\d+)$/m;

    return $1;
}
