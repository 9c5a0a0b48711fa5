#!/usr/bin/perl

# Writes small MMDB files for the unit test of flow_names into a directory:
# NAME.mmdb, and beside it NAME.expected with what must be found, a line
# "<number> <name in hexadecimal>" for each AS number that has a name.

use strict;
use warnings;

use Encode qw(encode_utf8);
use MaxMind::DB::Writer::Tree;

use constant BUILD_EPOCH => 1700000000;
use constant NAME_MAX    => 255;
use constant SEED        => 20240229;

my ($dir) = @ARGV;

die "usage: $0 directory\n" unless defined $dir && -d $dir;

my @alphabet = ('a' .. 'z', 'A' .. 'Z', '0' .. '9', ' ', '-', ',', '.', '"',
                '\\', "\x{e9}", "\x{df}", "\x{142}", "\x{20ac}", "\x{65e5}",
                "\x{1f310}");

my %type = (
    autonomous_system_number       => 'uint32',
    autonomous_system_organization => 'utf8_string',
    asn                            => 'utf8_string',
    as_name                        => 'utf8_string',
    name                           => 'utf8_string',
    country                        => 'utf8_string',
    city                           => 'map',
    en                             => 'utf8_string',
);

my %taken;

srand(SEED);

geolite();
ipinfo();
integers();
foreign();
damage();


# GeoLite2-ASN: IPv4 within IPv6, several networks an AS, long names.

sub geolite {
    my ($tree, %names) = tree('GeoLite2-ASN', 6, 28, alias_ipv6_to_ipv4 => 1);

    my @numbers = (0, 1, 65535, 65536, 2147483648, 4294967295,
                   map { int(rand(4294967296)) } 1 .. 400);

    for my $number (@numbers) {
        $names{$number} = random_name() unless exists $names{$number};
    }

    $names{1} = "\x{20ac}" x 85;                # 255 bytes
    $names{65535} = 'x' . "\x{20ac}" x 85;      # 256, to be cut to 253
    $names{65536} = 'y' x 254 . "\x{e9}";       # 256, to be cut to 254

    for my $number (@numbers) {
        my $data = {
            autonomous_system_number       => $number,
            autonomous_system_organization => $names{$number},
        };

        for (0 .. int(rand(4))) {
            $tree->insert_network(random_ipv4(), $data);
            $tree->insert_network(random_ipv6(), $data);
        }
    }

    write_all('geolite', $tree, \%names);
}


# IPinfo: numbers as text, two keys for the name, networks without an AS.

sub ipinfo {
    my $tree = tree('ipinfo asn.mmdb', 4, 24);

    my @records = (
        { country => 'AU' },
        { country => 'DE', asn => '', as_name => '' },
        { asn => 'AS64496', as_name => 'by as_name', name => 'not this' },
        { asn => 'AS64497', name => 'by name', country => 'FR' },
        { asn => '64498', name => 'no prefix' },
        { asn => 'AS64499' },
        { asn => 'AS64500', name => '' },
        { asn => 'AS', name => 'no number' },
        { asn => 'AS64501x', name => 'not a number' },
        { asn => 'AS4294967296', name => 'too large' },
        { asn => 'AS4294967295', name => 'largest' },
        { asn => 'AS64502', name => 'first' },
        { asn => 'AS64502', name => 'second' },
        { asn => 'AS64503', name => ', US' },
    );

    for my $i (0 .. $#records) {
        $tree->insert_network("20.0.$i.0/24", $records[$i]);
    }

    write_all('ipinfo', $tree, {
        64496 => 'by as_name', 64497 => 'by name', 64498 => 'no prefix',
        4294967295 => 'largest', 64502 => 'first', 64503 => ', US',
    });
}


# A file for each type of number: those up to 32 bits are accepted.

