package dev.sessiond.conformance;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.sessiond.Session;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts the requests that have reached a handler. */
final class Handled {
  private final AtomicInteger count = new AtomicInteger();

  /** What a handler says of a request; the session is null for none. */
  JsonObject told(Session session) {
    JsonObject told = new JsonObject();
    told.add("session", session == null ? JsonNull.INSTANCE : Plain.of(session));
    told.addProperty("handled", count.incrementAndGet());
    return told;
  }
}
