# A process beside the test, with an object in it that is asked from here.
#
#     my $beside = FlowExporter::Beside->start(sub { Class->new });
#
#     $beside->ask(METHOD, ARGUMENTS)  calls the object's method in its process
#                                      and returns the hash that it returns;
#                                      dies with what it died of
#
# Between two questions the object's method "turn" is called over and over;
# where it returns false there is nothing to do for the moment.  The process
# ends with the test.

package FlowExporter::Beside;

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use JSON::PP;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);

# of an answer, and of the time when nothing is to be done

use constant { ANSWER_SECONDS => 120, IDLE_SECONDS => 0.01 };

my $json = JSON::PP->new->canonical;


sub start {
    my ($class, $make) = @_;

    socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "no socket pair: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $here;
        $there->autoflush;
        eval { serve($there, $make->()) };
        print STDERR $@;
        POSIX::_exit($@ ne '');
    }

    close $there;
    $here->autoflush;

    return bless { pid => $pid, socket => $here }, $class;
}


sub ask {
    my ($self, @question) = @_;

    local $SIG{ALRM} = sub { die "no answer to \"$question[0]\"\n" };
    local $SIG{PIPE} = 'IGNORE';

    alarm ANSWER_SECONDS;
    print { $self->{socket} } $json->encode(\@question), "\n";
    my $answer = readline $self->{socket};
    alarm 0;

    defined $answer or die "no process any more that does \"$question[0]\"\n";

    $answer = $json->decode($answer);
    defined $answer->{died} and die $answer->{died};

    return $answer;
}


# Until the test has gone.  What has gone wrong between two questions is the
# answer to the next one.

sub serve {
    my ($socket, $object) = @_;

    my $select = IO::Select->new($socket);
    my ($busy, $died) = (1, undef);

    while (1) {

        if (!$select->can_read($busy ? 0 : IDLE_SECONDS)) {
            $busy = !defined $died && eval { $object->turn };
            $died = $@ if $@ ne '';
            next;
        }

        my ($method, @arguments) = @{ $json->decode(readline $socket
                                                    // return) };
        my $answer = defined $died ? undef
                                   : eval { $object->$method(@arguments) };

        $answer //= { died => $died // $@ };
        print $socket $json->encode($answer), "\n";
    }
}


1;
