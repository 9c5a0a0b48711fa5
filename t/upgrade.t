# An upgrade of nginx on the fly, and the way back: never more than one
# process consumes, each record is counted once, and nothing is left over.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new->start;
my $lease = $nginx->dir . '/state/default.lease';
my $old = $nginx->master;
my $consumer = $nginx->wait_exporter;

produce($nginx->topic, 0, record(bytes => 1));
$nginx->wait_consumed;
is(holder(), $consumer, 'the lease names who consumes');


# forth

$nginx->signal('USR2', $old);
wait_for(sub { -s "$nginx->{dir}/nginx.pid.oldbin" && master_is_other($old)
               && $nginx->exporter }, 'the new nginx');

my $new = $nginx->master;
my $waiting = $nginx->exporter;

is(holder(), $consumer, 'the old process consumes');
$nginx->wait_log(qr/\Q$waiting#\E.*lease .* is held by process $consumer/);
is(holder(), $consumer, 'the new one waits, and says for whom');

$nginx->signal('WINCH', $old);
wait_for(sub { !grep { $_ == $consumer } keys %{ $nginx->processes } },
         'the end of the old process');
wait_for(sub { holder() == $waiting }, 'the new process to take over');

$nginx->signal('QUIT', $old);
wait_for(sub { !exists $nginx->processes->{$old} }, 'the end of the old nginx');

produce($nginx->topic, 0, record(bytes => 2));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 3,
   'the new one counts all that Kafka has');
is(scalar(keys %{ $nginx->processes }), 4, 'nothing is left over');


# and back

$old = $new;
$consumer = $waiting;
$nginx->signal('USR2', $old);
wait_for(sub { master_is_other($old) && $nginx->exporter }, 'another nginx');

$new = $nginx->master;
$waiting = $nginx->exporter;
$nginx->signal('WINCH', $old);
wait_for(sub { holder() == $waiting }, 'the new process to take over');

$nginx->signal('HUP', $old);
$nginx->signal('QUIT', $new);
wait_for(sub { !exists $nginx->processes->{$new} && master_is_other($new)
               && $nginx->exporter }, 'the old nginx to be the only one');
wait_for(sub { holder() == $nginx->exporter }, 'its process to take over');

produce($nginx->topic, 0, record(bytes => 4));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 7,
   'back: it goes on where the other one ended');
is(scalar(keys %{ $nginx->processes }), 4, 'nothing is left over');

$nginx->stop;
is_deeply($nginx->processes, {}, 'all have ended');

done_testing;


# The pid file is not there all the time.

sub master_is_other {
    my ($old) = @_;

    my $master = eval { $nginx->master } // $old;

    return $master != $old;
}


# Bytes 12 to 15 of the lease file.

sub holder {
    return unpack 'x12 V', slurp($lease);
}
