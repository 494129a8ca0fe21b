package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sessiond.internal.clock.Clock;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Carries out the commands of the suite that every client must pass; tests/conformance/README.md
 * has its protocol.
 */
public final class Main {
  private static final double NANOS_PER_SECOND = 1e9;

  private final Results results = new Results(System.out);
  private final Clients clients = new Clients();
  private final Running running = new Running(results);

  private Main() {}

  /** Reads commands from standard input until it ends. */
  public static void main(String[] arguments) throws IOException {
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Main main = new Main();
    main.results.say(Hello.line());
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      main.begin(new Command(JsonParser.parseString(line).getAsJsonObject()));
    }
    main.clients.closeAll();
    System.exit(0);
  }

  private void begin(Command command) {
    switch (command.name()) {
      // Others rely on these that come later.
      case "new", "cancel", "advance" -> results.say(command, atOnce(command));
      default -> running.begin(command, clients.of(command));
    }
  }

  private JsonObject atOnce(Command command) {
    try {
      switch (command.name()) {
        case "new" -> clients.make(command);
        case "cancel" -> running.cancel(command.integer("of"));
        default -> advance(command);
      }
      return Outcomes.done();
    } catch (RuntimeException error) {
      return Outcomes.failure(error);
    }
  }

  private static void advance(Command command) {
    long nanos = (long) (command.number("seconds") * NANOS_PER_SECOND);
    String clock = command.text("clock");
    Clock.SYSTEM.move(clock.equals("wall") ? 0 : nanos, clock.equals("steady") ? 0 : nanos);
  }
}
