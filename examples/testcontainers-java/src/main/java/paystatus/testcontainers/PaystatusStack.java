package paystatus.testcontainers;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.testcontainers.containers.Container;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.containers.wait.strategy.WaitStrategy;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.lifecycle.Startables;
import org.testcontainers.utility.DockerImageName;

/**
 * A complete paystatus in Docker containers: Kafka, Redis, a schema registry, the topics and schemas, and all roles. The image is the one
 * that production runs, so nothing here knows how a status is computed.
 */
public final class PaystatusStack implements AutoCloseable {
  private static final Duration STARTUP = Duration.ofMinutes(4);
  private static final String REGISTRY_PATH = "/apis/ccompat/v7";
  private static final String CONFIG_FILE = "/etc/paystatus/paystatus.yaml";
  private static final int GATEWAY_PORT = 8080;
  private static final int ADMIN_PORT = 9090;
  private static final int KAFKA_PORT = 9092;

  private final Network network = Network.newNetwork();
  private final List<GenericContainer<?>> started = new ArrayList<>();
  private final String callbackSecret = UUID.randomUUID().toString();
  private final ChangeLog changes = new ChangeLog();
  private final HttpClient http = HttpClient.newHttpClient();
  private final String bootstrapServers;
  private final String registryUrl;
  private final String gatewayUrl;
  private final GenericContainer<?> redis;

  /** Returns when callbacks are accepted and processed. If a container does not start, removes the others and throws. */
  public static PaystatusStack start() {
    return new PaystatusStack();
  }

  private PaystatusStack() {
    try {
      int kafkaPort = freePort();
      GenericContainer<?> kafka = kafka(kafkaPort);
      redis = container(image("PAYSTATUS_REDIS_IMAGE", "redis:7.4-alpine"), "redis")
          .withCommand("redis-server", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
          .waitingFor(Wait.forLogMessage(".*Ready to accept connections.*", 1));
      GenericContainer<?> registry =
          container(image("PAYSTATUS_REGISTRY_IMAGE", "apicurio/apicurio-registry-mem:2.6.13.Final"), "registry")
              .withExposedPorts(8080)
              .waitingFor(Wait.forHttp("/health/ready").forPort(8080));
      Startables.deepStart(kafka, redis, registry).join();
      bootstrapServers = kafka.getHost() + ":" + kafkaPort;
      registryUrl = "http://" + registry.getHost() + ":" + registry.getMappedPort(8080) + REGISTRY_PATH;

      Startables.deepStart(once("topics", "apply"), once("schemas", "apply")).join();
      GenericContainer<?> roles = paystatus("run")
          .withExposedPorts(GATEWAY_PORT, ADMIN_PORT)
          .waitingFor(Wait.forHttp("/health/ready").forPort(ADMIN_PORT));
      // Supplies awaitStatus, so that this class needs no Kafka client. From the beginning, because it may start late.
      GenericContainer<?> tail = paystatus("tail", "--from-beginning", "--json")
          .waitingFor(AT_ONCE)
          .withLogConsumer(frame -> changes.write(frame.getUtf8String()));
      Startables.deepStart(roles, tail).join();
      gatewayUrl = "http://" + roles.getHost() + ":" + roles.getMappedPort(GATEWAY_PORT);
    } catch (RuntimeException error) {
      close();
      throw error;
    }
  }

  /** {@code host:port}, reachable from the test. */
  public String bootstrapServers() {
    return bootstrapServers;
  }

  /** The registry's Confluent API. */
  public String registryUrl() {
    return registryUrl;
  }

  /** Sends a callback of J.P. Morgan Global Payments v1. Throws if the gateway does not accept it. */
  public void postCallback(String body) {
    HttpRequest request = HttpRequest.newBuilder(URI.create(gatewayUrl + "/callbacks/jpm-v1"))
        .header("content-type", "application/json")
        .header("x-callback-secret", callbackSecret)
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
    try {
      HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() / 100 != 2) {
        throw new IllegalStateException("the gateway answered " + answer.statusCode() + ": " + answer.body());
      }
    } catch (IOException error) {
      throw new IllegalStateException("the gateway does not answer", error);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(error);
    }
  }

  /** The first record of {@code payments.status.changes} that gave a payment a status, past or future. */
  public JsonNode awaitStatus(String paymentKey, String status, Duration limit) {
    return awaitChange(paymentKey, change -> change.path("statusAfter").asText().equals(status), limit);
  }

  /** The first record of a payment that fits. Throws after the limit, with the statuses that were published instead. */
  public JsonNode awaitChange(String paymentKey, Predicate<JsonNode> fits, Duration limit) {
    return changes.await(paymentKey, fits, limit);
  }

