# A number of an AS says little: its name stands beside it, from whichever of
# the usual files there is; a new file takes effect by a reload, without a
# counter losing a byte; a file that has gone bad costs no name that is known.

use strict;
use warnings;

use FlowExporter;
use MaxMind::DB::Writer::Tree;
use Test::More;

use constant BUILD_EPOCH => 1700000000;

my $nginx = FlowExporter::Nginx->new(partitions => 2);
my $dir = $nginx->dir;
my @seen = (1, 2, 3, 64496 .. 64499, 64501 .. 64503, 4294967295);
my $bytes = 0;      # of each of them


# GeoLite2-ASN and DB-IP ASN Lite, with an AS in several networks of both
# families

mmdb("$dir/geolite.mmdb", { alias_ipv6_to_ipv4 => 1 },
    { '192.0.2.0/24'    => organization(64496, 'Example One') },
    { '2001:db8::/32'   => organization(64496, 'Example One') },
    { '198.51.100.0/25' => organization(64497, "Caf\x{e9} \x{65e5}\x{672c}") },
    { '203.0.113.0/24'  => organization(64498, 'He said "\\"') },
    { '198.51.100.128/25' => organization(64499, 'x' x 300) },
    { '2001:db8:1::/48' => organization(4294967295, "\x{e9}" x 200) },
    { '10.0.0.0/8'      => { autonomous_system_number => 64500 } },
);

$nginx->configure(exporter => "asn 64500;\nas_names geolite.mmdb;");
$nginx->start;

check('GeoLite2-ASN', 5, {
    64496 => 'Example One',
    64497 => "Caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac",
    64498 => 'He said \"\\\\\"',
    64499 => 'x' x 255,
    4294967295 => "\xc3\xa9" x 127,
});

is($nginx->scrape->value('flow_exporter_as_names_timestamp_seconds'),
   BUILD_EPOCH, 'the age of an MMDB is that of its making');


# IPinfo: the number is text, the name has one of two keys

mmdb("$dir/ipinfo.mmdb", {},
    { '192.0.2.0/24'    => { asn => 'AS64496', as_name => 'By as_name',
                             country => 'AU' } },
    { '198.51.100.0/24' => { asn => 'AS64497', name => 'By name' } },
    { '203.0.113.0/24'  => { asn => 'AS64498', as_name => '' } },
    { '10.0.0.0/8'      => { country => 'DE' } },
);

reload('ipinfo.mmdb');

check('IPinfo', 2, { 64496 => 'By as_name', 64497 => 'By name' });


# Text lists, as RIPE and CIDR Report publish them

my $modified = 1234567890;

FlowExporter::spew("$dir/ripe.txt", <<"END" =~ s/\\x(..)/chr hex $1/ger);
1 LVLT-1 - Level 3 Parent, LLC, US
2 UDEL-DCN, US
64496 Example, Inc.
64497 Lower, us
64498 He said "\\", ZZ
64499 Caf\\xe9 \\xc3\\xa9\\xff, FR
END
utime $modified, $modified, "$dir/ripe.txt";

reload('ripe.txt');

check('RIPE', 6, {
    1 => 'LVLT-1 - Level 3 Parent, LLC', 2 => 'UDEL-DCN',
    64496 => 'Example, Inc.', 64497 => 'Lower, us',
    64498 => 'He said \"\\\\\"', 64499 => "Caf \xc3\xa9",
});

is($nginx->scrape->value('flow_exporter_as_names_timestamp_seconds'),
   $modified, 'the age of a list is that of the file');

FlowExporter::spew("$dir/cidr.txt", <<"END");
# from CIDR Report

AS1      LVLT-1, US
  AS3    MIT-GATEWAYS, US\r
64500 own, ZZ
no number here
AS64501
64502   two   blanks, ZZ
64502 again, ZZ
4294967295 last, ZZ
END

reload('cidr.txt');

check('CIDR Report', 5, {
    1 => 'LVLT-1', 3 => 'MIT-GATEWAYS', 64502 => 'two   blanks',
    4294967295 => 'last',
}, 'own');


