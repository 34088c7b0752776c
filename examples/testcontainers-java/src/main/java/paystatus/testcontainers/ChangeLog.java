package paystatus.testcontainers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** All published changes, in the order in which {@code paystatus tail --json} printed them. */
final class ChangeLog {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<JsonNode> changes = new ArrayList<>();
  private String partialLine = "";

  /** Adds a piece of output; lines may be split between pieces. Ignores lines that are not changes, such as warnings. */
  synchronized void write(String piece) {
    String[] lines = (partialLine + piece).split("\n", -1);
    partialLine = lines[lines.length - 1];
    for (int index = 0; index < lines.length - 1; index++) {
      take(lines[index]);
    }
    notifyAll();
  }

  private void take(String line) {
    try {
      JsonNode change = line.startsWith("{") ? JSON.readTree(line) : null;
      if (change != null && change.has("paymentKey") && change.has("statusAfter")) {
        changes.add(change);
      }
    } catch (JsonProcessingException notAChange) {
      // Some other line of the output.
    }
  }

  /** The first change of a payment that fits, past or future. */
  synchronized JsonNode await(String paymentKey, Predicate<JsonNode> fits, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      for (;;) {
        List<JsonNode> ofPayment =
            changes.stream().filter(change -> change.path("paymentKey").asText().equals(paymentKey)).toList();
        var found = ofPayment.stream().filter(fits).findFirst();
        if (found.isPresent()) {
          return found.get();
        }
        long leftMs = (deadline - System.nanoTime()) / 1_000_000;
        if (leftMs <= 0) {
          List<String> statuses = ofPayment.stream().map(change -> change.path("statusAfter").asText()).toList();
          throw new AssertionError(
              "nothing that fits was published about " + paymentKey + " within " + limit + "; its statuses were " + statuses);
        }
        wait(leftMs);
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(error);
    }
  }
}
