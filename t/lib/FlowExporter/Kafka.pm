# Apache Kafka for a test: one node or several of t/tools/kafka, administered
# and fed by t/kafka/KafkaClient.java and kcat.
#
#     my $kafka = FlowExporter::Kafka->start(nodes => 3);
#     my $nginx = FlowExporter::Nginx->new(broker => $kafka)->start;
#
#     ->start(OPTIONS)     nodes => 1;  listeners => { NAME => PROTOCOL };
#                          properties => { NAME => VALUE }, of the nodes;
#                          version, another one than that of t/kafka/pom.xml
#     ->bootstrap(LISTENER)          "127.0.0.1:1234,...", of PLAINTEXT
#     ->log(NODE)                    text of the node's log
#
#     ->kill_nodes(ID ...)           by SIGKILL
#     ->stop_nodes(ID ...)           in order
#     ->start_nodes(ID ...)          waits until they answer
#     ->down, ->up                   stops all in order, starts all
#     ->reconnect                    in a process that was forked
#
#     ->topic(NAME, PARTITIONS, CONFIG => VALUE ...)
#     ->add_partitions(NAME, COUNT)  COUNT: how many it has then
#     ->delete_topic(NAME)
#     ->trim(NAME, PARTITION, OFFSET)  deletes the records before it
#     ->ends(NAME)                   { partition => next offset }, committed
#     ->leader(NAME, PARTITION)      the node's ID
#
#     ->produce(TOPIC, PARTITION, MESSAGES)  by Kafka's producer; waits;
#                                    (first, next offset); undef: a tombstone
#     ->begin_produce(TOPIC, RATE, CODEC, [PARTITION, MESSAGE] ...)  does not:
#     ->end_produce                          until all is acknowledged, or
#     ->halt_produce                         only what has been sent; how many
#     ->transaction(ID, TOPIC, [PARTITION, MESSAGE] ...)  begins one; then
#     ->commit(ID), ->abort(ID)
#     ->kcat(TOPIC, PARTITION, CODEC, OPTIONS)  a handle: a message a line; to
#                                    be closed
#     ->codecs(TOPIC)                { codec => 1 } of what is stored
#
#     ->allow(USER, OPERATION, TYPE, NAME), ->forbid(...)   ACLs
#     ->scram(USER, MECHANISM, PASSWORD)
#     ->config(NODE, NAME, VALUE)    a dynamic property of a node
#     ->stop
#
# Each ends with the test, and so do its data.

package FlowExporter::Kafka;

use strict;
use warnings;

use IPC::Open2 qw(open2);

my @codecs = qw(none gzip snappy lz4 zstd);

my %pids;       # that run => the test's own


