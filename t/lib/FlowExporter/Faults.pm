# The faults of the torture run, one function a kind.
#
#     my $faults = FlowExporter::Faults->new($torture);
#
#     ->kinds(MOUNTED)     names of all that can be; MOUNTED: the state
#                          directory is a file system of its own, which can
#                          be full
#     ->bring(KIND)        makes such a fault, and waits until nginx is whole
#                          again: so many processes as there were
#     ->count(KIND), ->counted    how many there were so far, and of which kinds
#     ->configure(NAME => VALUE)  transit, zone: what nginx.conf is to say;
#                          "commit" is another one each time
#     ->transit, ->commit  what it says, the latter in seconds
#
# For FlowExporter::Upgrades:
#
#     ->wait(CODE, WHAT)   until CODE returns true
#     ->master             process id by the pid file, or undef
#     ->children(MASTER)   process ids
#     ->kill_all, slay(PROCESSES)
#
# Faults that last, and those that take several steps, have others in them.

package FlowExporter::Faults;

use strict;
use warnings;

use List::Util qw(shuffle);
use Scalar::Util qw(weaken);

use FlowExporter;
use FlowExporter::Upgrades;

use constant WORKERS => 2;      # of FlowExporter::Nginx

my @commits = (0.05, 0.2, 1);

# Over in a moment, and at any time, also while another fault lasts

my %hits = (
    'process killed'        => \&kill_process,
    'worker killed'         => \&kill_worker,
    'all killed'            => \&kill_all,
    'restart'               => \&restart,
    'reload'                => \&reload,
);

my %kinds = (
    %hits,
    FlowExporter::Upgrades::kinds(),
    'master killed'         => \&kill_master,
    'reload, other zone'    => \&reload_zone,
    'reload, other transit' => \&reload_transit,
    'reload storm'          => \&reload_storm,
    'kill in a reload'      => \&kill_in_reload,
    'broker away'           => \&broker_away,
);

# Where they can be

my %mounted = ('disk full'     => \&disk_full);
my %nodes   = ('broker killed' => \&kill_broker);


sub new {
    my ($class, $torture) = @_;

    my $self = bless { torture => $torture, nginx => $torture->{nginx},
                       counts => {} }, $class;

    weaken($self->{torture});

    return $self;
}


sub kinds {
    my ($self, $mounted) = @_;

    return sort keys %kinds, $mounted ? keys %mounted : (),
                $self->{nginx}->broker->can('kill_nodes') ? keys %nodes : ();
}


sub count {
    my ($self, $kind) = @_;

    return $self->{counts}{$kind} // 0;
}


sub counted {
    my ($self) = @_;

    return sort keys %{ $self->{counts} };
}


sub transit {
    my ($self) = @_;

    return $self->{transit};
}


sub commit {
    my ($self) = @_;

    return $self->{commit};
}


sub configure {
    my ($self, %values) = @_;

    $self->{$_} = $values{$_} for keys %values;
    $self->{commit} = $commits[rand @commits];

    my $dir = $self->{nginx}->dir;

    $self->{nginx}->configure(exporter => join ' ',
        'asn 64500;', "as_names $dir/as-names.txt;", "zone $self->{zone};",
        'kafka reconnect.backoff.max.ms 500;',
        'commit ' . 1000 * $self->{commit} . 'ms;',
        $self->{transit} ? 'transit on;' : '');
}


