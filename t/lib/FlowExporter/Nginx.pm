# An nginx of the test's own, in a directory of its own.
#
#     my $nginx = FlowExporter::Nginx->new(PART => TEXT ...);
#
#     main       at the top of nginx.conf         workers  2
#     http       in "http"                        topic    "flows1", ...
#     server     in the only server               partitions  1
#     exporter   in the block "flow_exporter", after brokers, topic and
#                "start earliest"; undef: no such block, no location /metrics
#     broker     an object like FlowExporter::Broker, the test's own "broker"
#     brokers    of the directive, those of the broker
#
#     ->start                   creates the topic (unless partitions are 0),
#                               runs nginx, waits for the first answer; returns
#                               the object
#     ->configure(PART => TEXT ...)  writes nginx.conf anew, changing parts
#     ->test                    (status, output) of nginx -t
#     ->run(ARGUMENTS)          (status, output) of nginx with -p and -c
#     ->reload                  SIGHUP; waits until the workers and the flow
#                               exporter process are all new ones
#     ->signal(NAME, PID)       to the master, or to another process
#     ->stop(NAME)              QUIT, waits for the end of all processes; dies
#                               if one is left over; fails the test where the
#                               log has lines of alert, crit or emerg
#     ->kill_all                SIGKILL to all processes at once, and waits for
#                               their end
#     ->allow(PATTERN)          except such ones
#
#     ->dir, ->port, ->topic, ->url(PATH), ->error_log, ->conf   where it is
#     ->master                  process id by the pid file
#     ->workers                 those that accept connections; a list
#     ->exporter                of the dedicated process, or undef
#     ->processes               { id => title } of all that it has started,
#                               upgraded masters and their children too
#     ->wait_exporter(OTHER)    waits for a flow exporter process, another one
#                               than OTHER; returns its id
#     ->log(FROM)               text of the error log, FROM an earlier length
#     ->wait_log(PATTERN, FROM) waits for a line
#
#     ->scrape(PATH)            FlowExporter::Scrape of /metrics, or PATH
#     ->wait_consumed(OPTIONS)  waits until all that was produced is counted,
#                               and returns that scrape;  path, topic: others
#                               than its own;  messages: how many the zone is
#                               to have counted, or undef, for all;  seconds
#
# Each ends with the test, and so does its directory.

package FlowExporter::Nginx;

use strict;
use warnings;

use Test::More ();

my $count = 0;
my %running;    # session => process id of the test

# What nginx would create elsewhere

my $options = qx("$FlowExporter::nginx_binary" -V 2>&1);

my @temporary = grep { $options !~ /--without-http_\Q$_\E_module/ }
                qw(client_body proxy fastcgi uwsgi scgi);


sub new {
    my ($class, %parts) = @_;

    my $self = bless {
        dir        => FlowExporter::private_dir(),
        port       => FlowExporter::free_port(),
        topic      => $parts{topic} // 'flows' . ++$count,
        partitions => $parts{partitions} // 1,
        broker     => $parts{broker},
        allowed    => [],
        parts      => { main => '', events => '', http => '', server => '',
                        exporter => 'asn 64500;', workers => 2,
                        brokers => undef },
    }, $class;

    delete @parts{qw(topic partitions broker)};
    $self->configure(%parts);

    return $self;
}