sub start {
    my ($class, %options) = @_;

    my $listeners = $options{listeners} // {};
    my $properties = $options{properties} // {};
    my $dir = FlowExporter::private_dir();
    my $program = "$FlowExporter::root/t/tools/kafka";

    local $ENV{FLOW_KAFKA_VERSION} = $options{version}
        if defined $options{version};

    my $classes = qx("$program" fetch);

    $? == 0 or die "no Apache Kafka\n";
    chomp $classes;

    my $self = bless { dir => $dir, nodes => $options{nodes} // 1,
                       bootstrap => {} }, $class;

    $self->{cluster} = run($program, 'run',
        '--nodes', $self->{nodes}, '--dir', $dir,
        (map { ('--listener', "$_=$listeners->{$_}") } sort keys %$listeners),
        map { ('--property', "$_=$properties->{$_}") }
        sort keys %$properties);

    while ((my $line = readline($self->{cluster}{out}) // '') ne "ready\n") {
        $line =~ /^node \d+ (.*) log / or die "Kafka has not started\n";

        my %addresses = split / /, $1;

        push @{ $self->{bootstrap}{$_} }, $addresses{$_} for keys %addresses;
    }

    $self->{classes} = "$classes/*";
    $self->reconnect;

    return $self;
}


# Answers come to who has asked.

sub reconnect {
    my ($self) = @_;

    $self->{client} = run('java', '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-Xmx1g',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp',
        $self->{classes}, "$FlowExporter::root/t/kafka/KafkaClient.java",
        $self->bootstrap);
}


sub run {
    my (@command) = @_;

    my $pid = open2(my $out, my $in, @command);

    $pids{$pid} = $$;

    return { pid => $pid, in => $in, out => $out };
}


# Sends a line and its data, and returns the words after "ok".

sub ask {
    my ($program, $line, @data) = @_;

    local $SIG{ALRM} = sub { die "no answer: $line\n" };
    local $SIG{PIPE} = 'IGNORE';

    alarm 120;
    print { $program->{in} } "$line\n", @data;
    $program->{in}->flush;
    my $answer = readline $program->{out};
    alarm 0;

    defined $answer or die "it has ended: $line\n";
    $answer =~ s/^ok ?// or die "$line: $answer";
    chomp $answer;

    return split / /, $answer;
}


sub cluster {
    my ($self, @words) = @_;

    return ask($self->{cluster}, "@words");
}


sub client {
    my ($self, $line, @data) = @_;

    return ask($self->{client}, $line, @data);
}


sub bootstrap {
    my ($self, $listener) = @_;

    return join ',', @{ $self->{bootstrap}{ $listener // 'PLAINTEXT' } };
}


sub log {
    my ($self, $node) = @_;

    return FlowExporter::slurp("$self->{dir}/$node/log");
}


sub kill_nodes  { my $self = shift; return $self->cluster('kill', @_) }
sub stop_nodes  { my $self = shift; return $self->cluster('stop', @_) }
sub start_nodes { my $self = shift; return $self->cluster('start', @_) }


sub down { return $_[0]->stop_nodes(1 .. $_[0]{nodes}) }
sub up   { return $_[0]->start_nodes(1 .. $_[0]{nodes}) }


sub topic {
    my ($self, $name, $partitions, %config) = @_;

    $self->client(join ' ', 'topic', $name, $partitions,
                  $self->{nodes} < 3 ? 1 : 3,
                  map { "$_=$config{$_}" } sort keys %config);
}


sub add_partitions {
    my ($self, $name, $count) = @_;

    $self->client("partitions $name $count");
}


sub delete_topic {
    my ($self, $name) = @_;

    $self->client("delete $name");
}


sub trim {
    my ($self, $name, $partition, $offset) = @_;

    $self->client("trim $name $partition $offset");
}


sub ends {
    my ($self, $name) = @_;

    return { map { split /:/ } $self->client("ends $name") };
}


sub leader {
    my ($self, $name, $partition) = @_;

    return { map { split /:/ } $self->client("leaders $name") }->{$partition};
}


sub produce {
    my ($self, $topic, $partition, @messages) = @_;

    return $self->client("write $topic $partition " . @messages,
        map { defined ? length($_) . "\n$_" : "-1\n" } @messages);
}


sub begin_produce {
    my ($self, $topic, $rate, $codec, @records) = @_;

    $self->client("produce $topic $codec " . @records . " $rate",
                  lines(@records));
}


sub end_produce {
    my ($self) = @_;

    $self->client('flush');
}


sub halt_produce {
    my ($self) = @_;

    return ($self->client('halt'))[0];
}


sub lines {
    return map { "$_->[0] $_->[1]\n" } @_;
}


sub transaction {
    my ($self, $id, $topic, @records) = @_;

    $self->client("transaction $id $topic " . @records, lines(@records));
}


sub commit { return $_[0]->client("commit $_[1]") }
sub abort  { return $_[0]->client("abort $_[1]") }


sub kcat {
    my ($self, $topic, $partition, $codec, @options) = @_;

    open my $handle, '|-', 'kcat', '-P', '-b', $self->bootstrap, '-t', $topic,
        '-p', $partition, '-z', $codec, '-X', 'acks=all', '-X',
        'linger.ms=20', '-X', 'queue.buffering.max.messages=1000000', @options
        or die "cannot run kcat: $!\n";

    return $handle;
}


# From the head of each batch in the first segment of each partition: offset,
# length, epoch, magic, checksum, attributes.

sub codecs {
    my ($self, $topic) = @_;
    my %found;

    for my $file (glob "$self->{dir}/1/data/$topic-*/" . '0' x 20 . '.log') {
        my $log = FlowExporter::slurp($file);

        for (my $at = 0; $at + 23 <= length $log; ) {
            my ($length, $attributes) = unpack 'x8 N x9 n', substr $log, $at;

            $found{ $codecs[$attributes & 7] } = 1;
            $at += 12 + $length;
        }
    }

    return \%found;
}


sub allow  { my $self = shift; return $self->client("allow @_") }
sub forbid { my $self = shift; return $self->client("forbid @_") }
sub scram  { my $self = shift; return $self->client("scram @_") }
sub config { my $self = shift; return $self->client("config @_") }


sub stop {
    my ($self) = @_;

    end($self->{$_}{pid}) for qw(client cluster);
}


# The nodes go with the program that has started them.

sub end {
    my ($pid) = @_;

    delete $pids{$pid} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}


END {
    local ($?, $!);

    for my $pid (grep { $pids{$_} == $$ } keys %pids) {
        end($pid);
    }
}


1;