sub integers {
    my %expected = (
        uint16  => { 64496 => 'short' },
        int32   => { 64496 => 'short', 2147483647 => 'signed' },
        uint32  => { 64496 => 'short', 2147483647 => 'signed',
                     4294967295 => 'long' },
        uint64  => { 64496 => 'short', 2147483647 => 'signed',
                     4294967295 => 'long' },
        uint128 => {},
        double  => {},
    );

    my %values = (
        uint16  => { 64496 => 'short' },
        int32   => { 64496 => 'short', 2147483647 => 'signed',
                     -1 => 'negative' },
        uint32  => $expected{uint32},
        uint64  => { 64496 => 'short', 2147483647 => 'signed',
                     4294967295 => 'long', 4294967296 => 'too long' },
        uint128 => { 64496 => 'short' },
        double  => { 64496 => 'short' },
    );

    for my $integer (sort keys %values) {
        local $type{autonomous_system_number} = $integer;

        my $tree = tree('GeoLite2-ASN', 6, 32);
        my $i = 0;

        for my $number (sort keys %{ $values{$integer} }) {
            $tree->insert_network('20.0.' . $i++ . '.0/24', {
                autonomous_system_number       => $number,
                autonomous_system_organization => $values{$integer}{$number},
            });
        }

        write_all($integer, $tree, $expected{$integer});
    }
}


# Files of another purpose: "bare" has a record that is a string and no map,
# "late" has an AS name, but behind 10,000 other records.

sub foreign {
    my $tree = tree('GeoLite2-City', 6, 28);

    $tree->insert_network("20.0.$_.0/24", { city => { en => "city $_" } })
        for 0 .. 9;

    write_all('city', $tree, {});

    $tree = tree('Bare', 4, 24, root_data_type => 'utf8_string');
    $tree->insert_network('20.0.0.0/24', 'AS5');
    write_all('bare', $tree, {});

    $tree = tree('Late', 4, 28);

    for my $i (0 .. 9_999) {
        $tree->insert_network('20.' . int($i / 256) . '.' . $i % 256 . '.0/24',
                              { country => "country $i" });
    }

    $tree->insert_network('30.0.0.0/24',
                          { asn => 'AS64496', name => 'too late' });

    write_all('late', $tree, {});
}


# Small, for the test to damage; PLACEHOLDER becomes invalid UTF-8.

sub damage {
    my $tree = tree('GeoLite2-ASN', 6, 24);
    my %names = (64496 => 'PLACEHOLDER one', 64497 => 'two', 64498 => 'three');

    for my $number (sort keys %names) {
        $tree->insert_network('20.0.' . $number % 256 . '.0/24', {
            autonomous_system_number       => $number,
            autonomous_system_organization => $names{$number},
        });
    }

    write_all('damage', $tree, \%names);
}


sub tree {
    my ($database_type, $ip_version, $record_size, %more) = @_;

    my $tree = MaxMind::DB::Writer::Tree->new(
        database_type            => $database_type,
        ip_version               => $ip_version,
        record_size              => $record_size,
        description              => { en => 'for a test' },
        map_key_type_callback    => sub { $type{ $_[0] } },
        remove_reserved_networks => 0,
        %more,
    );

    $tree->_set_build_epoch(BUILD_EPOCH);

    return $tree;
}


sub write_all {
    my ($name, $tree, $names) = @_;

    open my $mmdb, '>:raw', "$dir/$name.mmdb" or die "$dir/$name.mmdb: $!\n";
    $tree->write_tree($mmdb);
    close $mmdb or die "$dir/$name.mmdb: $!\n";

    open my $expected, '>', "$dir/$name.expected"
        or die "$dir/$name.expected: $!\n";

    print {$expected} "$_ ", unpack('H*', cut($names->{$_})), "\n"
        for sort keys %$names;

    close $expected or die "$dir/$name.expected: $!\n";
}


# The name's bytes, without the characters that do not fit.

sub cut {
    my ($name) = @_;

    chop $name while length encode_utf8($name) > NAME_MAX;

    return encode_utf8($name);
}


sub random_name {
    my $length = rand() < 0.1 ? 200 + int(rand(200)) : 1 + int(rand(40));

    return join '', map { $alphabet[ rand @alphabet ] } 1 .. $length;
}


# Networks of one size a family overlap only if they are the same.

sub random_ipv4 {
    return unused(sub {
        join('.', 20 + int(rand(80)), int(rand(256)), int(rand(256)), 0)
            . '/24';
    });
}


sub random_ipv6 {
    return unused(sub {
        sprintf '2a%02x:%x::/32', int(rand(256)), int(rand(65536));
    });
}


sub unused {
    my ($choose) = @_;
    my $network;

    do { $network = $choose->() } while $taken{$network}++;

    return $network;
}
