package dev.sessiond.conformance;

import dev.sessiond.SessiondClient;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The clients by name. */
final class Clients {
  private final Map<String, SessiondClient> byName = new ConcurrentHashMap<>();
  private final Map<String, List<AutoCloseable>> backends = new ConcurrentHashMap<>();

  void make(Command command) {
    byName.put(command.text("client"), Arguments.client(command));
  }

  /** Serves a backend over a client, which ends with it; its address. */
  String serve(Command command) {
    SessiondClient client = of(command);
    boolean isGrpc = command.name().equals("serve_grpc");
    HttpBackend http = isGrpc ? null : new HttpBackend(command, client);
    GrpcBackend grpc = isGrpc ? new GrpcBackend(command, client) : null;
    backends
        .computeIfAbsent(command.text("client"), name -> new CopyOnWriteArrayList<>())
        .add(isGrpc ? grpc : http);
    return isGrpc ? grpc.target() : http.target();
  }

  /** Ends the backends over a client. */
  void endBackends(String client) {
    List<AutoCloseable> all = backends.remove(client);
    if (all != null) {
      all.forEach(Clients::end);
    }
  }

  SessiondClient of(Command command) {
    return byName.get(command.text("client"));
  }

  void closeAll() {
    backends.keySet().forEach(this::endBackends);
    byName.values().forEach(SessiondClient::close);
  }

  private static void end(AutoCloseable backend) {
    try {
      backend.close();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }
}
