# Whatever happens, each record is counted once, and no scrape ever shows less
# than one before it; see FlowExporter::Torture.
#
# Environment: TORTURE_SEED (1), TORTURE_BROKER (mock), TORTURE_SECONDS; without
# the last one every kind of fault comes at least once.

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Torture;
use Test::More;

FlowExporter::Torture::run(
    seed    => $ENV{TORTURE_SEED} || 1,
    broker  => $ENV{TORTURE_BROKER} || 'mock',
    seconds => $ENV{TORTURE_SECONDS} || undef,
    rounds  => 1);

done_testing;