  /** Empties Redis, which holds a copy only: paystatus rebuilds it from Kafka. */
  public void redisLost() {
    try {
      Container.ExecResult result = redis.execInContainer("redis-cli", "FLUSHALL");
      if (result.getExitCode() != 0) {
        throw new IllegalStateException("Redis could not be emptied: " + result.getStderr());
      }
    } catch (IOException error) {
      throw new IllegalStateException("Redis could not be emptied", error);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(error);
    }
  }

  /**
   * Writes a scenario of {@code paystatus conformance} into topics with this prefix, and returns the rows, as JSON lines, that a
   * subscriber must come to.
   */
  public List<String> playScenario(String name, String topicPrefix) {
    GenericContainer<?> play =
        once("conformance", "--topic-prefix", topicPrefix, "--play", "--scenario", name, "--payments", "100");
    play.start();
    return play.getLogs().lines().filter(line -> line.startsWith("{")).toList();
  }

  /** Stops and removes everything, the roles before their servers. */
  @Override
  public void close() {
    for (int index = started.size() - 1; index >= 0; index--) {
      started.get(index).stop();
    }
    network.close();
  }

  private GenericContainer<?> once(String... command) {
    return paystatus(command)
        .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(STARTUP))
        .waitingFor(AT_ONCE);
  }

  private GenericContainer<?> paystatus(String... command) {
    return container(image("PAYSTATUS_IMAGE", "paystatus:0.1.0"), null)
        .withCommand(command)
        .withCopyToContainer(Transferable.of(configuration()), CONFIG_FILE)
        .withEnv("PAYSTATUS_CONFIG", CONFIG_FILE)
        .withEnv("CALLBACK_SECRET", callbackSecret);
  }

  private GenericContainer<?> container(String image, String alias) {
    GenericContainer<?> container =
        new GenericContainer<>(DockerImageName.parse(image)).withNetwork(network).withStartupTimeout(STARTUP);
    if (alias != null) {
      container.withNetworkAliases(alias);
    }
    started.add(container);
    return container;
  }

  /** A broker must advertise its address, so the host port is chosen in advance. */
  private GenericContainer<?> kafka(int port) {
    GenericContainer<?> kafka = container(image("PAYSTATUS_KAFKA_IMAGE", "apache/kafka:4.3.1"), "kafka")
        .withEnv(Map.ofEntries(
            Map.entry("KAFKA_NODE_ID", "1"),
            Map.entry("KAFKA_PROCESS_ROLES", "broker,controller"),
            Map.entry("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
            Map.entry("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
            Map.entry("KAFKA_LISTENERS", "EXTERNAL://:" + KAFKA_PORT + ",INTERNAL://:19092,CONTROLLER://localhost:9093"),
            Map.entry("KAFKA_ADVERTISED_LISTENERS", "EXTERNAL://localhost:" + port + ",INTERNAL://kafka:19092"),
            Map.entry(
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                "EXTERNAL:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"),
            Map.entry("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL"),
            Map.entry("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"),
            Map.entry("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
            Map.entry("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
            Map.entry("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "5"),
            Map.entry("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
            Map.entry("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
            Map.entry("KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS", "5"),
            Map.entry("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m")))
        .waitingFor(Wait.forLogMessage(".*Kafka Server started.*", 1));
    kafka.setPortBindings(List.of(port + ":" + KAFKA_PORT));
    return kafka;
  }

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    } catch (IOException error) {
      throw new IllegalStateException("no free port", error);
    }
  }

  private static String image(String variable, String image) {
    String named = System.getenv(variable);
    return named == null || named.isEmpty() ? image : named;
  }

  private static String configuration() {
    return String.join(
        "\n",
        Arrays.asList(
            "environment: testcontainers",
            "kafka: { brokers: ['kafka:19092'], partitions: 3 }",
            "redis: { url: 'redis://redis:6379' }",
            "registry: { url: 'http://registry:8080" + REGISTRY_PATH + "' }",
            "sources:",
            "  - id: jpm-v1",
            "    provider: jpm-global-payments-v1",
            "    path: /callbacks/jpm-v1",
            "    authentication:",
            "      { type: header, header: x-callback-secret, secret: { env: CALLBACK_SECRET } }",
            ""));
  }

  /** Instead of the image's health check, which is for roles. */
  private static final WaitStrategy AT_ONCE = new WaitStrategy() {
    @Override
    public void waitUntilReady(org.testcontainers.containers.wait.strategy.WaitStrategyTarget target) {}

    @Override
    public WaitStrategy withStartupTimeout(Duration timeout) {
      return this;
    }
  };
}
