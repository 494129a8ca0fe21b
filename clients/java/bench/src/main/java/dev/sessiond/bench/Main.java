package dev.sessiond.bench;

import com.google.gson.Gson;
import dev.sessiond.SessiondClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Measures the client; bench/clients/programs.py says what it is asked, and what it answers. */
public final class Main {
  static final Duration TIMEOUT = Duration.ofSeconds(10);

  private Main() {}

  /** Takes the address of a server, and a file of its tokens. */
  public static void main(String[] arguments) throws Exception {
    String address = arguments[0];
    Gson gson = new Gson();
    Given given = gson.fromJson(Files.readString(Path.of(arguments[1])), Given.class);
    var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (SessiondClient client = SessiondClient.builder(address).timeout(TIMEOUT).build()) {
      client.ready(TIMEOUT);
      Hits hits = new Hits(client, given);
      String line;
      while ((line = commands.readLine()) != null) {
        String[] command = line.split(" ");
        Map<String, ?> answer =
            switch (command[0]) {
              case "fill" -> new Filling(client, given.tokens()).fill();
              case "hits" -> hits.measure();
              default -> {
                int callers = Integer.parseInt(command[2]);
                boolean isCoalescing = command[3].equals("on");
                yield new Together(address, given.tokens()).measure(callers, isCoalescing);
              }
            };
        System.out.println(gson.toJson(answer));
      }
    }
  }
}
