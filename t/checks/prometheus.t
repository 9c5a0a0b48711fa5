# A real Prometheus scrapes the demo for a minute, and another exporter that
# stands still.  No scrape fails, nothing in its log complains, and what it
# stores is what the exporters show: of the one that stands still each label
# and value, of the demo's counters nothing that was not between two looks of
# our own.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Prometheus;
use Test::More;
use Time::HiRes qw(time);

# a minute of them, the timeout being as long as the interval

my ($interval, $scrapes) = (3, 20);

my $dir = private_dir();
my $port = free_port;
my %pids;

END { kill 'TERM', keys %pids; waitpid $_, 0 for keys %pids }


$ENV{DEMO_PORT} = $port;
$ENV{NGINX_BINARY} = $FlowExporter::nginx_binary;

my $demo = start("$dir/demo.log", "$FlowExporter::root/demo/run");

# labels as bad as they come, and numbers that a double can hold

my $nginx = FlowExporter::Nginx->new->start;

produce($nginx->topic, 0,
        map { record(bytes => 9007199254740992 - $_, as_src => $_,
                     label => "a \"$_\"\\\n{x=\"y\"} \x{fc}") } 1 .. 50);
produce($nginx->topic, 0, record(bytes => -1), '{');
$nginx->wait_consumed;

wait_for(sub { http(GET => "http://127.0.0.1:$port/metrics")->{success} },
         'the demo', 60);

my $prometheus = FlowExporter::Prometheus->start($interval, demo => $port,
                                                 still => $nginx->port);

for my $job (qw(demo still)) {
    wait_for(sub { ($prometheus->value(over_time('count', $job)) // 0)
                   >= $scrapes },
             "$scrapes scrapes, $job", 4 * $interval * $scrapes);
}


# no scrape has failed

for my $job (qw(demo still)) {
    is($prometheus->value(over_time('min', $job)), 1,
       "$job: every scrape succeeded");
}

for my $target (@{ $prometheus->api('targets')->{activeTargets} }) {
    is($target->{lastError}, '', "$target->{labels}{job}: no error");
}

my $own = $prometheus->metrics;
my @refused = grep { !/ 0$/ } $own =~ /^(prometheus_target_\w*(?:out_of_\w+
                                       |duplicate_\w+|exceeded_\w+) .*)$/mgx;

is("@refused", '', 'no sample was refused');

my @complaints = grep { /level=(?:warn|error)/i }
                 split /\n/, $prometheus->log;

is("@complaints", '', 'no complaint in its log');


# what it has stored

my %stored = stored('still');
my %shown = shown($nginx->scrape);

delete $shown{$_} for grep { /commit/ } keys %shown;
is_deeply({ map { $_ => $stored{$_} } keys %shown }, \%shown,
          scalar(keys %shown) . ' series that stand still are the same');
is($prometheus->api('targets/metadata?metric=flow_receive_bytes_total&limit=1')
       ->[0]{type}, 'counter', 'a counter by its type');

my %before = shown(scrape("http://127.0.0.1:$port/metrics"));
my $seen = time;

wait_for(sub { $prometheus->value('timestamp(up{job="demo"})') > $seen + 0.1 },
         'the next scrape', 10 * $interval);
%stored = stored('demo');

my %after = shown(scrape("http://127.0.0.1:$port/metrics"));
my @counters = grep { /^flow_\w+_total\{/ } keys %before;
my @wrong = grep { !defined $stored{$_} || $stored{$_} < $before{$_}
                   || $stored{$_} > $after{$_} } @counters;

cmp_ok(scalar @counters, '>', 100, scalar(@counters) . ' counters');
is("@wrong[0 .. ($#wrong < 3 ? $#wrong : 3)]", '',
   'each between its values before and after');

$nginx->stop;

kill 'TERM', $demo;
waitpid $demo, 0;
delete $pids{$demo};
is($?, 0, 'the demo has run until it was told to end')
    or diag(slurp("$dir/demo.log"));

done_testing;


sub start {
    my ($log, @command) = @_;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', $log or die "cannot write \"$log\": $!\n";
        open STDERR, '>&', \*STDOUT;
        exec @command or die "cannot run \"$command[0]\": $!\n";
    }

    $pids{$pid} = 1;

    return $pid;
}


# Of all scrapes of a job that there have been.

sub over_time {
    my ($function, $job) = @_;

    return "${function}_over_time(up{job=\"$job\"}[1h])";
}


# Series of a job, by name and labels, without what Prometheus adds.

sub stored {
    my ($job) = @_;
    my %series;

    for my $series (@{ $prometheus->query(
                           "{job=\"$job\",__name__=~\"flow_.*\"}") })
    {
        my %labels = %{ $series->{metric} };
        my $name = delete @labels{qw(__name__)};

        delete @labels{qw(job instance)};
        $series{key($name, %labels)} = $series->{value}[1] + 0;
    }

    return %series;
}


# The same of a scrape of our own, of which labels are still escaped.  An
# empty label is none.

sub shown {
    my ($scrape) = @_;
    my %series;

    for my $series ($scrape->matching(undef)) {
        my %labels = %{ $series->{labels} };

        for my $value (values %labels) {
            $value =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
            utf8::decode($value);
        }

        $series{key($series->{name}, %labels)} = $series->{value} + 0;
    }

    return %series;
}


sub key {
    my ($name, %labels) = @_;

    return "$name\{"
           . join(',', map { "$_=$labels{$_}" }
                       grep { $labels{$_} ne '' } sort keys %labels) . '}';
}
