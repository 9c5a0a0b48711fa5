#!/usr/bin/perl

# make-state.pl DIRECTORY
#
# Seeds for the fuzz targets of state files: logs and images of an exporter
# that counts, is stopped and started.  nginx, module and broker as for the
# tests.

use strict;
use warnings;

use File::Copy qw(copy);
use FlowExporter;
use FlowExporter::State;

my ($directory) = @ARGV;
my $nginx = FlowExporter::Nginx->new(partitions => 2,
    exporter => 'asn 64500; transit on; zone 1m; commit 10ms;');
my $state = FlowExporter::State->new($nginx->dir . '/state');
my $topic = $nginx->topic;
my @next = (0, 0);

mkdir "$directory/$_" or die "cannot create \"$directory/$_\": $!\n"
    for qw(log image);

for my $life (1 .. 3) {
    $nginx->start;
    wait_for(sub { scraped() =~ /^flow_exporter_durable\{.*\} 1$/m },
             'an image');

    for my $batch (1 .. 4) {
        count(0, record(as_src => 64510 + $batch, bytes => $batch,
                        label => "edge$life.example.net"));
        count(1, $batch == 1 ? undef : $batch == 2 ? '{' : join "\n",
              record(as_src => 64500, as_dst => $life, label => 'a "b"'),
              record(as_src => 1, as_dst => $batch, bytes => 2 ** 40));
        wait_for(sub { is_counted() }, 'all is counted');
    }

    keep();
    $nginx->stop;
}

keep();


sub count {
    my ($partition, $message) = @_;

    produce($topic, $partition, $message);
    $next[$partition]++;
}


sub scraped {
    return http(GET => $nginx->url)->{content};
}


sub is_counted {
    my $text = scraped();

    return !grep {
        $text !~ /^flow_exporter_next_offset\{.*partition="$_".*\} $next[$_]$/m
    } 0, 1;
}


sub keep {
    copy($_, "$directory/log/") for $state->logs;
    copy($_, "$directory/image/") for $state->images;
}
