# SIGUSR1 has the process open its log anew, as rotation expects it.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new->start;

$nginx->wait_exporter;
$nginx->wait_consumed;

my $log = $nginx->error_log;

rename $log, "$log.1" or die "rename \"$log\": $!\n";
$nginx->signal('USR1');
wait_for(sub { -e $log && !grep { (readlink // '') eq "$log.1" }
                                glob '/proc/' . $nginx->exporter . '/fd/*' },
         'the process to have the new log open');

produce($nginx->topic, 0, record(bytes => -1));
$nginx->wait_consumed;
$nginx->wait_log(qr/invalid record \(negative\)/);

unlike(slurp("$log.1"), qr/invalid record/, 'the old log gets no more lines');
is($nginx->scrape->value('flow_exporter_invalid_records_total',
                         reason => 'negative'), 1, 'and counting goes on');

$nginx->stop;

done_testing;
