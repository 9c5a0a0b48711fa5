# The image as an engine runs it that allows it nothing: what is in it, how
# does it end, what does its health check tell, and what does it say of file
# systems and networks that are not what it expects?

use strict;
use warnings;

use FlowExporter;
use FlowExporter::Image;
use Test::More;

my $config = FlowExporter::Image::config;
my ($uid, $gid) = split /:/, $config->{User};
my @arguments = ('--brokers=' . broker->bootstrap, '--topic=image',
                 '--asn=64500');

broker->topic('image', 1);


is_deeply([keys %{ $config->{ExposedPorts} }], ['9590/tcp'], 'the port');
is_deeply([keys %{ $config->{Volumes} }], ['/var/lib/nginx-flow-exporter'],
          'the volume');
is($config->{StopSignal}, 'SIGQUIT', 'an orderly stop');

contents();
rights();
signals();
health();
mounted();
file_systems();
volumes();
without_ipv6();

done_testing;


sub running {
    my $image = FlowExporter::Image->run(arguments => \@arguments, @_);

    $image->wait_error(qr/partition 0 is consumed/);

    return $image;
}


sub said_by {
    my $image = FlowExporter::Image->run(writable => 1, arguments => [@_]);

    is($image->exit_status, 0, $_[0]) or diag($image->errors);

    return $image->output;
}


sub contents {
    is(said_by('find', '/var/lib/apt/lists', '/var/cache/apt', '/var/log',
               '/usr/share/doc', '-type', 'f', '!', '-name', 'copyright',
               '-size', '+0'), '',
       'no lists, caches, logs and documents');

    like(said_by('sh', '-c', 'cat /usr/share/flow-exporter/as-names/*'),
         qr/Creative Commons Attribution 4\.0/, 'the license of the names');
    like(said_by('ls', '/usr/share/doc/nginx/copyright',
                 '/usr/share/doc/librdkafka1/copyright'), qr/./,
         'licenses of the programs');
    unlike(said_by('ls', '/usr/bin'), qr/^(?:gcc|make|npm|node)/m,
           'nothing of how it was made');
    is(said_by('sh', '-c', 'find / -xdev -writable ! -type l 2> /dev/null'
                           . ' | sort'), <<'END',
/run/lock
/tmp
/var/lib/nginx-flow-exporter
/var/tmp
END
       'its user may write to these only');
}


sub rights {
    my $image = running();

    like(slurp('/proc/' . $image->pid . '/status'),
         qr/^Uid:\t(?!0\t)(\d+)\t\1\t.*^CapEff:\t0+\n.*^NoNewPrivs:\t1\n/ms,
         'process 1 may do nothing special');

    my ($status, $said) = $image->inside('sh', '-c', 'echo > /var/lib/x');

    like($said, qr/Read-only file system/, 'its file system is read-only');

    ($status, $said) = $image->inside('ls', '-l',
                                      '/var/lib/nginx-flow-exporter');

    like($said, qr/^-rw------- .* default\.lease$/m,
         'the lease lies in the volume');
    $image->stop;
}


sub signals {
    for my $signal (qw(QUIT TERM INT)) {
        my $image = running();

        kill $signal, $image->pid;
        is($image->exit_status, 0, "SIG$signal ends it");
        like($image->errors, qr/cache manager process \d+ exited with code 0/,
             "SIG$signal: in order");
    }

    my $image = running();

    kill 'HUP', $image->pid;
    $image->wait_error(qr/partition 0 is consumed .* stored offset/);
    is($image->stop, 0, 'it may be reloaded');
}


sub health {
    my $image = running();

    $image->inside('sh', '-c', 'echo 127.0.0.1 1 > /tmp/nginx/address');

    my ($status, $said) = $image->health;

    is($status, 1, 'nobody answers: not healthy');
    like($said, qr/refused/, 'nobody answers: in words');
    $image->stop;

    $image = with_conf(<<'END');
error_log stderr notice;
pid /tmp/nginx/nginx.pid;
events { }
http {
    server {
        listen 9590;
        return 503;
    }
}
END
    $image->wait_error(qr/start worker process /);
    $image->inside('sh', '-c', 'echo 127.0.0.1 9590 > /tmp/nginx/address');
    is_deeply([$image->health],
              [1, "127.0.0.1:9590: HTTP/1.1 503 Service Temporarily"
                  . " Unavailable\n"],
              'an error is answered: not healthy');
    $image->stop;
}


