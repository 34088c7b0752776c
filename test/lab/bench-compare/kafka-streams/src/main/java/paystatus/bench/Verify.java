package paystatus.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import paystatus.bench.avro.PaymentStatus;
import paystatus.bench.avro.StatusChange;

/**
 * Reads both outputs as a read_committed consumer. Compares them with each other and with the statuses that the payments must
 * end with: a file of lines with a payment's id, a blank and the provider's word. Exits with 1 if anything differs.
 */
public final class Verify {
    private static final Map<String, String> STATUS_OF = Map.of("PENDING", "PROCESSING", "C", "AUTHORIZED", "V", "VOIDED");

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: BROKERS NAME EXPECTED_FILE");
            System.exit(2);
        }
        Map<String, String> expected = Files.readAllLines(Path.of(args[2])).stream().map(line -> line.split(" ")).collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
        AvroCodec<PaymentStatus> statusCodec = new AvroCodec<>(PaymentStatus.class, PaymentStatus.SCHEMA$, 1);
        AvroCodec<StatusChange> changeCodec = new AvroCodec<>(StatusChange.class, StatusChange.SCHEMA$, 2);
        Map<String, PaymentStatus> states = new HashMap<>();
        read(args[0], args[1] + ".current", record -> states.put(record.key(), decode(statusCodec, record.value())));
        Map<String, StatusChange> changes = new HashMap<>();
        Set<String> events = new HashSet<>();
        long[] wrong = new long[4];
        read(args[0], args[1] + ".changes", record -> {
            StatusChange change = decode(changeCodec, record.value());
            StatusChange before = changes.put(record.key(), change);
            if (change.getStatusVersion() != (before == null ? 0 : before.getStatusVersion()) + 1) wrong[0]++;
            if (!events.add(record.key() + ' ' + change.getEvent().getEventId())) wrong[1]++;
        });
        Set<String> payments = new HashSet<>(expected.keySet());
        payments.addAll(states.keySet());
        payments.addAll(changes.keySet());
        for (String payment : payments) {
            PaymentStatus state = states.get(payment);
            StatusChange change = changes.get(payment);
            String word = expected.get(payment);
            if (state == null || word == null || !state.getStatus().name().equals(STATUS_OF.getOrDefault(word, word))) wrong[2]++;
            else if (change == null || change.getStatus() != state.getStatus() || change.getStatusVersion() != state.getStatusVersion()
                || state.getHistory().size() != state.getStatusVersion()) wrong[3]++;
        }
        System.out.printf("%d payments, %d changes; %d gaps in the versions, %d events twice, %d wrong statuses, %d payments whose changes differ from their state%n",
            payments.size(), events.size(), wrong[0], wrong[1], wrong[2], wrong[3]);
        System.exit(wrong[0] + wrong[1] + wrong[2] + wrong[3] == 0 ? 0 : 1);
    }

    private static <T extends SpecificRecordBase> T decode(AvroCodec<T> codec, byte[] bytes) {
        try {
            return codec.decode(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void read(String brokers, String topic, Consumer<ConsumerRecord<String, byte[]>> each) {
        Map<String, Object> config = Map.of("bootstrap.servers", brokers, "isolation.level", "read_committed", "max.poll.records", 5_000, "enable.auto.commit", false);
        try (KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(one -> new TopicPartition(topic, one.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) consumer.poll(Duration.ofMillis(200)).forEach(each);
        }
    }
}
