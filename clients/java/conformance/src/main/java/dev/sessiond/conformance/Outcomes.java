package dev.sessiond.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.sessiond.BatchVerdict;
import dev.sessiond.InternalException;
import dev.sessiond.InvalidArgumentException;
import dev.sessiond.LoginRefusedException;
import dev.sessiond.NotFoundException;
import dev.sessiond.PermissionDeniedException;
import dev.sessiond.RefreshRefusedException;
import dev.sessiond.Session;
import dev.sessiond.SessiondException;
import dev.sessiond.UnavailableException;
import dev.sessiond.Undecided;
import dev.sessiond.UnsupportedException;
import dev.sessiond.Verdict;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;

/** What the client gives back, as results of the suite. */
final class Outcomes {
  private static final Map<Class<?>, String> KINDS =
      Map.of(
          RefreshRefusedException.class, "refresh_refused",
          LoginRefusedException.class, "login_refused",
          InvalidArgumentException.class, "invalid_argument",
          NotFoundException.class, "not_found",
          PermissionDeniedException.class, "permission_denied",
          UnavailableException.class, "unavailable",
          UnsupportedException.class, "unsupported",
          InternalException.class, "internal",
          SessiondException.class, "other");

  private Outcomes() {}

  static JsonObject done() {
    JsonObject result = new JsonObject();
    result.addProperty("done", true);
    return result;
  }

  static JsonObject cancelled(RuntimeException error) {
    JsonObject result = new JsonObject();
    result.addProperty("cancelled", true);
    result.addProperty("shown", shown(error));
    return result;
  }

  static JsonObject of(String name, Object value) {
    JsonObject result = new JsonObject();
    result.add(name, Plain.of(value));
    result.addProperty("shown", String.valueOf(value));
    return result;
  }

  static JsonObject verdict(Verdict verdict, boolean readsClaims) {
    JsonObject result = of(nameOf(verdict), verdict);
    if (readsClaims && verdict instanceof Session session) {
      result.getAsJsonObject("session").add("claims", Plain.of(claims(session)));
    }
    return result;
  }

  static JsonObject verdicts(List<BatchVerdict> all) {
    JsonArray verdicts = new JsonArray();
    for (BatchVerdict verdict : all) {
      JsonObject one = new JsonObject();
      one.add(nameOf(verdict), Plain.of(verdict));
      verdicts.add(one);
    }
    JsonObject result = new JsonObject();
    result.add("verdicts", verdicts);
    result.addProperty("shown", all.toString());
    return result;
  }

  static JsonObject failure(RuntimeException error) {
    JsonObject told = new JsonObject();
    told.addProperty("text", String.valueOf(error.getMessage()));
    if (error instanceof SessiondException failure) {
      tell(told, failure);
    } else {
      told.addProperty("kind", "usage");
    }
    JsonObject result = new JsonObject();
    result.add("error", told);
    result.addProperty("shown", shown(error));
    return result;
  }

  private static void tell(JsonObject told, SessiondException failure) {
    told.addProperty("kind", KINDS.get(failure.getClass()));
    told.addProperty("code", failure.code().name());
    told.addProperty("reason", failure.reason());
    told.add("metadata", Plain.of(failure.metadata()));
    told.add("retry_after", Plain.of(failure.retryAfter()));
    if (failure instanceof RefreshRefusedException refused) {
      told.addProperty("session_lives", refused.sessionLives());
    }
  }

  private static String nameOf(BatchVerdict verdict) {
    if (verdict instanceof Undecided) {
      return "undecided";
    }
    return verdict instanceof Session ? "session" : "rejection";
  }

  private static Object claims(Session session) {
    try {
      return session.claims();
    } catch (IllegalStateException error) {
      return "unreadable";
    }
  }

  private static String shown(Throwable error) {
    StringWriter text = new StringWriter();
    error.printStackTrace(new PrintWriter(text, true));
    return error + " " + text;
  }
}