sub dir       { return $_[0]{dir} }
sub port      { return $_[0]{port} }
sub topic     { return $_[0]{topic} }
sub conf      { return "$_[0]{dir}/nginx.conf" }
sub error_log { return "$_[0]{dir}/error.log" }
sub url       { return "http://127.0.0.1:$_[0]{port}" . ($_[1] // '/metrics') }


# The mock is started for those who need it.

sub broker {
    my ($self) = @_;

    return $self->{broker} //= FlowExporter::broker();
}


sub configure {
    my ($self, %parts) = @_;

    exists $self->{parts}{$_} or die "no part of nginx.conf: $_\n"
        for keys %parts;

    my %all = %{ $self->{parts} } = (%{ $self->{parts} }, %parts);
    my $dir = $self->{dir};
    my $user = $> == 0 ? 'user nobody ' . getgrgid((getpwnam 'nobody')[3])
                         . ';' : '';
    my $paths = join "\n    ", map { "${_}_temp_path $dir/${_}_temp;" }
                               @temporary;
    my ($exporter, $location) = ('', '');

    if (defined $all{exporter}) {
        my $brokers = $all{brokers} // $self->broker->bootstrap =~ tr/,/ /r;

        $exporter = "flow_exporter {\n        brokers $brokers;\n"
                    . "        topic $self->{topic};\n"
                    . "        start earliest;\n"
                    . "        $all{exporter}\n    }";
        $location = 'location = /metrics { flow_exporter_metrics; }';
    }

    FlowExporter::spew($self->conf, <<"END");
$FlowExporter::load_module
pid $dir/nginx.pid;
error_log $dir/error.log info;
worker_processes $all{workers};
$user
$all{main}

events {
    worker_connections 256;
    $all{events}
}

http {
    access_log $dir/access.log;
    $paths
    flow_exporter_state_path $dir/state;
    $exporter
    $all{http}

    server {
        listen 127.0.0.1:$self->{port};
        $location
        $all{server}
    }
}
END
}


sub run {
    my ($self, @arguments) = @_;

    my $dir = $self->{dir};

    open my $output, '-|', 'timeout', 20 * $FlowExporter::patience,
        'sh', '-c', 'exec "$@" 2>&1', 'sh', $FlowExporter::nginx_binary,
        '-p', "$dir/", '-e', "$dir/error.log", '-c', $self->conf, @arguments
        or die "cannot run \"$FlowExporter::nginx_binary\": $!\n";

    my $said = do { local $/; <$output> } // '';
    close $output;

    return ($? >> 8, $said);
}


sub test {
    my ($self) = @_;

    return $self->run('-t');
}


sub start {
    my ($self) = @_;

    # not again: the broker may be away

    if ($self->{partitions} && !$self->{has_topic}) {
        $self->broker->topic($self->{topic}, $self->{partitions})
            if !%{ $self->broker->ends($self->{topic}) };
        $self->{has_topic} = 1;
    }

    my ($status, $said) = $self->run;

    $status == 0 or die "nginx has not started: $said\n";

    # nginx becomes the leader of a session, in which its children stay

    FlowExporter::wait_for(sub { -s "$self->{dir}/nginx.pid" }, 'pid file');
    $self->{session} = $self->master;
    $running{ $self->{session} } = $$;

    FlowExporter::wait_for(
        sub { FlowExporter::http(GET => $self->url('/'))->{status} != 599 },
        'an answer from nginx');

    return $self;
}


sub master {
    my ($self) = @_;

    my ($pid) = FlowExporter::slurp("$self->{dir}/nginx.pid") =~ /^(\d+)$/
        or die "no pid in \"$self->{dir}/nginx.pid\"\n";

    return $pid;
}


# Processes of a session, by /proc, without those that wait to be reaped.

sub session {
    my ($session) = @_;
    my %found;

    for my $dir (glob '/proc/[0-9]*') {
        open my $file, '<', "$dir/stat" or next;

        # name may hold anything; then state, parent, group, session

        (readline($file) // '') =~ /\) (\w) (\d+) \d+ (\d+) / or next;

        next if $1 eq 'Z' || $1 eq 'X' || $3 != $session;

        my $parent = $2;

        open $file, '<', "$dir/cmdline" or next;
        my $title = (readline($file) // '') =~ s/\0.*//sr;

        $found{ $dir =~ s{/proc/}{}r } = { title => $title,
                                           parent => $parent };
    }

    return \%found;
}


sub processes {
    my ($self) = @_;

    my $found = session($self->{session});

    return { map { $_ => $found->{$_}{title} } keys %$found };
}


# Children of the present master by title, newest last.

sub children {
    my ($self, $title) = @_;

    my $found = session($self->{session});
    my $master = $self->master;

    return sort { $a <=> $b }
           grep { $found->{$_}{parent} == $master
                  && $found->{$_}{title} eq "nginx: $title" } keys %$found;
}


sub workers {
    my ($self) = @_;

    return $self->children('worker process');
}


sub exporter {
    my ($self) = @_;

    return ($self->children('flow exporter process'))[-1];
}


sub wait_exporter {
    my ($self, $other) = @_;

    return FlowExporter::wait_for(
        sub {
            my $pid = $self->exporter // 0;
            return $pid != ($other // 0) && $pid;
        },
        'a flow exporter process');
}


sub signal {
    my ($self, $name, $pid) = @_;

    $pid //= $self->master;

    kill $name, $pid or die "cannot send SIG$name to $pid: $!\n";
}


sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } keys %{ $self->processes };

    delete $old{ $self->master };
    $self->signal('HUP');

    FlowExporter::wait_for(
        sub {
            my $now = $self->processes;

            return !grep({ $old{$_} } keys %$now)
                   && keys %$now > 1
                   && (!defined $self->{parts}{exporter} || $self->exporter);
        },
        'new processes after SIGHUP');
}


sub kill_all {
    my ($self) = @_;

    # stopped first: none sees the end of another one

    kill 'STOP', keys %{ $self->processes };

    FlowExporter::wait_for(
        sub { kill 'KILL', keys %{ $self->processes };
              !%{ $self->processes } }, 'the end of all processes');
    delete $running{ $self->{session} };
    unlink "$self->{dir}/nginx.pid";
}


sub stop {
    my ($self, $name) = @_;

    $self->signal($name // 'QUIT');

    FlowExporter::wait_for(sub { !%{ $self->processes } },
                           'the end of all processes');
    delete $running{ $self->{session} };
    $self->check_log;
}


sub allow {
    my ($self, $pattern) = @_;

    push @{ $self->{allowed} }, $pattern;
}


sub check_log {
    my ($self) = @_;

    for my $line ($self->log =~ /^(.*\[(?:alert|crit|emerg)\].*)$/mg) {
        next if grep { $line =~ $_ } @{ $self->{allowed} };
        Test::More::fail("no such line in the log: $line");
    }
}


sub log {
    my ($self, $from) = @_;

    return substr FlowExporter::slurp($self->error_log), $from // 0;
}


sub wait_log {
    my ($self, $pattern, $from) = @_;

    FlowExporter::wait_for(sub { $self->log($from) =~ $pattern },
                           "line in the log: $pattern");
}


sub scrape {
    my ($self, $path) = @_;

    return FlowExporter::Scrape->get($self->url($path));
}


sub wait_consumed {
    my ($self, %options) = @_;

    return wait_consumed_at($self->url($options{path}), broker => $self->broker,
                            topic => $self->{topic}, %options);
}


sub wait_consumed_at {
    my ($url, %options) = @_;

    my $topic = $options{topic};
    my $ends = ($options{broker} // FlowExporter::broker())->ends($topic);

    # a look at one family, where a whole scrape would take long

    FlowExporter::wait_for(
        sub {
            my $text = FlowExporter::http(GET => $url)->{content};
            my %next = $text =~ /^flow_exporter_next_offset\{.*partition=
                                 "(\d+)",topic="\Q$topic\E"\}\ (\d+)$/mgx;

            return $text =~ /^flow_exporter_ready\{.*\} 1$/m
                   && !grep { ($next{$_} // -1) < $ends->{$_} } keys %$ends;
        },
        "all of topic $topic counted at $url", $options{seconds});

    my $scrape = FlowExporter::Scrape->get($url);
    my $messages = 0;
    $messages += $_ for values %$ends;
    $messages = $options{messages} if exists $options{messages};

    if (defined $messages) {
        Test::More::is($scrape->sum('flow_exporter_messages_total',
                                    topic => $options{topic}), $messages,
                       "each of $messages messages was counted once");
    }

    return $scrape;
}


END {
    local ($?, $!);

    for my $session (grep { $running{$_} == $$ } keys %running) {

        # the master first, or it starts others

        kill 'KILL', $session;
        FlowExporter::wait_for(
            sub {
                my @left = keys %{ session($session) };
                kill 'KILL', @left;
                return !@left;
            },
            'the end of nginx');
    }
}


1;
