package paystatus.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;

/** The usual clients, which also tell {@link Progress} when a transaction was committed. */
final class CommitWatchingClients implements KafkaClientSupplier {
    private final Progress progress;

    CommitWatchingClients(Progress progress) { this.progress = progress; }

    @Override public Admin getAdmin(Map<String, Object> config) { return Admin.create(config); }

    @Override public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
            private final Map<TopicPartition, OffsetAndMetadata> pending = new HashMap<>();

            @Override public void sendOffsetsToTransaction(Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group) {
                super.sendOffsetsToTransaction(offsets, group);
                pending.putAll(offsets);
            }

            @Override public void commitTransaction() {
                super.commitTransaction();
                progress.committed(pending);
                pending.clear();
            }

            @Override public void abortTransaction() {
                pending.clear();
                super.abortTransaction();
            }
        };
    }

    @Override public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) { return consumer(config); }

    @Override public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) { return consumer(config); }

    @Override public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) { return consumer(config); }

    private static Consumer<byte[], byte[]> consumer(Map<String, Object> config) {
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
