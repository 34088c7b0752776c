package paystatus.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.Stores;

/**
 * The comparison's job as a Kafka Streams application with exactly-once processing. Processes all callbacks of a topic and
 * prints what that took, as a line of JSON. Warm: does the whole job once before, with topics of its own, so that the JVM
 * measures compiled code.
 */
public final class Main {
    private record Job(String brokers, String input, String name, int partitions, boolean twoHops, Path stateDirectory, long brokerPid) {
        Job named(String other) { return new Job(brokers, input, other, partitions, twoHops, stateDirectory, brokerPid); }

        String changes() { return name + ".changes"; }

        String current() { return name + ".current"; }

        String events() { return name + ".events"; }
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 8) {
            System.err.println("usage: BROKERS INPUT NAME PARTITIONS HOPS cold|warm STATE_DIRECTORY BROKER_PID");
            System.exit(2);
        }
        Job job = new Job(args[0], args[1], args[2], Integer.parseInt(args[3]), args[4].equals("2"), Path.of(args[6]), Long.parseLong(args[7]));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", job.brokers()))) {
            if (args[5].equals("warm")) process(job.named(job.name() + ".warm-up"), admin);
            System.out.println(process(job, admin));
        }
        System.exit(0);
    }

    private static String process(Job job, Admin admin) throws Exception {
        admin.createTopics(List.of(topic(job, job.changes(), "delete"), topic(job, job.current(), "compact"), topic(job, job.events(), "delete"))).all().get();
        Progress progress = new Progress(job.brokerPid());
        CountDownLatch failed = new CountDownLatch(1);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        KafkaStreams streams = new KafkaStreams(topology(job, progress), properties(job), new CommitWatchingClients(progress));
        streams.setUncaughtExceptionHandler(error -> {
            failure.compareAndSet(null, error);
            failed.countDown();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        while (!failed.await(100, TimeUnit.MILLISECONDS) && !isDone(job, progress, admin)) { }
        streams.close(CloseOptions.timeout(Duration.ofSeconds(60)).withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
        if (failure.get() != null) throw new IllegalStateException(failure.get());
        Progress.Sample first = progress.first(), last = progress.last();
        return String.format("{\"callbacks\":%d,\"distinct\":%d,\"duplicates\":%d,\"seconds\":%s,\"cpuSeconds\":%s,\"brokerCpuSeconds\":%s,\"peakRssMiB\":%d}",
            progress.callbacks.sum(), progress.distinct.sum(), progress.duplicates.sum(), (last.nanos() - first.nanos()) / 1e9,
            (last.cpuNanos() - first.cpuNanos()) / 1e9, (last.brokerCpuMillis() - first.brokerCpuMillis()) / 1e3, peakRssMiB());
    }

    private static boolean isDone(Job job, Progress progress, Admin admin) throws Exception {
        Map<TopicPartition, Long> committed = progress.committed();
        return reached(committed, ends(admin, job.input(), job.partitions(), 0))
            // A partition of a transactional topic ends with the mark of a commit, which is not committed as read.
            && (!job.twoHops() || progress.arrived.sum() == progress.forwarded.sum() && reached(committed, ends(admin, job.events(), job.partitions(), 1)));
    }

    private static Topology topology(Job job, Progress progress) {
        Topology topology = new Topology();
        source(topology, "raw", job.input());
        if (job.twoHops()) {
            topology.addProcessor("normalize", () -> new NormalizingProcessor(progress), "raw");
            sink(topology, "events-out", job.events(), "normalize");
            source(topology, "events-in", job.events());
        }
        topology.addProcessor("status", () -> new StatusProcessor(progress, job.twoHops()), job.twoHops() ? "events-in" : "raw");
        // Without a cache: with one, it was slower and committed later.
        topology.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(StatusProcessor.STORE), Serdes.Bytes(), Serdes.ByteArray()).withCachingDisabled(), "status");
        sink(topology, StatusProcessor.CHANGES, job.changes(), "status");
        sink(topology, StatusProcessor.CURRENT, job.current(), "status");
        return topology;
    }

    private static void source(Topology topology, String name, String topic) {
        topology.addSource(name, Serdes.Bytes().deserializer(), new ByteArrayDeserializer(), topic);
    }

    private static void sink(Topology topology, String name, String topic, String parent) {
        topology.addSink(name, topic, Serdes.Bytes().serializer(), new ByteArraySerializer(), parent);
    }

    private static Properties properties(Job job) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, job.name());
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.brokers());
        // Commits every 100 ms.
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, job.stateDirectory().toString());
        properties.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksConfig.class);
        properties.put(StreamsConfig.ENABLE_METRICS_PUSH_CONFIG, false);
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        // A commit sends what is waiting.
        properties.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        properties.put(StreamsConfig.producerPrefix("batch.size"), 64 << 10);
        properties.put(StreamsConfig.producerPrefix("buffer.memory"), 64 << 20);
        properties.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        return properties;
    }

    private static boolean reached(Map<TopicPartition, Long> committed, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> committed.getOrDefault(end.getKey(), 0L) >= end.getValue());
    }

    private static Map<TopicPartition, Long> ends(Admin admin, String topic, int partitions, int without) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) asked.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        return admin.listOffsets(asked).all().get().entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, end -> end.getValue().offset() - without));
    }

    private static NewTopic topic(Job job, String name, String cleanup) {
        return new NewTopic(name, Optional.of(job.partitions()), Optional.empty()).configs(Map.of("cleanup.policy", cleanup));
    }

    private static long peakRssMiB() throws Exception {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(one -> one.startsWith("VmHWM")).findFirst().orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
    }
}
