# A real Prometheus of the test's own.
#
#     my $prometheus = FlowExporter::Prometheus->start(INTERVAL,
#                                                      JOB => PORT ...);
#
#     INTERVAL  seconds from scrape to scrape, and the timeout of one
#     JOB       a target on 127.0.0.1, /metrics
#
#     ->api(WHAT)      data of /api/v1/WHAT
#     ->query(QUERY)   result of an instant query
#     ->value(QUERY)   of the first series of one, or undef
#     ->metrics        of its own
#     ->log            what it has said
#
# It ends with the test.

package FlowExporter::Prometheus;

use strict;
use warnings;

use JSON::PP ();

my %running;


sub start {
    my ($class, $interval, %ports) = @_;

    my $dir = FlowExporter::private_dir();
    my $address = '127.0.0.1:' . FlowExporter::free_port();
    my $self = bless { dir => $dir, url => "http://$address" }, $class;
    my $jobs = join '', map { "  - job_name: $_\n    static_configs: "
                              . "[{ targets: ['127.0.0.1:$ports{$_}'] }]\n" }
                        sort keys %ports;

    FlowExporter::spew("$dir/prometheus.yml", <<"END");
global:
  scrape_interval: ${interval}s
  scrape_timeout: ${interval}s
scrape_configs:
$jobs
END

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', "$dir/log" or die "cannot write \"$dir/log\": $!\n";
        open STDERR, '>&', \*STDOUT;
        exec 'prometheus', "--config.file=$dir/prometheus.yml",
             "--storage.tsdb.path=$dir/data", "--web.listen-address=$address"
            or die "cannot run prometheus: $!\n";
    }

    $running{$pid} = $$;

    FlowExporter::wait_for(
        sub { FlowExporter::http(GET => "$self->{url}/-/ready")->{success} },
        'Prometheus', 60);

    return $self;
}


sub api {
    my ($self, $what) = @_;
    my $reply = FlowExporter::http(GET => "$self->{url}/api/v1/$what");

    $reply->{success} or die "$what: $reply->{status} $reply->{content}\n";

    return JSON::PP::decode_json($reply->{content})->{data};
}


sub query {
    my ($self, $query) = @_;

    return $self->api('query?query='
                      . $query =~ s/([^a-z0-9_])/sprintf '%%%02x', ord $1/gier)
           ->{result};
}


sub value {
    my ($self, $query) = @_;

    return $self->query($query)->[0]{value}[1];
}


sub metrics {
    my ($self) = @_;

    return FlowExporter::http(GET => "$self->{url}/metrics")->{content};
}


sub log {
    my ($self) = @_;

    return FlowExporter::slurp("$self->{dir}/log");
}


END {
    local ($?, $!);

    for my $pid (grep { $running{$_} == $$ } keys %running) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}

1;
