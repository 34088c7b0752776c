package paystatus.streams;

import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import paystatus.avro.PaystatusDeserializer;
import paystatus.v1.PaymentStatus;
import paystatus.v1.PaymentStatusChange;

/**
 * <pre>
 * current -> payments ─┐
 *                      ├─ left join -> table
 * orders  -> orders ───┤
 *                      └─ join ──────> steps
 * changes -> once per step ─┘
 * </pre>
 *
 * No topic is repartitioned: a payment is in the same partition of all three, as long as the orders are keyed by payment key.
 */
final class OrderTopology {
  private OrderTopology() {}

  static Topology build(Topics topics, String registry) {
    StreamsBuilder builder = new StreamsBuilder();

    // A KTable keeps the newest record of a key and drops the key at a tombstone, which is all that `current` asks for. It is made from
    // what this program needs of a payment: the whole record has its history, and can be large.
    KTable<String, String> payments = builder
        .stream(topics.current(), read(PaymentStatus.getClassSchema(), registry, AutoOffsetReset.earliest()))
        .mapValues((key, payment) -> payment == null ? null : OrderPayment.of(key, (PaymentStatus) payment).toJson())
        .toTable(Materialized.as("payments"));
    KTable<String, String> orders = builder.table(topics.orders(),
        Consumed.with(Serdes.String(), Serdes.String()).withOffsetResetPolicy(AutoOffsetReset.earliest()), Materialized.as("orders"));
    payments
        .leftJoin(orders, (payment, order) -> OrderPayment.fromJson(payment).with(order).toJson())
        .toStream()
        .to(topics.table());

    // At the first start from the end: `current` has what came before.
    builder
        .stream(topics.changes(), read(PaymentStatusChange.getClassSchema(), registry, AutoOffsetReset.latest()))
        .mapValues(change -> (PaymentStatusChange) change)
        .processValues(new OncePerStep.Supplier())
        .filter((key, change) -> change.getStatusChanged())
        .join(orders, (change, order) -> order + " " + change.getStatusAfter())
        .to(topics.steps());
    return builder.build();
  }

  private static Consumed<String, SpecificRecord> read(Schema schema, String registry, AutoOffsetReset start) {
    Serde<SpecificRecord> serde = Serdes.serdeFrom(
        (topic, value) -> {
          throw new UnsupportedOperationException("the topics of paystatus are read only");
        },
        new PaystatusDeserializer<>(schema, registry));
    return Consumed.with(Serdes.String(), serde).withOffsetResetPolicy(start);
  }
}
