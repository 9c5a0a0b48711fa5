# docker/compose.yaml without Docker: is each file that it mounts good for the
# program that reads it, do all names lead to something, and does a packet of
# a router arrive in Prometheus?  Kafka, pmacct and Prometheus are those of
# this machine, the exporter is the image; all names of services are loopback.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Image;
use IO::Socket::IP;
use JSON::PP;
use POSIX ();
use Test::More;
use YAML::XS qw(LoadFile);

my $docker = "$FlowExporter::root/docker";
my $compose = LoadFile("$docker/compose.yaml");
my $services = $compose->{services};
my $dashboard = decode_json(
    slurp("$docker/grafana/dashboards/flows.json"));
my $dir = private_dir();
my %pids;


is(qx(docker-compose -f "$docker/compose.yaml" config -q 2>&1), '',
   'compose.yaml is one');

references();
prometheus_files();
grafana_files();
all_together();

done_testing;


sub references {
    my %volumes = %{ $compose->{volumes} };

    for my $name (sort keys %$services) {
        my $service = $services->{$name};

        for my $mount (@{ $service->{volumes} // [] }) {
            my ($source, $target) = split /:/, $mount;

            ok($source =~ /^\./ ? -e "$docker/$source"
                                : exists $volumes{$source},
               "$name: $source, for $target");
            $volumes{$source} = 'used' if $source !~ /^\./;
        }

        ok($services->{$_}, "$name: depends on $_")
            for @{ $service->{depends_on} // [] };

        like($service->{image}, qr/^flow-exporter$|:v?\d+\.\d+\.\d+$/,
             "$name: a known version");
    }

    is_deeply([grep { ($volumes{$_} // '') ne 'used' } keys %volumes], [],
              'all volumes are used');

    my $exporter = $services->{exporter};
    my ($volume) = keys %{ FlowExporter::Image::config->{Volumes} };

    is_deeply([map { (split /:/)[1] } @{ $exporter->{volumes} }], [$volume],
              "the exporter's volume is the image's");
    ok(-f "$docker/$exporter->{build}{context}/"
          . $exporter->{build}{dockerfile}, 'the Dockerfile');
    ok($exporter->{read_only}, 'the exporter is read-only');
}


# What a service has at a path.

sub mounted_at {
    my ($service, $path) = @_;

    my ($source) = map { m{^([^:]+):\Q$path\E(?::|$)} }
                   @{ $services->{$service}{volumes} };

    return $source // die "$service has no $path\n";
}


sub mounted {
    return "$docker/" . mounted_at(@_);
}


sub prometheus_files {
    my $path = mounted('prometheus', '/etc/prometheus/prometheus.yml');
    my $said = qx(promtool check config "$path" 2>&1);

    is($?, 0, 'prometheus.yml is one') or diag($said);

    my $targets = LoadFile($path)
        ->{scrape_configs}[0]{static_configs}[0]{targets};

    is_deeply($targets, ['exporter:9590'], 'its target is the exporter');
}


sub grafana_files {
    my $provisioning = '/etc/grafana/provisioning';
    my $sources = LoadFile(mounted('grafana', "$provisioning/datasources")
                           . '/flows.yaml')->{datasources};
    my $provider = LoadFile(mounted('grafana', "$provisioning/dashboards")
                            . '/flows.yaml')->{providers}[0];

    is($sources->[0]{url}, 'http://prometheus:9090', "Prometheus' address");
    is($provider->{options}{path}, "$provisioning/dashboards",
       'the directory of the dashboards');
    is($services->{grafana}{environment}
           {GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH},
       "$provisioning/dashboards/flows.json", 'the first page');

    my (%ids, $rules);

    for my $panel (@{ $dashboard->{panels} }) {
        ok(!$ids{ $panel->{id} }++, "panel $panel->{title}");
        is($panel->{datasource}{uid}, $sources->[0]{uid}, '... its source');
        $rules .= "      - record: panel\n        expr: $_->{expr}\n"
            for @{ $panel->{targets} };
    }

    spew("$dir/rules.yaml", "groups:\n  - name: panels\n    rules:\n$rules");

    my $said = qx(promtool check rules "$dir/rules.yaml" 2>&1);

    is($?, 0, 'the queries are queries') or diag($said);
}


sub all_together {
    start_kafka();

    my $exporter = FlowExporter::Image->run(
        arguments => $services->{exporter}{command});

    $exporter->wait_error(qr/kafka: connected/);

    start('prometheus', 'prometheus', "--storage.tsdb.path=$dir/data",
          '--web.listen-address=127.0.0.1:9090', '--config.file='
          . mounted('prometheus', '/etc/prometheus/prometheus.yml'));
    start('nfacctd', 'nfacctd', '-f',
          mounted('collector', '/etc/pmacct/nfacctd.conf'));

    wait_for(sub { slurp("$dir/nfacctd.log") =~ /waiting for NetFlow/ },
             'nfacctd');

    # source AS, destination AS, bytes

    send_netflow([15169, 64500, 1000], [64500, 15169, 77]);

    # a first packet may wait in pmacct until another one comes

    my ($receive, $transmit);

    wait_for(
        sub {
            send_netflow([64501, 3356, 5]);
            $receive = query('flow_receive_bytes_total');
            $transmit = query('flow_transmit_bytes_total');
            return $receive && $transmit;
        },
        'Prometheus to have the flows', 300);

    is($transmit->{value}[1], 77, 'bytes of a packet, transmitted');
    like($transmit->{metric}{destination_as_name}, qr/google/i,
         'with the name of the AS');
    is($receive->{value}[1], 1000, 'and received');
    is($receive->{metric}{hostname}, '127.0.0.1', 'by which router');
    is(query('flow_exporter_records_total{result="invalid"}')->{value}[1], 0,
       'no record is wrong');

    for my $panel (@{ $dashboard->{panels} }) {
        my $result = query($panel->{targets}[0]{expr});

        ok($result, "panel $panel->{title} shows something")
            if $panel->{type} eq 'stat';
    }

    is($exporter->stop, 0, 'the exporter ends in order');
    is(scalar($exporter->errors =~ /\[(?:crit|alert|emerg)\]/), '',
       'and had no trouble');
}


# The first result, if there is one; a query that is none is an error.

sub query {
    my ($expression) = @_;

    my $url = 'http://127.0.0.1:9090/api/v1/query?query='
              . $expression =~ s/([^\w])/sprintf '%%%02x', ord $1/ger;
    my $reply = http(GET => $url);

    return if $reply->{status} == 599 || $reply->{status} == 503;

    my $said = decode_json($reply->{content});

    $said->{status} eq 'success' or die "$expression: $said->{error}\n";

    return $said->{data}{result}[0];
}


# By its environment, of which the program that Kafka has for its image makes
# properties.

sub start_kafka {
    my ($version) = slurp("$FlowExporter::root/t/kafka/pom.xml")
                    =~ m{<kafka\.version>(.*)<};

    is($services->{kafka}{image}, "apache/kafka:$version",
       'Kafka is the one that is tested');
    ok(mounted_at('kafka', $services->{kafka}{environment}{KAFKA_LOG_DIRS}),
       "Kafka's data lie in a volume");

    my %environment = (%{ $services->{kafka}{environment} },
                       KAFKA_LOG_DIRS => "$dir/kafka");
    my $classes = qx("$FlowExporter::root/t/tools/kafka" fetch);

    $? == 0 or die "no Apache Kafka\n";
    chomp $classes;

    my @java = ('java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
                '-Xmx512m', '-cp', "$classes/*");

    mkdir "$dir/$_" for qw(defaults none properties);
    spew("$dir/defaults/$_", '')
        for qw(server.properties log4j2.yaml tools-log4j2.yaml);

    is(system('env', map({ "$_=$environment{$_}" } keys %environment),
              'sh', '-c', 'exec "$@" > "$0" 2>&1', "$dir/setup.log",
              @java, 'kafka.docker.KafkaDockerWrapper', 'setup',
              '-D', "$dir/defaults", '-M', "$dir/none",
              '-F', "$dir/properties"), 0,
       "Kafka's environment makes properties")
        or diag(slurp("$dir/setup.log"));

    start('kafka', @java, 'kafka.Kafka', "$dir/properties/server.properties");

    wait_for(sub { qx(kcat -L -m 2 -b kafka:9092 2>/dev/null) =~ / at kafka:/ },
             'Kafka', 90);

    # each of them is among the values that it logs

    my $log = slurp("$dir/kafka.log");

    like($log, qr/^\t\Q$_\E = /m, "Kafka knows $_")
        for slurp("$dir/properties/server.properties") =~ /^([^=\n]+)=/mg;
}


sub start {
    my ($name, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', @command
            or POSIX::_exit(127);
    }

    $pids{$pid} = $name;
    wait_for(sub { -e "$dir/$name.log" }, $name);
}


# NetFlow version 5, to where compose.yaml has the collector listen

sub send_netflow {
    my @flows = @_;

    my ($port) = $services->{collector}{ports}[0] =~ m{^(\d+):\1/udp$};

    my $records = join '', map {
        my ($source, $destination, $bytes) = @$_;

        pack('N3 n2 N4 n2 C4 n2 C2 n', 0xc0000201, 0xc6336401, 0, 1, 2,
             1, $bytes, 1, 2, 1024, 80, 0, 0, 6, 0, $source, $destination,
             24, 24, 0);
    } @flows;

    my $socket = IO::Socket::IP->new(PeerHost => 'collector', Proto => 'udp',
                                     PeerPort => $port // die "no UDP port\n")
        or die "no socket: $!\n";

    print $socket pack('n2 N4 C2 n', 5, scalar @flows, 1000, time, 0, 0, 0, 0,
                       0), $records;
    close $socket or die "cannot send: $!\n";
}


END {
    my $failed = $? || !Test::More->builder->is_passing;

    local ($?, $!);

    kill 'KILL', keys %pids;
    waitpid $_, 0 for keys %pids;

    for my $name ($failed ? sort values %pids : ()) {
        my @lines = slurp("$dir/$name.log") =~ /^.*\n/mg;

        diag(map { "$name: $_" } @lines > 9 ? @lines[-9 .. -1] : @lines);
    }
}
