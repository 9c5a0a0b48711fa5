/*
 * Kafka's own client for the tests: administers a cluster and produces into
 * it, also in transactions.
 *
 *   KafkaClient BOOTSTRAP
 *
 * Serves commands on its standard input, one a line, each answered by a line
 * "ok ..." or "error SENTENCE" when it is done:
 *
 *   topic NAME PARTITIONS REPLICAS [CONFIG=VALUE ...]
 *   partitions NAME COUNT            adds some
 *   delete NAME
 *   trim NAME PARTITION OFFSET       deletes records before it
 *   ends NAME                        ok PARTITION:OFFSET ..., of what is
 *                                    committed; no topic: ok
 *   leaders NAME                     ok PARTITION:NODE ...
 *   produce TOPIC CODEC COUNT RATE   begins to; RATE a second, 0: at once;
 *                                    CODEC as Kafka names it
 *   flush                            until all of that is acknowledged
 *   write TOPIC PARTITION COUNT      until all is acknowledged: ok FIRST NEXT,
 *                                    offsets
 *   halt                             sends no more; until what was sent is
 *                                    acknowledged: ok COUNT
 *   transaction ID TOPIC COUNT       begins one, and sends
 *   commit ID    abort ID            ends it
 *   allow USER OPERATION TYPE NAME   an ACL; "forbid" takes it away
 *   scram USER MECHANISM PASSWORD    sets the password
 *   config NODE NAME VALUE           a dynamic property of a broker
 *
 * COUNT lines "PARTITION VALUE" follow after produce and transaction; after
 * write COUNT times a line with a length and so many bytes, or "-1" for no
 * value.  Ends with its input.
 */

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;


public final class KafkaClient {

    private static final int WAIT_MS = 30_000;

    /* bytes stay what they are */
    private static final Charset BYTES = StandardCharsets.ISO_8859_1;

    private final String bootstrap;
    private final Admin admin;
    private final BufferedReader input;
    private final Map<String, Producer<byte[], byte[]>> producers =
        new HashMap<>();
    private Thread sender;
    private volatile boolean halted;
    private int acknowledged;
    private Exception failure;


    private KafkaClient(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        this.input = new BufferedReader(
            new InputStreamReader(System.in, BYTES), 1 << 20);
    }


    public static void main(String[] arguments) throws IOException {
        KafkaClient client = new KafkaClient(arguments[0]);
        String line;

        while ((line = client.input.readLine()) != null) {
            System.out.println(client.answer(line.split(" ")));
            System.out.flush();
        }

        /* nothing to wait for: what counts was flushed */

        Runtime.getRuntime().halt(0);
    }


    private String answer(String[] words) {
        try {
            return ("ok " + obey(words)).trim();

        } catch (Exception e) {
            Throwable cause = e instanceof ExecutionException ? e.getCause()
                                                              : e;
            return "error " + String.valueOf(cause).replace('\n', ' ');
        }
    }


    private String obey(String[] w) throws Exception {
        switch (w[0]) {
        case "topic":
            return createTopic(w);
        case "partitions":
            return addPartitions(w[1], Integer.parseInt(w[2]));
        case "delete":
            return deleteTopic(w[1]);
        case "trim":
            return trim(w[1], Integer.parseInt(w[2]), Long.parseLong(w[3]));
        case "ends":
            return ends(w[1]);
        case "leaders":
            return leaders(w[1]);
        case "produce":
            return produce(w[1], w[2], Integer.parseInt(w[3]),
                           Integer.parseInt(w[4]));
        case "flush":
            return flush();
        case "write":
            return write(w[1], Integer.parseInt(w[2]),
                         Integer.parseInt(w[3]));
        case "halt":
            halted = true;
            flush();
            return String.valueOf(acknowledged);
        case "transaction":
            return begin(w[1], w[2], Integer.parseInt(w[3]));
        case "commit":
            producers.get(w[1]).commitTransaction();
            return "";
        case "abort":
            producers.get(w[1]).abortTransaction();
            return "";
        case "allow":
            admin.createAcls(List.of(acl(w))).all().get();
            return "";
        case "forbid":
            admin.deleteAcls(List.of(acl(w).toFilter())).all().get();
            return "";
        case "scram":
            return setPassword(w[1], w[2], w[3]);
        case "config":
            return setConfig(w[1], w[2], w[3]);
        default:
            throw new IllegalArgumentException("no command: " + w[0]);
        }
    }


