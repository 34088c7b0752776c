package paystatus.testcontainers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ChangeLogTest {
  private final ChangeLog log = new ChangeLog();

  @Test
  void readsChangesFromOutputInArbitraryPieces() {
    String output = "a warning\n{\"paymentKey\":\"a:1\",\"statusAfter\":\"RECEIVED\",\"statusVersion\":1}\n{broken\n";
    output.chars().forEach(character -> log.write(String.valueOf((char) character)));
    assertEquals(1, log.await("a:1", change -> true, Duration.ZERO).path("statusVersion").asInt());
  }

  @Test
  void waitsForAChangeThatFits() throws InterruptedException {
    Thread later = new Thread(() -> log.write("{\"paymentKey\":\"a:1\",\"statusAfter\":\"COMPLETED\"}\n"));
    later.start();
    log.await("a:1", change -> change.path("statusAfter").asText().equals("COMPLETED"), Duration.ofSeconds(10));
    later.join();
  }

  @Test
  void listsTheStatusesIfNothingFits() {
    log.write("{\"paymentKey\":\"a:1\",\"statusAfter\":\"REJECTED\"}\n");
    AssertionError error =
        assertThrows(AssertionError.class, () -> log.await("a:1", change -> false, Duration.ofMillis(5)));
    assertTrue(error.getMessage().endsWith("its statuses were [REJECTED]"), error.getMessage());
  }
}
