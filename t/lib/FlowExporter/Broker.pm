# The mock broker of t/tools/flow_broker.c, which says what each command does,
# and what has been produced into it.
#
#     my $broker = FlowExporter::Broker->start;     # (brokers => 3)
#
#     $broker->bootstrap                            "127.0.0.1:1234"
#     $broker->topic(NAME, PARTITIONS)
#     $broker->produce(TOPIC, PARTITION, MESSAGES)  (first, next offset)
#     $broker->down, ->up                           all, or (ID)
#     $broker->leader(TOPIC, PARTITION, ID)
#     $broker->error(TOPIC, NAME), ->push_error(API, NAME, COUNT)
#     $broker->ends(TOPIC)                          { partition => next offset }
#     $broker->reconnect                            in a process that was forked
#     $broker->stop
#
# Other tests may start more than one; each ends with the test.

package FlowExporter::Broker;

use strict;
use warnings;

use IO::Socket::INET;

my %pids;       # of brokers that run => the test's own


sub start {
    my ($class, %options) = @_;

    my $pid = open my $output, '-|', $FlowExporter::broker_program,
        '--parent', '--brokers', $options{brokers} // 1, '--control', 0
        or die "cannot run \"$FlowExporter::broker_program\": $!\n";

    $pids{$pid} = $$;

    my $line = readline $output;

    ($line // '') =~ /^bootstrap (\S+) control (\d+)$/
        or die "flow_broker has not started\n";

    my $self = bless { pid => $pid, output => $output, bootstrap => $1,
                       ends => {} }, $class;

    $self->control($2);

    return $self;
}


sub control {
    my ($self, $port) = @_;

    $self->{control} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => 5)
        or die "cannot reach the control port of flow_broker: $!\n";

    binmode $self->{control};
}


# Answers come to who has asked.

sub reconnect {
    my ($self) = @_;

    $self->control($self->{control}->peerport);
}


sub bootstrap {
    my ($self) = @_;

    return $self->{bootstrap};
}


# Sends a command and its data, and returns the words after "ok".

sub command {
    my ($self, $line, $data) = @_;

    local $SIG{ALRM} = sub { die "flow_broker does not answer: $line\n" };

    alarm 60;
    print { $self->{control} } "$line\n", $data // '';
    $self->{control}->flush;
    my $answer = readline $self->{control};
    alarm 0;

    defined $answer or die "flow_broker has gone: $line\n";
    $answer =~ s/^ok ?// or die "flow_broker, $line: $answer";
    chomp $answer;

    return split / /, $answer;
}


sub topic {
    my ($self, $name, $partitions) = @_;

    $self->command("topic $name $partitions");
    $self->{ends}{$name} = { map { $_ => 0 } 0 .. $partitions - 1 };
}


sub produce {
    my ($self, $topic, $partition, @messages) = @_;

    my ($first, $next) = $self->command(
        "produce $topic $partition " . @messages,
        join '', map { defined ? length($_) . "\n$_" : "-1\n" } @messages);

    $self->{ends}{$topic}{$partition} = $next;

    return ($first, $next);
}


sub ends {
    my ($self, $topic) = @_;

    return $self->{ends}{$topic} // {};
}


sub down {
    my ($self, $id) = @_;

    $self->command('down ' . ($id // 'all'));
}


sub up {
    my ($self, $id) = @_;

    $self->command('up ' . ($id // 'all'));
}


sub leader {
    my ($self, $topic, $partition, $id) = @_;

    $self->command("leader $topic $partition $id");
}


sub error {
    my ($self, $topic, $name) = @_;

    $self->command("error $topic $name");
}


sub push_error {
    my ($self, $api, $name, $count) = @_;

    $self->command("push-error $api $name $count");
}


sub stop {
    my ($self) = @_;

    end($self->{pid});
    close $self->{output};
}


# Where nobody holds it any longer: Perl would wait for the end of a program
# whose output it closes.

sub DESTROY {
    my ($self) = @_;

    local ($?, $!);

    end($self->{pid}) if ($pids{ $self->{pid} } // 0) == $$;
}


# The broker has nothing to lose.

sub end {
    my ($pid) = @_;

    delete $pids{$pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}


END {
    local ($?, $!);

    for my $pid (grep { $pids{$_} == $$ } keys %pids) {
        end($pid);
    }
}


1;
