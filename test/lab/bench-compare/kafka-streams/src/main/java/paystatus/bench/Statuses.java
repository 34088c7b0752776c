package paystatus.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.avro.util.Utf8;
import paystatus.bench.avro.Provider;
import paystatus.bench.avro.Status;

/** The providers' status codes and the ranks of statuses. */
final class Statuses {
    /** A code, already encoded, and its status. */
    record Code(Utf8 source, Status status) { }

    private static final int[] RANKS = new int[Status.values().length];
    private static final Map<String, Code> JPM = new HashMap<>();
    private static final Map<String, Code> INSTAMED = new HashMap<>();

    static {
        rank(0, Status.UNKNOWN);
        rank(10, Status.RECEIVED);
        rank(20, Status.ACCEPTED);
        rank(25, Status.SCHEDULED, Status.WAREHOUSED);
        rank(30, Status.PROCESSING);
        rank(40, Status.AUTHORIZED);
        rank(45, Status.PENDING_POSTING);
        rank(60, Status.COMPLETED);
        rank(70, Status.CREDITED);
        rank(90, Status.REJECTED, Status.BLOCKED, Status.VOIDED);
        rank(100, Status.RETURNED);
        for (Status status : Status.values()) {
            if (status != Status.UNKNOWN && status != Status.AUTHORIZED && status != Status.VOIDED) code(JPM, status.name(), status);
        }
        code(JPM, "PENDING", Status.PROCESSING);
        code(INSTAMED, "C", Status.AUTHORIZED);
        code(INSTAMED, "V", Status.VOIDED);
    }

    private Statuses() { }

    static int rank(Status status) { return RANKS[status.ordinal()]; }

    /** An unknown code is kept as UNKNOWN, which never decides. */
    static Code code(Provider provider, String source) {
        Code known = (provider == Provider.INSTAMED ? INSTAMED : JPM).get(source);
        return known != null ? known : new Code(new Utf8(source), Status.UNKNOWN);
    }

    private static void rank(int rank, Status... statuses) {
        for (Status status : statuses) RANKS[status.ordinal()] = rank;
    }

    private static void code(Map<String, Code> codes, String source, Status status) {
        codes.put(source, new Code(new Utf8(source), status));
    }
}
