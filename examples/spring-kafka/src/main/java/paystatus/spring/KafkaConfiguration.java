package paystatus.spring;

import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.kafka.autoconfigure.KafkaProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.CommonContainerStoppingErrorHandler;
import paystatus.avro.PaystatusDeserializer;
import paystatus.v1.PaymentStatus;
import paystatus.v1.PaymentStatusChange;

@Configuration
class KafkaConfiguration {
  private final Map<String, Object> properties;
  private final String registry;

  KafkaConfiguration(KafkaProperties kafka, @Value("${paystatus.registry}") String registry) {
    this.properties = kafka.buildConsumerProperties();
    this.registry = registry;
  }

  @Bean
  ConsumerFactory<String, PaymentStatus> currentConsumers() {
    return consumers(PaymentStatus.getClassSchema());
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<String, PaymentStatus> currentListeners() {
    return listeners(currentConsumers());
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<String, PaymentStatusChange> changesListeners() {
    return listeners(consumers(PaymentStatusChange.getClassSchema()));
  }

  private <T extends SpecificRecord> ConsumerFactory<String, T> consumers(Schema readerSchema) {
    return new DefaultKafkaConsumerFactory<>(
        properties, StringDeserializer::new, () -> new PaystatusDeserializer<T>(readerSchema, registry));
  }

  private static <T> ConcurrentKafkaListenerContainerFactory<String, T> listeners(ConsumerFactory<String, T> consumers) {
    var listeners = new ConcurrentKafkaListenerContainerFactory<String, T>();
    listeners.setConsumerFactory(consumers);
    listeners.setBatchListener(true);
    // Spring's default gives a record up after ten attempts and goes on with the next one: that would be a lost step.
    listeners.setCommonErrorHandler(new CommonContainerStoppingErrorHandler());
    return listeners;
  }
}
