# A container of the image, without a container engine: its file system and
# its configuration as tools/image-check has laid them out, with mounts and
# processes of its own, and the network of the test.
#
#     my $image = FlowExporter::Image->run(OPTIONS);
#
#     arguments => [...]    after the image's entry point
#     environment => {...}  beside the image's
#     mounts => { PATH => FILE }
#     state => DIRECTORY    the volume, or undef: there is none
#     writable => 1         the root file system; else it is read-only
#     no_tmp => 1           nothing at /tmp; else there is a tmpfs
#
#     ->output, ->errors    texts of its standard output and error
#     ->wait_error(PATTERN) for a line of the latter
#     ->exit_status         when it has ended
#     ->pid                 of its process 1, outside
#     ->inside(COMMAND)     (status, text) of a command in it
#     ->health              the same of the image's health check
#     ->stop                as "docker stop" does; the exit status
#
#     FlowExporter::Image::config       what the image says of itself
#     FlowExporter::Image::refuses(WHAT, SENTENCE, OPTIONS)
#                           tests that it ends by saying this, and no more
#
# It runs as the image's user, with no capability and no way to get one.

package FlowExporter::Image;

use strict;
use warnings;

use JSON::PP;
use POSIX qw(WNOHANG);
use Test::More;

my $root = $ENV{FLOW_IMAGE_ROOT}
    // die "no image: \"make image-check\" runs this test\n";

my $config = decode_json(FlowExporter::slurp($ENV{FLOW_IMAGE_DESCRIPTION}))
             ->{Docker}{config};
my ($uid, $gid) = split /:/, $config->{User};

my @unprivileged = ('setpriv', '--reuid', $uid, '--regid', $gid,
                    '--clear-groups', '--no-new-privs', '--inh-caps=-all',
                    '--bounding-set=-all', 'env', '-i');

my %running;    # process id => the test's

# $1 a directory for the layers, $2 the image's; the rest is run as process 1

my $enter = <<'END';
set -eu
dir=$1 image=$2 writable=$3 tmp=$4 state=$5
shift 5

mount -t tmpfs tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay overlay "$dir/root" \
    -o "lowerdir=$image,upperdir=$dir/upper,workdir=$dir/work"
cd "$dir/root"

mount -t proc proc proc
mount --rbind /dev dev
mount --bind /etc/hosts etc/hosts

[ -z "$tmp" ] || mount -t tmpfs tmpfs tmp
[ -z "$state" ] || mount --bind "$state" var/lib/nginx-flow-exporter

while [ "$1" != -- ]; do
    touch ".$1"
    mount --bind "$2" ".$1"
    shift 2
done

shift
[ -n "$writable" ] || mount -o remount,ro .
exec chroot . "$@"
END


sub config {
    return $config;
}


sub environment {
    my (%more) = @_;

    return (@{ $config->{Env} }, map { "$_=$more{$_}" } sort keys %more);
}


sub run {
    my ($class, %options) = @_;

    my $dir = FlowExporter::private_dir();
    my $self = bless { dir => $dir }, $class;
    my $state = "$dir/state";

    mkdir $_ for $state, "$dir/layers";
    chown $uid, $gid, $state;
    chmod 0700, $state;

    $state = $options{state} // '' if exists $options{state};

    # as an engine does, so that its user may open them once more

    open my $output, '>', "$dir/output" or die "cannot create a file: $!\n";
    open my $errors, '>', "$dir/errors" or die "cannot create a file: $!\n";
    chown $uid, $gid, $output, $errors;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $output;
        open STDERR, '>&', $errors;

        exec qw(setpriv --pdeathsig KILL unshare --mount --pid --fork
                --kill-child bash -c), $enter, 'enter', "$dir/layers", $root,
             $options{writable} // '', $options{no_tmp} ? '' : 'tmp', $state,
             %{ $options{mounts} // {} }, '--',
             @unprivileged, environment(%{ $options{environment} // {} }),
             @{ $config->{Entrypoint} }, @{ $options{arguments} // [] }
            or POSIX::_exit(127);
    }

    $running{$pid} = $$;
    $self->{unshare} = $pid;

    return $self;
}


sub output { return FlowExporter::slurp("$_[0]{dir}/output") }
sub errors { return FlowExporter::slurp("$_[0]{dir}/errors") }


sub wait_error {
    my ($self, $pattern) = @_;

    eval {
        FlowExporter::wait_for(
            sub {
                die "it has ended\n" if $self->has_ended;
                return $self->errors =~ $pattern;
            },
            "$pattern in its standard error");
        1;
    } or die $@, $self->errors;
}


sub has_ended {
    my ($self) = @_;

    if (!defined $self->{status}
        && waitpid($self->{unshare}, WNOHANG) == $self->{unshare})
    {
        $self->{status} = $? & 127 ? -($? & 127) : $? >> 8;
        delete $running{ $self->{unshare} };
    }

    return defined $self->{status};
}


sub exit_status {
    my ($self) = @_;

    FlowExporter::wait_for(sub { $self->has_ended }, 'its end');

    return $self->{status};
}


sub pid {
    my ($self) = @_;

    return child($self->{unshare}) // die "it has no process\n";
}


sub child {
    my ($pid) = @_;

    return (FlowExporter::slurp("/proc/$pid/task/$pid/children")
            =~ /(\d+)/)[0];
}


sub inside {
    my ($self, @command) = @_;

    open my $output, '-|', 'timeout', 20, 'nsenter', '--target', $self->pid,
        qw(--mount --pid --root --wd), @unprivileged, environment(),
        'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "cannot run nsenter: $!\n";

    my $said = do { local $/; <$output> } // '';
    close $output;

    return ($? >> 8, $said);
}


sub health {
    my ($self) = @_;

    my ($kind, @command) = @{ $config->{Healthcheck}{Test} };

    $kind eq 'CMD' or die "a health check of another kind: $kind\n";

    return $self->inside(@command);
}


sub stop {
    my ($self) = @_;

    kill $config->{StopSignal} =~ s/^SIG//r, $self->pid;

    return $self->exit_status;
}


sub refuses {
    my ($what, $sentence, %options) = @_;

    my $image = FlowExporter::Image->run(%options);

    $what =~ s/\n/\\n/g;
    $what =~ s/\r/\\r/g;

    is($image->exit_status, 2, "$what: exit status");
    is($image->errors, "flow-exporter: $sentence\n", "$what: in words");
    is($image->output, '', "$what: nothing else");
}


END {
    local ($?, $!);

    # who has become another user does not end with unshare

    for my $pid (grep { $running{$_} == $$ } keys %running) {
        kill 'KILL', grep { defined } child($pid), $pid;
        waitpid $pid, 0;
    }
}


1;