sub with_conf {
    my ($conf, @options) = @_;

    my $path = private_dir() . '/nginx.conf';

    spew($path, $conf);
    chmod 0644, $path;

    return FlowExporter::Image->run(
        mounts => { '/etc/nginx/nginx.conf' => $path }, @options);
}


sub received {
    return scrape('http://127.0.0.1:9590/metrics')
           ->sum('flow_receive_bytes_total');
}


# The first nginx.conf of the README, as it stands there, but for names.

sub mounted {
    my $bootstrap = broker->bootstrap;
    my ($conf) = slurp("$FlowExporter::root/README.md")
                 =~ /^```nginx\n(load_module .*?)^```$/ms;

    $conf =~ s/brokers .*;/brokers $bootstrap;/
        && $conf =~ s/topic .*;/topic image;/
        && $conf =~ s{as_names .*;}
                     {as_names /usr/share/flow-exporter/as-names.mmdb;}
        or die "the README has another nginx.conf\n";

    for my $daemon ('', "daemon off;\n") {
        my $image = with_conf($daemon . $conf);

        $image->wait_error(qr/partition 0 is consumed/);
        produce('image', 0, record(bytes => 5));

        wait_for(sub { received() != 0 }, 'a flow');
        is(received(), 5, 'it steps aside for a mounted nginx.conf');
        is_deeply([$image->health], [0, ''], 'which is healthy');
        is($image->stop, 0, 'and ends in order');
    }

    my $image = with_conf("daemon on;\n$conf");

    is($image->exit_status, 1, 'a daemon is refused');
    like($image->errors, qr/"daemon" directive is duplicate/,
         'a daemon is refused in words');

    my $words = 'options and variables have no effect beside'
                . ' /etc/nginx/nginx.conf';
    my %mounts = (mounts => { '/etc/nginx/nginx.conf' => '/dev/null' });

    FlowExporter::Image::refuses('options beside it', $words, %mounts,
        arguments => ['--topic=t']);
    FlowExporter::Image::refuses('variables beside it', $words, %mounts,
        environment => { FLOW_EXPORTER_KAFKA => "\nclient.id a" });
}


sub file_systems {
    FlowExporter::Image::refuses('nothing at /tmp',
        'no right to write to /tmp/nginx: is there a tmpfs at /tmp?',
        arguments => \@arguments, no_tmp => 1);

    # without a volume, the lease has to lie elsewhere

    for my $options ([], [writable => 1, no_tmp => 1]) {
        my $image = running(state => undef, @$options);

        is_deeply([$image->health], [0, ''], 'healthy without a volume');
        is($image->stop, 0, 'and it ends in order');
    }
}


sub volumes {
    my $state = private_dir();
    my $sum = 0;

    chown $uid, $gid, $state;

    # "docker stop", and what it does after ten seconds

    for my $signal (qw(KILL QUIT KILL QUIT)) {
        my $image = running(state => $state);

        produce('image', 0, record(bytes => 7));
        $sum += 7;
        wait_for(sub { received() >= $sum }, 'a flow');
        is(received(), $sum, "SIG$signal to come: counters are in the volume");

        kill $signal, $image->pid;
        $image->exit_status;
    }

    # somebody else's

    $state = private_dir();

    my $image = running(state => $state);

    like($image->errors, qr{^flow-exporter:\ no\ right\ to\ write\ to
                            \ /var/lib/nginx-flow-exporter:\ a\ volume\ there
                            \ has\ to\ belong\ to\ user\ $uid$}mx,
         "another user's volume is told");
    like($image->errors, qr{its lease file is "/tmp/nginx/},
         'it goes on without');
    is($image->stop, 0, 'and ends in order');
}


# As engines have it by default; the file is of this test's network.

sub without_ipv6 {
    my $switch = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

    eval { spew($switch, "1\n"); 1 } or return;

    my $image = running();

    is(http(GET => 'http://127.0.0.1:9590/metrics')->{status}, 200,
       'without IPv6 it answers by IPv4');
    is_deeply([$image->health], [0, ''], 'without IPv6: healthy');
    is($image->stop, 0, 'without IPv6: it ends in order');

    spew($switch, "0\n");
}
