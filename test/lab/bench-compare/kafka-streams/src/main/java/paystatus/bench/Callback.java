package paystatus.bench;

import org.apache.avro.util.Utf8;
import paystatus.bench.avro.Provider;
import paystatus.bench.avro.StatusEvent;

/** What a callback says about one payment. */
record Callback(Provider provider, Utf8 paymentId, Utf8 endToEndId, StatusEvent event) { }
