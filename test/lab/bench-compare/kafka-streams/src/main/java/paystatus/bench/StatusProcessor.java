package paystatus.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import paystatus.bench.avro.CallbackEvent;
import paystatus.bench.avro.PaymentStatus;
import paystatus.bench.avro.Status;
import paystatus.bench.avro.StatusChange;
import paystatus.bench.avro.StatusEvent;

/**
 * Puts each event into its payment's state, unless it is known, and publishes the change and the new state. The store holds
 * the bytes of the published state, so a state is encoded once. A malformed record stops the application.
 */
final class StatusProcessor implements Processor<Bytes, byte[], Bytes, byte[]> {
    static final String STORE = "payment-status";
    static final String CHANGES = "changes";
    static final String CURRENT = "current";

    private final Progress progress;
    private final Normalizer normalizer = new Normalizer();
    /** Null if the callbacks themselves come in. */
    private final AvroCodec<CallbackEvent> eventCodec;
    private final AvroCodec<PaymentStatus> statusCodec = new AvroCodec<>(PaymentStatus.class, PaymentStatus.SCHEMA$, 1);
    private final AvroCodec<StatusChange> changeCodec = new AvroCodec<>(StatusChange.class, StatusChange.SCHEMA$, 2);
    private ProcessorContext<Bytes, byte[]> context;
    private KeyValueStore<Bytes, byte[]> store;

    StatusProcessor(Progress progress, boolean readsEvents) {
        this.progress = progress;
        this.eventCodec = readsEvents ? new AvroCodec<>(CallbackEvent.class, CallbackEvent.SCHEMA$, 3) : null;
    }

    static byte[] providerOf(Record<Bytes, byte[]> record) {
        Header provider = record.headers().lastHeader("provider");
        return provider == null ? null : provider.value();
    }

    @Override public void init(ProcessorContext<Bytes, byte[]> context) {
        this.context = context;
        this.store = context.getStateStore(STORE);
    }

    @Override public void process(Record<Bytes, byte[]> record) {
        try {
            if (eventCodec == null) {
                progress.callback();
                for (Callback callback : normalizer.parse(providerOf(record), record.value())) apply(record, callback);
            } else {
                progress.arrived();
                CallbackEvent event = eventCodec.decode(record.value());
                Utf8 endToEndId = event.getEndToEndId() == null ? null : new Utf8(event.getEndToEndId().toString());
                apply(record, new Callback(event.getProvider(), new Utf8(record.key().get()), endToEndId, event.getEvent()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void apply(Record<Bytes, byte[]> record, Callback callback) throws IOException {
        Utf8 id = callback.paymentId();
        byte[] key = record.key().get();
        if (!Arrays.equals(key, 0, key.length, id.getBytes(), 0, id.getByteLength())) {
            throw new IOException("the key of a record is not the payment's id");
        }
        StatusEvent event = callback.event();
        byte[] stored = store.get(record.key());
        PaymentStatus state = stored == null ? null : statusCodec.decode(stored);
        Status previous = state == null ? Status.UNKNOWN : state.getStatus();
        if (state == null) {
            state = first(callback, record.timestamp());
        } else if (!add(state, callback, record.timestamp())) {
            progress.duplicate();
            return;
        }
        byte[] current = statusCodec.encode(state);
        byte[] change = changeCodec.encode(new StatusChange(id, state.getProvider(), state.getEndToEndId(), state.getStatus(), previous,
            state.getSourceStatus(), state.getSourceSubStatus(), state.getStatusVersion(), state.getOccurredAt(),
            state.getFirstOccurredAt(), state.getUpdatedAt(), state.getReasons(), event));
        store.put(record.key(), current);
        context.forward(new Record<>(record.key(), change, record.timestamp()), CHANGES);
        context.forward(new Record<>(record.key(), current, record.timestamp()), CURRENT);
        progress.distinct();
    }

    private static PaymentStatus first(Callback callback, long now) {
        StatusEvent event = callback.event();
        List<StatusEvent> history = new ArrayList<>(1);
        history.add(event);
        return new PaymentStatus(callback.paymentId(), callback.provider(), callback.endToEndId(), event.getStatus(),
            event.getSourceStatus(), event.getSourceSubStatus(), 1, event.getOccurredAt(), event.getOccurredAt(), now,
            event.getReasons(), history);
    }

    /** False if the event is known. The highest rank decides; of equal ranks, the later event. */
    private static boolean add(PaymentStatus state, Callback callback, long now) {
        StatusEvent event = callback.event();
        List<StatusEvent> history = state.getHistory();
        for (int i = 0; i < history.size(); i++) {
            if (history.get(i).getEventId().equals(event.getEventId())) return false;
        }
        history.add(event);
        state.setStatusVersion(state.getStatusVersion() + 1);
        state.setUpdatedAt(now);
        if (state.getEndToEndId() == null) state.setEndToEndId(callback.endToEndId());
        state.setFirstOccurredAt(Math.min(state.getFirstOccurredAt(), event.getOccurredAt()));
        int difference = Statuses.rank(event.getStatus()) - Statuses.rank(state.getStatus());
        if (difference > 0 || difference == 0 && event.getOccurredAt() >= state.getOccurredAt()) {
            state.setStatus(event.getStatus());
            state.setSourceStatus(event.getSourceStatus());
            state.setSourceSubStatus(event.getSourceSubStatus());
            state.setOccurredAt(event.getOccurredAt());
            state.setReasons(event.getReasons());
        }
        return true;
    }
}
