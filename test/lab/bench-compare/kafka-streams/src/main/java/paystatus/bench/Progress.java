package paystatus.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** What a pass has done. Its clock starts with the first callback and ends with the last commit that moved an input offset. */
final class Progress {
    record Sample(long nanos, long cpuNanos, long brokerCpuMillis) { }

    private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    final LongAdder callbacks = new LongAdder(), distinct = new LongAdder(), duplicates = new LongAdder();
    /** Of two hops: events that left the first, and that arrived at the second. */
    final LongAdder forwarded = new LongAdder(), arrived = new LongAdder();
    private final AtomicReference<Sample> first = new AtomicReference<>();
    private final Map<TopicPartition, Long> committed = new HashMap<>();
    private final long brokerPid;
    private volatile boolean started;
    private Sample last;

    Progress(long brokerPid) { this.brokerPid = brokerPid; }

    void callback() {
        if (!started && first.compareAndSet(null, sample())) started = true;
        callbacks.increment();
    }

    void forwarded() { forwarded.increment(); }

    void arrived() { arrived.increment(); }

    void duplicate() { duplicates.increment(); }

    void distinct() { distinct.increment(); }

    synchronized void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
        boolean moved = false;
        for (var entry : offsets.entrySet()) {
            Long before = committed.put(entry.getKey(), entry.getValue().offset());
            moved |= before == null || before != entry.getValue().offset();
        }
        if (moved) last = sample();
    }

    synchronized Map<TopicPartition, Long> committed() { return new HashMap<>(committed); }

    Sample first() { return first.get(); }

    synchronized Sample last() { return last; }

    private Sample sample() { return new Sample(System.nanoTime(), SYSTEM.getProcessCpuTime(), brokerCpuMillis()); }

    private long brokerCpuMillis() {
        try {
            String stat = Files.readString(Path.of("/proc/" + brokerPid + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * 10;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
