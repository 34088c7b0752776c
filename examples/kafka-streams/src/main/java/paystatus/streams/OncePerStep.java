package paystatus.streams;

import java.util.Set;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import paystatus.v1.PaymentStatusChange;

/** Lets a record of `changes` pass if its (incarnation, statusVersion) is greater than that of the last one of its payment. */
final class OncePerStep extends ContextualFixedKeyProcessor<String, PaymentStatusChange, PaymentStatusChange> {
  private static final String STORE = "last-step";

  private KeyValueStore<String, String> lastSteps;

  @Override
  public void init(FixedKeyProcessorContext<String, PaymentStatusChange> context) {
    super.init(context);
    lastSteps = context.getStateStore(STORE);
  }

  @Override
  public void process(FixedKeyRecord<String, PaymentStatusChange> record) {
    Step step = new Step(record.value().getIncarnation(), record.value().getStatusVersion());
    String last = lastSteps.get(record.key());
    if (last != null && step.compareTo(Step.parse(last)) <= 0) return;
    lastSteps.put(record.key(), step.toString());
    context().forward(record);
  }

  private record Step(long incarnation, long statusVersion) implements Comparable<Step> {
    static Step parse(String text) {
      String[] parts = text.split("/");
      return new Step(Long.parseLong(parts[0]), Long.parseLong(parts[1]));
    }

    @Override
    public int compareTo(Step other) {
      int byIncarnation = Long.compare(incarnation, other.incarnation);
      return byIncarnation != 0 ? byIncarnation : Long.compare(statusVersion, other.statusVersion);
    }

    @Override
    public String toString() {
      return incarnation + "/" + statusVersion;
    }
  }

  static final class Supplier implements FixedKeyProcessorSupplier<String, PaymentStatusChange, PaymentStatusChange> {
    @Override
    public FixedKeyProcessor<String, PaymentStatusChange, PaymentStatusChange> get() {
      return new OncePerStep();
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
      return Set.of(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.String()));
    }
  }
}
