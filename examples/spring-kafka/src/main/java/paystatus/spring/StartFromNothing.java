package paystatus.spring;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.stereotype.Component;
import paystatus.v1.PaymentStatus;

/**
 * Fills the table from `current`, sets the group's offsets, then starts the listeners. A group that has its offsets just goes on: by default
 * a broker forgets those of a stopped group after 7 days, which is as long as `current` keeps tombstones.
 */
@Component
class StartFromNothing implements ApplicationRunner {
  private final String changes;
  private final String current;
  private final String group;
  private final ConsumerFactory<String, PaymentStatus> consumers;
  private final KafkaAdmin kafka;
  private final KafkaListenerEndpointRegistry listeners;
  private final PaymentStore store;
  private final TableFile table;

  StartFromNothing(@Value("${paystatus.changes}") String changes, @Value("${paystatus.current}") String current,
      @Value("${spring.kafka.consumer.group-id}") String group, ConsumerFactory<String, PaymentStatus> consumers, KafkaAdmin kafka,
      KafkaListenerEndpointRegistry listeners, PaymentStore store, TableFile table) {
    this.changes = changes;
    this.current = current;
    this.group = group;
    this.consumers = consumers;
    this.kafka = kafka;
    this.listeners = listeners;
    this.store = store;
    this.table = table;
  }

  @Override
  public void run(ApplicationArguments arguments) throws Exception {
    try (Admin admin = Admin.create(kafka.getConfigurationProperties()); var consumer = consumers.createConsumer()) {
      var partitions = consumer.partitionsFor(current).stream().map(info -> new TopicPartition(current, info.partition())).toList();
      var known = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet();
      if (!store.isFilled() || !known.containsAll(partitions)) fill(admin, consumer, partitions);
    }
    table.writeAll();
    listeners.getListenerContainers().forEach(container -> container.start());
  }

  private void fill(Admin admin, Consumer<String, PaymentStatus> consumer, List<TopicPartition> partitions) throws Exception {
    store.clear();
    // The order matters, and the kind of end: first what a read_committed consumer sees of `changes`, then all of `current`.
    var changesEnds = consumer.endOffsets(partitions.stream().map(one -> new TopicPartition(changes, one.partition())).toList());
    var currentEnds = admin.listOffsets(partitions.stream().collect(Collectors.toMap(one -> one, one -> OffsetSpec.latest())),
        new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED)).all().get();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    while (!isRead(consumer, currentEnds)) {
      var records = consumer.poll(Duration.ofSeconds(1));
      store.copy(StreamSupport.stream(records.spliterator(), false).toList());
    }
    store.filled();
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    changesEnds.forEach((partition, end) -> offsets.put(partition, new OffsetAndMetadata(end)));
    partitions.forEach(partition -> offsets.put(partition, new OffsetAndMetadata(consumer.position(partition))));
    admin.alterConsumerGroupOffsets(group, offsets).all().get();
  }

  private static boolean isRead(Consumer<?, ?> consumer, Map<TopicPartition, ListOffsetsResultInfo> ends) {
    return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue().offset());
  }
}