    /* Topics. */

    private String createTopic(String[] w) throws Exception {
        Map<String, String> config = new HashMap<>();
        int partitions = Integer.parseInt(w[2]);

        for (String pair : Arrays.copyOfRange(w, 4, w.length)) {
            config.put(pair.split("=")[0], pair.split("=")[1]);
        }

        admin.createTopics(List.of(
            new NewTopic(w[1], partitions, Short.parseShort(w[3]))
            .configs(config))).all().get();

        return waitForLeaders(w[1], partitions);
    }


    private String addPartitions(String name, int count) throws Exception {
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(count)))
             .all().get();

        return waitForLeaders(name, count);
    }


    private String deleteTopic(String name) throws Exception {
        admin.deleteTopics(List.of(name)).all().get();

        for (long end = now() + WAIT_MS; !partitions(name).isEmpty(); ) {
            pause(end, "topic is still there");
        }

        return "";
    }


    private String trim(String name, int partition, long offset)
        throws Exception {
        admin.deleteRecords(Map.of(new TopicPartition(name, partition),
                                   RecordsToDelete.beforeOffset(offset)))
             .all().get();

        return "";
    }


    private String waitForLeaders(String name, int count) throws Exception {
        for (long end = now() + WAIT_MS; ; ) {
            long led = partitions(name).stream()
                       .filter(p -> p.leader() != null).count();

            if (led == count) {
                return "";
            }

            pause(end, "a partition has no leader");
        }
    }


    private List<TopicPartitionInfo> partitions(String name)
        throws Exception {
        try {
            return admin.describeTopics(List.of(name)).allTopicNames().get()
                        .get(name).partitions();

        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return List.of();
            }

            throw e;
        }
    }


    private String ends(String name) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = partitions(name).stream()
            .collect(Collectors.toMap(
                p -> new TopicPartition(name, p.partition()),
                p -> OffsetSpec.latest()));
        Map<Integer, Long> found = new TreeMap<>();

        admin.listOffsets(asked,
                  new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
             .all().get()
             .forEach((p, end) -> found.put(p.partition(), end.offset()));

        return pairs(found);
    }


    private String leaders(String name) throws Exception {
        Map<Integer, Integer> found = new TreeMap<>();

        for (TopicPartitionInfo p : partitions(name)) {
            found.put(p.partition(), p.leader() == null ? -1
                                                        : p.leader().id());
        }

        return pairs(found);
    }


    private static String pairs(Map<?, ?> map) {
        return map.entrySet().stream()
                  .map(e -> e.getKey() + ":" + e.getValue())
                  .collect(Collectors.joining(" "));
    }


    /* Records. */

    private List<ProducerRecord<byte[], byte[]>> read(String topic, int count)
        throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>(count);

        for (int i = 0; i < count; i++) {
            String line = input.readLine();
            int space = line.indexOf(' ');

            records.add(new ProducerRecord<>(topic,
                Integer.valueOf(line.substring(0, space)), null,
                line.substring(space + 1).getBytes(BYTES)));
        }

        return records;
    }


    private Producer<byte[], byte[]> producer(String name, String codec) {
        return producers.computeIfAbsent(name, key -> {
            Map<String, Object> config = new HashMap<>(Map.of(
                "bootstrap.servers", bootstrap, "acks", "all",
                "enable.idempotence", true, "compression.type", codec,
                "delivery.timeout.ms", 100_000, "request.timeout.ms", 5_000,
                "linger.ms", 5));

            if (!name.equals(codec)) {
                config.put("transactional.id", name);
            }

            Producer<byte[], byte[]> producer = new KafkaProducer<>(config,
                new ByteArraySerializer(), new ByteArraySerializer());

            if (!name.equals(codec)) {
                producer.initTransactions();
            }

            return producer;
        });
    }


    private String produce(String topic, String codec, int count, int rate)
        throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = read(topic, count);
        Producer<byte[], byte[]> producer = producer(codec, codec);

        flush();

        halted = false;
        acknowledged = 0;
        failure = null;
        sender = new Thread(() -> send(producer, records, rate));
        sender.start();

        return "";
    }


    private void send(Producer<byte[], byte[]> producer,
        List<ProducerRecord<byte[], byte[]>> records, int rate) {
        List<Future<RecordMetadata>> sent = new ArrayList<>(records.size());
        long begun = now();

        try {
            for (ProducerRecord<byte[], byte[]> record : records) {
                while (rate > 0 && !halted
                       && sent.size() * 1000L / rate > now() - begun) {
                    Thread.sleep(1);
                }

                if (halted) {
                    break;
                }

                sent.add(producer.send(record));
            }

            producer.flush();

            for (Future<RecordMetadata> result : sent) {
                result.get();
                acknowledged++;
            }

        } catch (Exception e) {
            failure = e;
        }
    }


    private String flush() throws Exception {
        if (sender != null) {
            sender.join();
            sender = null;

            if (failure != null) {
                throw failure;
            }
        }

        return "";
    }


    private String write(String topic, int partition, int count)
        throws Exception {
        Producer<byte[], byte[]> producer = producer("none", "none");
        List<byte[]> values = new ArrayList<>(count);
        List<Future<RecordMetadata>> sent = new ArrayList<>(count);

        for (int i = 0; i < count; i++) {
            values.add(readValue());
        }

        for (byte[] value : values) {
            sent.add(producer.send(
                new ProducerRecord<>(topic, partition, null, value)));
        }

        long first = sent.get(0).get().offset();

        for (int i = 0; i < count; i++) {
            if (sent.get(i).get().offset() != first + i) {
                throw new IllegalStateException("another producer's record");
            }
        }

        return first + " " + (first + count);
    }


    private byte[] readValue() throws IOException {
        int length = Integer.parseInt(input.readLine());

        if (length == -1) {
            return null;
        }

        char[] value = new char[length];

        for (int got = 0; got < length; ) {
            int more = input.read(value, got, length - got);

            if (more == -1) {
                throw new IOException("the input ends in a value");
            }

            got += more;
        }

        return new String(value).getBytes(BYTES);
    }


    private String begin(String id, String topic, int count)
        throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = read(topic, count);
        Producer<byte[], byte[]> producer = producer(id, "none");

        producer.beginTransaction();
        records.forEach(producer::send);
        producer.flush();

        return "";
    }


    /* Security, configuration. */

    private static AclBinding acl(String[] w) {
        return new AclBinding(
            new ResourcePattern(ResourceType.fromString(w[3]), w[4],
                                PatternType.LITERAL),
            new AccessControlEntry("User:" + w[1], "*",
                                   AclOperation.fromString(w[2]),
                                   AclPermissionType.ALLOW));
    }


    private String setPassword(String user, String mechanism,
        String password) throws Exception {
        admin.alterUserScramCredentials(List.of(
            new UserScramCredentialUpsertion(user,
                new ScramCredentialInfo(
                    ScramMechanism.fromMechanismName(mechanism), 4096),
                password))).all().get();

        return "";
    }


    private String setConfig(String node, String name, String value)
        throws Exception {
        admin.incrementalAlterConfigs(Map.of(
            new ConfigResource(ConfigResource.Type.BROKER, node),
            List.of(new AlterConfigOp(new ConfigEntry(name, value),
                                      AlterConfigOp.OpType.SET))))
             .all().get();

        return "";
    }


    private static long now() {
        return System.nanoTime() / 1_000_000;
    }


    private static void pause(long end, String why) throws Exception {
        if (now() > end) {
            throw new IllegalStateException(why);
        }

        Thread.sleep(20);
    }
}
