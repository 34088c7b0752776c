package paystatus.spring;

import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;
import paystatus.v1.PaymentStatus;
import paystatus.v1.PaymentStatusChange;

/** Every method is one transaction. The rule "skip what is not newer" is the WHERE of an upsert, so reading records again is harmless. */
@Component
@Transactional
class PaymentStore {
  private static final Logger LOG = LoggerFactory.getLogger(PaymentStore.class);

  private final JdbcClient db;

  PaymentStore(JdbcClient db) {
    this.db = db;
  }

  /** Equal is not skipped: `current` may repeat a pair with other details. */
  void copy(List<ConsumerRecord<String, PaymentStatus>> records) {
    for (var record : records) {
      PaymentStatus payment = record.value();
      if (payment == null) {
        db.sql("DELETE FROM payment WHERE payment_key = ?").param(record.key()).update();
        continue;
      }
      var amount = payment.getAmount();
      db.sql("""
              INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?)
              ON CONFLICT (payment_key) DO UPDATE SET
                incarnation = excluded.incarnation, status_version = excluded.status_version, status = excluded.status,
                finality = excluded.finality, kind = excluded.kind, amount = excluded.amount, currency = excluded.currency
              WHERE (excluded.incarnation, excluded.status_version) >= (payment.incarnation, payment.status_version)
              """)
          .params(record.key(), payment.getIncarnation(), payment.getStatusVersion(), payment.getStatus().name(),
              payment.getFinality().name(), payment.getKind(),
              amount == null ? null : amount.getValue(), amount == null ? null : amount.getCurrency())
          .update();
    }
  }

  /** True if the step is new. What your code writes into this database happens exactly once, anything else at least once. */
  boolean act(ConsumerRecord<String, PaymentStatusChange> record) {
    PaymentStatusChange change = record.value();
    boolean follows = db.sql("SELECT 1 FROM step WHERE payment_key = ? AND incarnation = ? AND status_version >= ?")
        .params(record.key(), change.getIncarnation(), change.getStatusVersion() - 1)
        .query().singleColumn().size() == 1;
    if (!rememberStep(record.key(), change.getIncarnation(), change.getStatusVersion())) return false;
    if (!follows && change.getStatusVersion() > 1) {
      LOG.warn("steps of a payment are missing before {}[{}]@{}: the table has their outcome",
          record.topic(), record.partition(), record.offset());
    }
    // Your code.
    if (change.getStatusChanged()) LOG.info("{}: {} -> {}", record.key(), change.getStatusBefore(), change.getStatusAfter());
    return true;
  }

  private boolean rememberStep(String key, long incarnation, long statusVersion) {
    return db.sql("""
            INSERT INTO step VALUES (?, ?, ?)
            ON CONFLICT (payment_key) DO UPDATE SET incarnation = excluded.incarnation, status_version = excluded.status_version
            WHERE (excluded.incarnation, excluded.status_version) > (step.incarnation, step.status_version)
            """)
        .params(key, incarnation, statusVersion)
        .update() == 1;
  }

  boolean isFilled() {
    return !db.sql("SELECT at FROM filled").query().singleColumn().isEmpty();
  }

  void clear() {
    for (String table : List.of("payment", "step", "filled")) db.sql("DELETE FROM " + table).update();
  }

  /** At the start `current` says which steps are done. Later only `changes` does: `current` may be ahead of it. */
  void filled() {
    db.sql("INSERT INTO step SELECT payment_key, incarnation, status_version FROM payment").update();
    db.sql("INSERT INTO filled VALUES (?)").param(System.currentTimeMillis()).update();
  }
}
