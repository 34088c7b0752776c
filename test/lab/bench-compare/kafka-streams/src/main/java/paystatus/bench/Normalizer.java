package paystatus.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.avro.util.Utf8;
import paystatus.bench.avro.Provider;
import paystatus.bench.avro.Reason;
import paystatus.bench.avro.StatusEvent;

/** Reads the three formats with a streaming parser. Throws if a body has another shape. Not thread-safe. */
final class Normalizer {
    private static final JsonFactory JSON = JsonFactory.builder().disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION).build();

    private final ArrayList<Callback> callbacks = new ArrayList<>(4);

    // The payment that is being read.
    private String id, status, subStatus, endToEndId, at;
    private List<Reason> reasons;

    /** The next call changes the list. */
    List<Callback> parse(byte[] provider, byte[] body) throws IOException {
        callbacks.clear();
        int last = provider == null || provider.length == 0 ? 0 : provider[provider.length - 1];
        try (JsonParser json = JSON.createParser(body)) {
            switch (last) {
                case '1' -> jpmV1(json);
                case '2' -> jpmV2(json);
                case 'd' -> instamed(json);
                default -> throw new IOException("unknown provider");
            }
        }
        return callbacks;
    }

    private void jpmV1(JsonParser json) throws IOException {
        object(json, json.nextToken());
        for (String field; (field = json.nextFieldName()) != null; ) {
            JsonToken token = json.nextToken();
            if (!field.equals("callbacks")) { json.skipChildren(); continue; }
            array(json, token);
            while ((token = json.nextToken()) != JsonToken.END_ARRAY) {
                object(json, token);
                clear();
                for (String inner; (inner = json.nextFieldName()) != null; ) {
                    token = json.nextToken();
                    switch (inner) {
                        case "firmRootId" -> id = text(json, token);
                        case "paymentStatus" -> status = text(json, token);
                        case "endToEndId" -> endToEndId = text(json, token);
                        case "createDateTime" -> at = text(json, token);
                        case "exceptions" -> reasons(json, token, "errorCode", "errorDescription");
                        default -> json.skipChildren();
                    }
                }
                add(Provider.JPM_GLOBAL_PAYMENTS_V1, required(id, "firmRootId") + '|' + required(status, "paymentStatus"));
            }
        }
    }

    private void jpmV2(JsonParser json) throws IOException {
        String envelopeId = null, time = null;
        object(json, json.nextToken());
        for (String field; (field = json.nextFieldName()) != null; ) {
            JsonToken token = json.nextToken();
            switch (field) {
                case "id" -> envelopeId = text(json, token);
                case "time" -> time = text(json, token);
                case "data" -> {
                    object(json, token);
                    for (String inner; (inner = json.nextFieldName()) != null; ) {
                        token = json.nextToken();
                        if (!inner.equals("payments")) { json.skipChildren(); continue; }
                        array(json, token);
                        while ((token = json.nextToken()) != JsonToken.END_ARRAY) {
                            object(json, token);
                            jpmV2Payment(json);
                            if (at == null) at = time;
                            // If the envelope's id follows, the event's id is completed below.
                            add(Provider.JPM_GLOBAL_PAYMENTS_V2, envelopeId == null ? null : envelopeId + '|' + required(id, "paymentId"));
                        }
                    }
                }
                default -> json.skipChildren();
            }
        }
        required(envelopeId, "id");
        for (Callback callback : callbacks) {
            if (callback.event().getEventId() == null) callback.event().setEventId(new Utf8(envelopeId + '|' + callback.paymentId()));
        }
    }

    private void jpmV2Payment(JsonParser json) throws IOException {
        clear();
        for (String field; (field = json.nextFieldName()) != null; ) {
            JsonToken token = json.nextToken();
            switch (field) {
                case "paymentId" -> id = text(json, token);
                case "paymentStatus" -> status = text(json, token);
                case "paymentSubStatus" -> subStatus = text(json, token);
                case "statusUpdatedAt" -> at = text(json, token);
                case "paymentIdentifiers" -> {
                    object(json, token);
                    for (String inner; (inner = json.nextFieldName()) != null; ) {
                        token = json.nextToken();
                        if (inner.equals("endToEndId")) endToEndId = text(json, token); else json.skipChildren();
                    }
                }
                case "exceptions" -> reasons(json, token, "code", "message");
                default -> json.skipChildren();
            }
        }
    }

    private void instamed(JsonParser json) throws IOException {
        String action = null, responseCode = null, responseMessage = null;
        clear();
        object(json, json.nextToken());
        for (String field; (field = json.nextFieldName()) != null; ) {
            JsonToken token = json.nextToken();
            switch (field) {
                case "PaymentTransactionID" -> id = text(json, token);
                case "TransactionAction" -> action = text(json, token);
                case "CurrentTransactionStatusCode" -> status = text(json, token);
                case "ResponseDateTime" -> at = text(json, token);
                case "ResponseCode" -> responseCode = text(json, token);
                case "ResponseMessage" -> responseMessage = text(json, token);
                default -> json.skipChildren();
            }
        }
        id = required(id, "PaymentTransactionID").toLowerCase(Locale.ROOT);
        if (responseCode != null && !responseCode.equals("000")) reasons = List.of(new Reason(new Utf8(responseCode), utf8(responseMessage)));
        add(Provider.INSTAMED, id + '|' + action + '|' + required(status, "CurrentTransactionStatusCode"));
    }

    private void reasons(JsonParser json, JsonToken token, String codeField, String messageField) throws IOException {
        array(json, token);
        List<Reason> read = new ArrayList<>(2);
        while ((token = json.nextToken()) != JsonToken.END_ARRAY) {
            object(json, token);
            String code = null, message = null;
            for (String field; (field = json.nextFieldName()) != null; ) {
                token = json.nextToken();
                if (field.equals(codeField)) code = text(json, token);
                else if (field.equals(messageField)) message = text(json, token);
                else json.skipChildren();
            }
            read.add(new Reason(new Utf8(code == null ? "" : code), utf8(message)));
        }
        reasons = read;
    }

    private void clear() {
        id = status = subStatus = endToEndId = at = null;
        reasons = List.of();
    }

    private void add(Provider provider, String eventId) throws IOException {
        Statuses.Code code = Statuses.code(provider, required(status, "status"));
        String time = required(at, "time");
        callbacks.add(new Callback(provider, new Utf8(required(id, "payment id")), utf8(endToEndId),
            new StatusEvent(utf8(eventId), code.source(), utf8(subStatus), code.status(),
                provider == Provider.INSTAMED ? Times.twelveHours(time) : Times.iso(time), reasons)));
    }

    private static Utf8 utf8(String text) { return text == null ? null : new Utf8(text); }

    private static String text(JsonParser json, JsonToken token) throws IOException {
        if (token == JsonToken.VALUE_NULL) return null;
        if (token.isScalarValue()) return json.getText();
        throw new IOException("expected a scalar at " + json.currentName());
    }

    private static void object(JsonParser json, JsonToken token) throws IOException {
        if (token != JsonToken.START_OBJECT) throw new IOException("expected an object at " + json.currentName());
    }

    private static void array(JsonParser json, JsonToken token) throws IOException {
        if (token != JsonToken.START_ARRAY) throw new IOException("expected an array at " + json.currentName());
    }

    private static String required(String text, String name) throws IOException {
        if (text == null) throw new IOException(name + " is missing");
        return text;
    }
}
