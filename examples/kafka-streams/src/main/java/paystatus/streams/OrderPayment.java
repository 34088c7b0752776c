package paystatus.streams;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import paystatus.v1.PaymentStatus;

/** A row of the result, as JSON. It has what `paystatus conformance` compares, and the order, which is null for a payment without one. */
record OrderPayment(String paymentKey, long incarnation, long statusVersion, String status, String finality, String kind, Amount amount,
    String order) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Decimal text, never a float. */
  record Amount(String value, String currency) {}

  static OrderPayment of(String key, PaymentStatus payment) {
    var amount = payment.getAmount() == null ? null : new Amount(payment.getAmount().getValue(), payment.getAmount().getCurrency());
    return new OrderPayment(key, payment.getIncarnation(), payment.getStatusVersion(), payment.getStatus().name(),
        payment.getFinality().name(), payment.getKind(), amount, null);
  }

  OrderPayment with(String order) {
    return new OrderPayment(paymentKey, incarnation, statusVersion, status, finality, kind, amount, order);
  }

  String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException error) {
      throw new IllegalStateException(error);
    }
  }

  static OrderPayment fromJson(String json) {
    try {
      return JSON.readValue(json, OrderPayment.class);
    } catch (JsonProcessingException error) {
      throw new IllegalStateException(error);
    }
  }
}
