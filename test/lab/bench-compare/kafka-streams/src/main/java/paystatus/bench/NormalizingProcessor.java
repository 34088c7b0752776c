package paystatus.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import paystatus.bench.avro.CallbackEvent;

/** The first of two hops: callbacks in, events out, keyed by payment. */
final class NormalizingProcessor implements Processor<Bytes, byte[], Bytes, byte[]> {
    private final Progress progress;
    private final Normalizer normalizer = new Normalizer();
    private final AvroCodec<CallbackEvent> codec = new AvroCodec<>(CallbackEvent.class, CallbackEvent.SCHEMA$, 3);
    private ProcessorContext<Bytes, byte[]> context;

    NormalizingProcessor(Progress progress) { this.progress = progress; }

    @Override public void init(ProcessorContext<Bytes, byte[]> context) { this.context = context; }

    @Override public void process(Record<Bytes, byte[]> record) {
        progress.callback();
        try {
            for (Callback callback : normalizer.parse(StatusProcessor.providerOf(record), record.value())) {
                byte[] event = codec.encode(new CallbackEvent(callback.provider(), callback.endToEndId(), callback.event()));
                Utf8 id = callback.paymentId();
                progress.forwarded();
                context.forward(new Record<>(Bytes.wrap(Arrays.copyOf(id.getBytes(), id.getByteLength())), event, record.timestamp()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