sub bring {
    my ($self, $kind) = @_;

    $self->{counts}{$kind}++;
    ($kinds{$kind} // $mounted{$kind} // $nodes{$kind})->($self);
    $self->wait_whole;
}


# Some that are over in a moment.

sub hit {
    my ($self, $most) = @_;

    my @kinds = shuffle sort keys %hits;

    $self->bring($_) for @kinds[0 .. int(rand($most + 1)) - 1];
}


sub wait {
    my ($self, $condition, $what) = @_;

    return $self->{torture}->wait($condition, $what);
}


# One master, and as many children as it has to have.

sub wait_whole {
    my ($self) = @_;

    my $nginx = $self->{nginx};

    $self->wait(sub {
        return defined $self->master
               && keys %{ $nginx->processes } == 2 + WORKERS
               && defined $nginx->exporter
               && WORKERS == (() = $nginx->workers);
    }, 'nginx to be whole');
}


# The pid file is not there all the time.

sub master {
    my ($self) = @_;

    return eval { $self->{nginx}->master };
}


# Without a new master, which is a child of the old one.

sub children {
    my ($self, $parent) = @_;

    my $found = FlowExporter::Nginx::session($self->{nginx}{session});

    return grep { $found->{$_}{parent} == $parent
                  && $found->{$_}{title} !~ /^nginx: master/ } keys %$found;
}


# In vain where it has gone by itself.

sub slay {
    my (@processes) = @_;

    kill 'KILL', @processes;
}


sub kill_process {
    my ($self) = @_;

    my $process = $self->{nginx}->wait_exporter;

    slay($process);
    $self->{nginx}->wait_exporter($process);
}


sub kill_worker {
    my ($self) = @_;

    my @workers = $self->{nginx}->workers;
    my $worker = $workers[rand @workers];

    slay($worker);
    $self->wait(sub { !$self->{nginx}->processes->{$worker} },
                'the end of a worker');
}


sub kill_all {
    my ($self) = @_;

    $self->{nginx}->kill_all;
    unlink $self->{nginx}->dir . '/nginx.pid.oldbin';
    $self->{nginx}->start;
}


sub restart {
    my ($self) = @_;

    $self->{nginx}->stop;
    $self->{nginx}->start;
}


sub reload {
    my ($self) = @_;

    $self->{nginx}->reload;
}


# The process leaves by itself; the workers would stay, and go on to answer.
# Sometimes the next nginx is there before the process has gone.

sub kill_master {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my $process = $nginx->wait_exporter;
    my @workers = $nginx->workers;

    slay($nginx->master);

    my $left = sub { !$nginx->processes->{$process} };

    $self->wait($left, 'the process to leave') if rand() < 0.5;

    slay(@workers);
    $self->wait(sub { !grep { $_ != $process } keys %{ $nginx->processes } },
                'the end of the workers');
    unlink $nginx->dir . '/nginx.pid';

    my $session = $nginx->{session};

    $nginx->start;
    $self->wait(sub { !%{ FlowExporter::Nginx::session($session) } },
                'the process to leave');
}


sub reload_zone {
    my ($self) = @_;

    my @others = grep { $_ ne $self->{zone} } qw(2m 3m 4m);

    $self->configure(zone => $others[rand @others]);
    $self->{nginx}->reload;
}


# Which records are counted with the new "transit" has to be known.

sub reload_transit {
    my ($self) = @_;

    my $torture = $self->{torture};

    $torture->settle and die "not equal before the reload\n";
    $self->configure(transit => !$self->{transit} || 0);
    $self->{nginx}->reload;
    $torture->{player}->ask('play', $self->{transit});
}


sub reload_storm {
    my ($self) = @_;

    my $nginx = $self->{nginx};

    for (1 .. 3 + rand 10) {
        my $process = $nginx->exporter // 0;

        $nginx->signal('HUP');
        $nginx->wait_exporter($process) if rand() < 0.7;
    }

    $nginx->reload;
}


sub kill_in_reload {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my $old = $nginx->wait_exporter;
    my %before = %{ $nginx->processes };

    delete $before{ $nginx->master };
    $nginx->signal('HUP');
    $nginx->wait_exporter($old) if rand() < 0.7;

    my @victims = shuffle sort { $a <=> $b } grep { $_ != $nginx->master }
                                             keys %{ $nginx->processes };

    slay(@victims[0 .. rand @victims]);
    $self->wait(sub { !grep { $before{$_} } keys %{ $nginx->processes } },
                'the end of the old processes');
}


# Nothing is played, lest it be played twice; what is not counted yet waits.
# Apache Kafka's producer knows what it has played.

sub kill_broker {
    my ($self) = @_;

    my $broker = $self->{nginx}->broker;

    $broker->kill_nodes(1);
    $self->hit(2);
    $broker->start_nodes(1);
}


sub broker_away {
    my ($self) = @_;

    my $torture = $self->{torture};

    $torture->{player}->ask('pause');
    $self->{nginx}->broker->down;
    $self->hit(2);
    $self->{nginx}->broker->up;
    $torture->{player}->ask('play', $self->{transit});
}


sub disk_full {
    my ($self) = @_;

    my $path = $self->{nginx}->dir . '/state/filler';

    # an image is as large as half of that; then the disk fills on

    my $filler = fill($path, int rand 120_000);

    $self->wait(sub { syswrite $filler, "\0" x 4096; $self->is_durable(0) },
                'counters that are not durable');
    close $filler;

    # most is asked for by what ends the zone

    $self->bring(rand() < 0.5 ? 'all killed' : 'restart') if rand() < 0.7;
    $self->hit(1);
    unlink $path or die "unlink \"$path\": $!\n";
    $self->wait(sub { $self->is_durable(1) }, 'durable counters');
}


# All of the disk, but for so many bytes.  Returns a handle for more.

sub fill {
    my ($path, $room) = @_;

    open my $file, '>>', $path or die "cannot create \"$path\": $!\n";

    1 while syswrite $file, "\0" x 65536;

    $!{ENOSPC} or die "cannot fill \"$path\": $!\n";

    my $size = -s $file;

    truncate $file, $size > $room ? $size - $room : 0;

    return $file;
}


sub is_durable {
    my ($self, $durable) = @_;

    return http(GET => $self->{nginx}->url)->{content}
           =~ /^flow_exporter_durable\{.*\} $durable$/m;
}


1;
