# nginx has one helper process for all that manage something: the exporter
# shares it with proxy_cache_path, and both do their work.

use strict;
use warnings;

use FlowExporter;
use Test::More;

my $nginx = FlowExporter::Nginx->new(workers => 1);
my $dir = $nginx->dir;
my $port = free_port;

$nginx->configure(
    http => <<"END",
    proxy_cache_path $dir/cache keys_zone=cache:1m max_size=8k inactive=1h
                     use_temp_path=off;
    server {
        listen 127.0.0.1:$port;
        location / { return 200 "0123456789"; }
    }
END
    server => <<"END");
        location /cached/ {
            proxy_pass http://127.0.0.1:$port;
            proxy_cache cache;
            proxy_cache_valid 200 1h;
        }
END

$nginx->start;
$nginx->wait_consumed;

my ($manager) = $nginx->children('cache manager process');

ok($manager, 'its title is nginx\'s own');
ok(!$nginx->exporter, 'and there is no other');

produce($nginx->topic, 0, record(bytes => 5));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 5, 'it counts');

# the manager looks every ten seconds for what is beyond max_size: two blocks

my $got = grep { FlowExporter::http(GET => $nginx->url("/cached/$_"))
                     ->{content} eq '0123456789' } 1 .. 20;

is($got, 20, 'twenty replies, kept in files');
cmp_ok(files(), '>', 2, 'more than the cache may hold');
wait_for(sub { files() <= 2 }, 'the cache manager to remove files', 40);
pass('the cache manager keeps its own rhythm');

produce($nginx->topic, 0, record(bytes => 6));
is($nginx->wait_consumed->value('flow_receive_bytes_total'), 11,
   'and the exporter goes on');
is(($nginx->children('cache manager process'))[0], $manager,
   'in the same process');

# nginx starts its cache loader after a minute: only the manager consumes

is($nginx->scrape->value('flow_exporter_starts_total'), 1, 'one consumer');

$nginx->stop;
is_deeply($nginx->processes, {}, 'all have ended');

done_testing;


sub files {
    return scalar(() = glob "$dir/cache/*");
}
