package paystatus.spring;

import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;
import paystatus.v1.PaymentStatus;
import paystatus.v1.PaymentStatusChange;

/** Offsets are committed after the database, so a crash means that records are read again, and skipped. */
@Component
class Listeners {
  private final PaymentStore store;
  private final TableFile table;

  Listeners(PaymentStore store, TableFile table) {
    this.store = store;
    this.table = table;
  }

  @KafkaListener(topics = "${paystatus.current}", containerFactory = "currentListeners", autoStartup = "false")
  void onCurrent(List<ConsumerRecord<String, PaymentStatus>> records) {
    store.copy(records);
    records.forEach(record -> table.write(record.key()));
  }

  @KafkaListener(topics = "${paystatus.changes}", containerFactory = "changesListeners", autoStartup = "false")
  void onChanges(List<ConsumerRecord<String, PaymentStatusChange>> records) {
    for (var record : records) {
      if (store.act(record)) table.stepped(record.key(), record.value().getIncarnation(), record.value().getStatusVersion());
    }
  }
}
