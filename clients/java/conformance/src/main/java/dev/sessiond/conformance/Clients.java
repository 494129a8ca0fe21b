package dev.sessiond.conformance;

import dev.sessiond.SessiondClient;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The clients by name. */
final class Clients {
  private final Map<String, SessiondClient> byName = new ConcurrentHashMap<>();

  void make(Command command) {
    byName.put(command.text("client"), Arguments.client(command));
  }

  SessiondClient of(Command command) {
    return byName.get(command.text("client"));
  }

  void closeAll() {
    byName.values().forEach(SessiondClient::close);
  }
}
