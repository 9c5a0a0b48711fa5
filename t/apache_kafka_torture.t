# A short torture run with Apache Kafka: its own end is among the faults.  See
# FlowExporter::Torture; "make torture TORTURE_BROKER=kafka" has all kinds.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Torture;
use Test::More;

FlowExporter::Torture::run(
    seed   => 1,
    broker => 'kafka',
    rounds => 1,
    kinds  => ['broker killed', 'broker away', 'process killed',
               'all killed']);

done_testing;
