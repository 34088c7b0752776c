package paystatus.avro;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.ClassSecurityValidator;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads the framing of Confluent's serializers into a generated class. Whatever schema a record was written with, the schema of the class
 * is the reader schema: an enum value that it does not have is read as the enum's default, and a new field is left out.
 *
 * <p>Confluent's own KafkaAvroDeserializer with {@code specific.avro.reader=true} does the same. It is not on Maven Central.
 */
public final class PaystatusDeserializer<T extends SpecificRecord> implements Deserializer<T> {
  private static final int HEADER_BYTES = 5;
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  static {
    // Avro fills only classes that it was told to trust.
    ClassSecurityValidator.setGlobal(ClassSecurityValidator.composite(
        ClassSecurityValidator.getGlobal(), type -> type.getPackageName().equals("paystatus.v1")));
  }

  private final Schema readerSchema;
  private final String registryUrl;
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
  private final Map<Integer, SpecificDatumReader<T>> readers = new ConcurrentHashMap<>();

  public PaystatusDeserializer(Schema readerSchema, String registryUrl) {
    this.readerSchema = readerSchema;
    this.registryUrl = registryUrl;
  }

  /** Null for a tombstone. */
  @Override
  public T deserialize(String topic, byte[] bytes) {
    if (bytes == null) return null;
    if (bytes.length < HEADER_BYTES || bytes[0] != 0) throw new SerializationException("no schema id in a record of " + topic);
    int schemaId = ByteBuffer.wrap(bytes).getInt(1);
    try {
      SpecificDatumReader<T> reader = readers.get(schemaId);
      if (reader == null) {
        reader = new SpecificDatumReader<>(writerSchema(schemaId), readerSchema);
        readers.put(schemaId, reader);
      }
      return reader.read(null, DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, null));
    } catch (IOException | RuntimeException error) {
      throw new SerializationException("cannot read a record of " + topic + " with schema id " + schemaId, error);
    }
  }

  private Schema writerSchema(int id) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(registryUrl + "/schemas/ids/" + id)).timeout(TIMEOUT).build();
    try {
      var response = http.send(request, BodyHandlers.ofString());
      if (response.statusCode() != 200) throw new IOException("the registry answered " + response.statusCode() + " for schema id " + id);
      return new Schema.Parser().parse(new ObjectMapper().readTree(response.body()).get("schema").asText());
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", error);
    }
  }
}
