# Where nginx has no epoll: methods that tell what a descriptor is, not what
# has changed.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $options = qx("$FlowExporter::nginx_binary" -V 2>&1);

for my $method (qw(poll select)) {
    SKIP: {
        $options =~ /--with-${method}_module/
            or skip "nginx is built without --with-${method}_module", 2;

        counts($method);
    }
}

done_testing;


# In a small zone a batch is full at once, and consuming rests till it is
# committed.

sub counts {
    my ($method) = @_;

    my $nginx = FlowExporter::Nginx->new(events => "use $method;",
                                         exporter => 'asn 64500; zone 1m;');

    $nginx->start;
    produce($nginx->topic, 0, map { record(as_src => 64600 + $_) } 1 .. 4000);
    is($nginx->wait_consumed->sum('flow_receive_bytes_total'), 4000,
       "$method: each record once");
    $nginx->stop;
}
