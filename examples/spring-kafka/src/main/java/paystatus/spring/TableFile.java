package paystatus.spring;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/** Writes the table as JSON lines, for `paystatus conformance`; the last line of a payment counts. Does nothing without TABLE_FILE. */
@Component
class TableFile {
  private final JdbcClient db;
  private final PrintStream file;
  private final ObjectMapper json = new ObjectMapper();
  /** What was acted on since the start: the kit compares it with `changes`. */
  private final Map<String, List<long[]>> steps = new HashMap<>();

  TableFile(JdbcClient db, @Value("${TABLE_FILE:}") String path) throws IOException {
    this.db = db;
    this.file = path.isEmpty() ? null : new PrintStream(path);
  }

  void writeAll() {
    if (file != null) db.sql("SELECT payment_key FROM payment").query(String.class).list().forEach(this::write);
  }

  synchronized void stepped(String paymentKey, long incarnation, long statusVersion) {
    if (file == null) return;
    steps.computeIfAbsent(paymentKey, key -> new ArrayList<>()).add(new long[] {incarnation, statusVersion});
    write(paymentKey);
  }

  synchronized void write(String paymentKey) {
    if (file == null) return;
    Map<String, Object> line = db.sql("SELECT * FROM payment WHERE payment_key = ?").param(paymentKey)
        .query((row, number) -> {
          Map<String, Object> columns = new LinkedHashMap<>();
          columns.put("incarnation", row.getLong("incarnation"));
          columns.put("statusVersion", row.getLong("status_version"));
          for (String name : List.of("status", "finality", "kind")) columns.put(name, row.getString(name));
          Map<String, Object> amount = new LinkedHashMap<>();
          amount.put("value", row.getString("amount"));
          amount.put("currency", row.getString("currency"));
          columns.put("amount", amount.get("value") == null ? null : amount);
          columns.put("steps", steps.getOrDefault(paymentKey, List.of()));
          return columns;
        })
        .optional().orElseGet(() -> new LinkedHashMap<>(Map.of("forgotten", true)));
    line.put("paymentKey", paymentKey);
    try {
      file.println(json.writeValueAsString(line));
    } catch (JsonProcessingException error) {
      throw new IllegalStateException(error);
    }
  }
}