# A file that changes takes effect at a reload, and not before

my $large = join '', map { "$_ name of $_, ZZ\n" } 1 .. 100_000;

FlowExporter::spew("$dir/cidr.txt", $large);
check('changed, not reloaded', 5, {
    1 => 'LVLT-1', 3 => 'MIT-GATEWAYS', 64502 => 'two   blanks',
    4294967295 => 'last',
}, 'own');

reload('cidr.txt');

my %large = map { $_ => "name of $_" } grep { $_ <= 100_000 } @seen;

check('changed and reloaded', 100_000, \%large, 'name of 64500');


# A file that has gone: a reload refuses it, a new process goes on without

unlink "$dir/cidr.txt";

my $at = length $nginx->log;
my $exporter = $nginx->exporter;
my $gone = qr/open\(\) "\Q$dir\E\/cidr.txt" failed \(2: No such file [^\n]*\)/;

$nginx->allow(qr/\[emerg\] .* $gone/);
$nginx->signal('HUP');
$nginx->wait_log(qr/\[emerg\] .* $gone in \Q$dir\E\/nginx.conf:\d+$/m, $at);
is($nginx->exporter, $exporter, 'a reload without the file changes nothing');

$nginx->allow(qr/\[alert\] .* $exporter exited on signal 9/);
$nginx->signal('KILL', $exporter);
$nginx->wait_exporter($exporter);
$nginx->wait_log(qr/\[error\] .* "default": no AS names: $gone$/m, $at);

check('the file has gone', 100_000, \%large, 'name of 64500');


# Without a file there are no names, and nothing about them in a scrape

$nginx->configure(exporter => 'asn 64500;');
$nginx->reload;

my $scrape = check('as_names off', undef, {});

is_deeply([$scrape->all('flow_exporter_as_names_timestamp_seconds')], [],
          'nothing has an age');

$nginx->stop;
done_testing;


# Counts a byte from each AS, and compares all names.

sub check {
    my ($file, $count, $expected, $own) = @_;

    produce($nginx->topic, 0, map { record(as_src => $_) } @seen);
    $bytes++;

    my $scrape = $nginx->wait_consumed;
    my @series = $scrape->matching('flow_receive_bytes_total');
    my %names = map { @{ $_->{labels} }{qw(source_as source_as_name)} }
                @series;
    my %own = map { $_->{labels}{destination_as_name} => 1 } @series;
    my %counted = map { $_->{value} => 1 } @series;

    is_deeply(\%names, { (map { $_ => '' } @seen), %$expected },
              "$file: names");
    is_deeply([keys %own], [$own // ''], "$file: name of the destination");
    is(@series, @seen, "$file: one series an AS, whatever its name was");
    is_deeply([keys %counted], [$bytes], "$file: with all its bytes");
    is($scrape->value('flow_exporter_as_names'), $count,
       "$file: number of names");

    return $scrape;
}


sub reload {
    my ($file) = @_;

    $nginx->configure(exporter => "asn 64500;\nas_names $file;");
    $nginx->reload;
}


sub organization {
    my ($number, $name) = @_;

    return { autonomous_system_number       => $number,
             autonomous_system_organization => $name };
}


sub mmdb {
    my ($path, $options, @networks) = @_;

    my $tree = MaxMind::DB::Writer::Tree->new(
        database_type            => 'for a test',
        description              => { en => 'for a test' },
        ip_version               => 6,
        record_size              => 24,
        remove_reserved_networks => 0,
        map_key_type_callback    => sub {
            $_[0] eq 'autonomous_system_number' ? 'uint32' : 'utf8_string'
        },
        %$options,
    );

    $tree->_set_build_epoch(BUILD_EPOCH);
    $tree->insert_network(%$_) for @networks;

    open my $file, '>:raw', $path or die "cannot create \"$path\": $!\n";
    $tree->write_tree($file);
    close $file or die "cannot write \"$path\": $!\n";
}
