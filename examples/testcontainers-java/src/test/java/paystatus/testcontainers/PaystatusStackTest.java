package paystatus.testcontainers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.testcontainers.DockerClientFactory;

/** What a team's own test looks like. Skipped without Docker. */
class PaystatusStackTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private static PaystatusStack paystatus;

  @BeforeAll
  static void start() {
    Assumptions.assumeTrue(DockerClientFactory.instance().isDockerAvailable(), "no Docker daemon answers");
    paystatus = PaystatusStack.start();
  }

  @AfterAll
  static void stop() {
    if (paystatus != null) {
      paystatus.close();
    }
  }

  @Test
  void publishesTheStatusOfAPaymentAlsoAfterRedisWasLost() {
    String id = UUID.randomUUID().toString();
    String paymentKey = "jpm-global-payments-v1:" + id;
    paystatus.postCallback(callback(id, "PENDING", "2026-03-01T08:00:00Z"));
    paystatus.awaitChange(paymentKey, change -> change.path("statusVersion").asInt() == 1, LIMIT);
    paystatus.redisLost();
    paystatus.postCallback(callback(id, "COMPLETED", "2026-03-01T09:00:00Z"));
    assertEquals(2, paystatus.awaitStatus(paymentKey, "COMPLETED", LIMIT).path("statusVersion").asInt());
  }

  @Test
  void playsAScenarioOfTheConformanceKit() {
    var rows = paystatus.playScenario("late-events", "scenario.");
    assertTrue(rows.stream().anyMatch(row -> row.contains("\"status\":\"SETTLED\"")), rows::toString);
  }

  private static String callback(String id, String status, String time) {
    return """
        {"callbacks":[{"firmRootId":"%s","endToEndId":"ORDER-1","paymentStatus":"%s","createDateTime":"%s"}]}"""
        .formatted(id, status, time);
  }
}
