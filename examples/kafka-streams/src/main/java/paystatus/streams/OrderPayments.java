package paystatus.streams;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Joins the payments with the orders that they pay for, by the rules of docs/consumers.md. */
public final class OrderPayments {
  public static void main(String[] args) throws Exception {
    Topics topics = new Topics(
        env("CURRENT_TOPIC", "payments.status.current"), env("CHANGES_TOPIC", "payments.status.changes"),
        env("ORDERS_TOPIC", "orders"), env("TABLE_TOPIC", "order-payments"), env("STEPS_TOPIC", "order-steps"));
    Properties properties = new Properties();
    properties.putAll(Map.of(
        StreamsConfig.APPLICATION_ID_CONFIG, env("GROUP_ID", "kafka-streams-sample"),
        StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("KAFKA_BROKERS", "localhost:9092"),
        StreamsConfig.STATE_DIR_CONFIG, env("STATE_DIR", "state"),
        StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class,
        StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class,
        // Reads with read_committed, and writes its results, stores and offsets in one transaction.
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2));
    createOwnTopics(properties, topics);

    KafkaStreams streams = new KafkaStreams(OrderTopology.build(topics, env("SCHEMA_REGISTRY_URL", "http://localhost:8081")), properties);
    CountDownLatch ended = new CountDownLatch(1);
    // A record that cannot be read ends the program: skipping it would leave the table wrong.
    streams.setUncaughtExceptionHandler(error -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
    streams.setStateListener((state, before) -> {
      if (state == KafkaStreams.State.ERROR || state == KafkaStreams.State.NOT_RUNNING) ended.countDown();
    });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    ended.await();
    if (streams.state() == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
  }

  /** Topics that are joined by key need as many partitions as paystatus' topics. */
  private static void createOwnTopics(Properties properties, Topics topics) throws Exception {
    try (Admin admin = Admin.create(properties)) {
      int partitions = admin.describeTopics(List.of(topics.current())).allTopicNames().get().get(topics.current()).partitions().size();
      for (String name : List.of(topics.orders(), topics.table(), topics.steps())) {
        try {
          admin.createTopics(List.of(new NewTopic(name, partitions, (short) -1))).all().get();
        } catch (ExecutionException error) {
          if (!(error.getCause() instanceof TopicExistsException)) throw error;
        }
      }
    }
  }

  private static String env(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
