# Without a master, for development: the only process consumes as well as it
# serves, and a reload starts the consumer anew, once.  (nginx itself does not
# serve any more after a reload in this mode.)

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new(main => 'master_process off;')->start;
my $consuming = qr/flow exporter "default": consuming/;

produce($nginx->topic, 0, map { record(bytes => $_) } 1 .. 10);
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 55,
   'the only process counts and serves');
is(scalar(keys %{ $nginx->processes }), 1, 'there is no other');

my $from = length $nginx->log;

$nginx->signal('HUP');
$nginx->wait_log($consuming, $from);
$nginx->wait_log(qr/partition 0 is consumed from offset 10, stored offset/,
                 $from);
is(scalar(() = $nginx->log($from) =~ /$consuming/g), 1,
   'a reload starts the consumer anew, once, from its offset');

# what it does with a record is seen in the log

produce($nginx->topic, 0, record(bytes => -1));
$nginx->wait_log(qr/invalid record \(negative\).* offset 10/, $from);
pass('and it consumes');

for my $signal (qw(QUIT TERM)) {
    $nginx->stop($signal);
    is_deeply($nginx->processes, {}, "SIG$signal ends it");
    $nginx->start;
    $nginx->wait_consumed;
}

$nginx->stop;

done_testing;
