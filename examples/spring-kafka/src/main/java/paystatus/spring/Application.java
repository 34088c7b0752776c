package paystatus.spring;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ApplicationContext;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.event.ConsumerStoppedEvent;

/** Keeps every payment in a database and acts on every step, by the rules of docs/consumers.md. */
@SpringBootApplication
public class Application {
  private final ApplicationContext context;

  Application(ApplicationContext context) {
    this.context = context;
  }

  public static void main(String[] args) {
    SpringApplication.run(Application.class, args);
  }

  /** A listener stops at a record that it cannot read or handle. Then the whole service ends, so that somebody notices. */
  @EventListener
  void onStopped(ConsumerStoppedEvent event) {
    if (event.getReason() == ConsumerStoppedEvent.Reason.NORMAL) return;
    new Thread(() -> System.exit(SpringApplication.exit(context, () -> 1))).start();
  }
}
