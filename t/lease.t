# Who consumes holds the lease: two nginx that share a state directory by
# mistake never count the same records at the same time.  Where the lease
# cannot lie in the state directory, it lies beside the pid file.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $first = FlowExporter::Nginx->new->start;
my $state = $first->dir . '/state';
my $lease = "$state/default.lease";

$first->wait_consumed;

my $consumer = $first->exporter;

is(sprintf('%o', (stat $state)[2] & 07777), '700', 'a directory of its own');
is(sprintf('%o', (stat $lease)[2] & 07777), '600', 'a lease for its own');


# two of them

my $second = FlowExporter::Nginx->new(topic => $first->topic);

$second->configure(exporter => 'asn 64500;');
share($second, $state);
$second->start;
$second->wait_exporter;

produce($first->topic, 0, record(bytes => 1));
$first->wait_consumed;
$second->wait_log(qr/lease "\Q$lease\E" is held by process $consumer, waiting/);

my $idle = $second->scrape;

is($idle->value('flow_exporter_ready'), 0, 'the second waits');
is($idle->value('flow_exporter_starts_total'), undef, 'and shows no counter');
is($idle->value('flow_receive_bytes_total'), undef, 'nor a flow series');

$first->stop;
is($second->wait_consumed->value('flow_receive_bytes_total'), 1,
   'it goes on when the first has ended');

$first->start;
$first->wait_exporter;
kill 'KILL', keys %{ $second->processes };
is($first->wait_consumed->value('flow_exporter_ready'), 1,
   'and the first when the second was killed');


# removed, and replaced

$first->allow(qr/was removed or replaced|exited with code 1/);

for my $what ('removed', 'replaced') {
    my ($from, $old) = (length $first->log, $first->exporter);

    unlink $lease or die "unlink \"$lease\": $!\n";

    if ($what eq 'replaced') {
        spew("$lease.new", '');
        chown((getpwnam 'nobody')[2, 3], "$lease.new") if $> == 0;
        rename "$lease.new", $lease or die "rename \"$lease\": $!\n";
    }

    $first->wait_log(qr/lease file "\Q$lease\E" was removed or replaced/,
                     $from);
    $first->wait_exporter($old);
    $first->wait_log(qr/: consuming/, $from);
    produce($first->topic, 0, record(bytes => 1));
    $first->wait_consumed;
    pass("a lease file that is $what: another process goes on");
}

$first->stop;


# places where it cannot lie

my %bad = (
    'off'                     => sub { 'off' },
    'a parent that is missing' => sub { "$_[0]/missing/state" },
    'a file in its place'     => sub { spew("$_[0]/file", ''); "$_[0]/file" },
    'a link in the lease\'s place' => sub {
        mkdir "$_[0]/links";
        spew("$_[0]/victim", 'as it was');
        symlink "$_[0]/victim", "$_[0]/links/default.lease";
        return "$_[0]/links";
    },
);

for my $why (sort keys %bad) {
    my $nginx = FlowExporter::Nginx->new;

    share($nginx, $bad{$why}->($nginx->dir));
    $nginx->start;
    produce($nginx->topic, 0, record(bytes => 3));
    is($nginx->wait_consumed->value('flow_receive_bytes_total'), 3,
       "$why: it counts");
    ok(-e $nginx->dir . '/flow_exporter.default.lease',
       "$why: the lease lies beside the pid file");
    $nginx->stop;
}


# the user changes

SKIP: {
    skip 'this test does not run as root: one user only', 2 if $> != 0;

    my $nginx = FlowExporter::Nginx->new->start;

    $nginx->wait_consumed;
    $nginx->stop;

    my $conf = slurp($nginx->conf) =~ s/^user nobody.*$/user daemon daemon;/mr;

    spew($nginx->conf, $conf);
    $nginx->start;
    $nginx->wait_consumed(messages => 0);
    is((stat $nginx->dir . '/state')[4], scalar getpwnam('daemon'),
       'another "user" gets the directory that was made for the old one');
    is((stat '/proc/' . $nginx->exporter)[4], scalar getpwnam('daemon'),
       'and consumes');
    $nginx->stop;
}


# no root at all

SKIP: {
    skip 'this test does not run as root: all of it is that already', 2
        if $> != 0;

    my $nginx = FlowExporter::Nginx->new(main => 'daemon off;');
    my $dir = $nginx->dir;

    spew($nginx->conf, slurp($nginx->conf)
        =~ s/^(?:user|\s*flow_exporter_state_path) .*$//mgr);
    broker->topic($nginx->topic, 1);

    my ($user, $group) = (getpwnam 'nobody')[2, 3];

    chown $user, $group, $dir;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        ($(, $)) = ($group, "$group $group");
        ($<, $>) = ($user, $user);
        exec $FlowExporter::nginx_binary, '-p', "$dir/", '-e', "$dir/error.log",
             '-c', $nginx->conf;
    }

    wait_for(sub { http(GET => $nginx->url)->{status} == 200 },
             'an answer from an unprivileged nginx');
    produce($nginx->topic, 0, record(bytes => 4));
    is($nginx->wait_consumed->value('flow_receive_bytes_total'), 4,
       'an unprivileged nginx counts');
    ok(-e "$dir/flow_exporter/default.lease",
       'its state path lies beside the temporary paths');
    kill 'QUIT', $pid;
    waitpid $pid, 0;
}

done_testing;


sub share {
    my ($nginx, $path) = @_;

    spew($nginx->conf, slurp($nginx->conf)
        =~ s/(flow_exporter_state_path) .*;/$1 $path;/r);
}
