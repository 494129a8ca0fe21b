package dev.sessiond.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sessiond.Examples;
import dev.sessiond.NextAction;
import dev.sessiond.Policy;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.SessiondException;
import dev.sessiond.Tokens;
import dev.sessiond.Vectors;
import dev.sessiond.Verdict;
import jakarta.servlet.Filter;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BrowserDecisionsTest {
  private static final String SET_ACCESS =
      "__Host-session=%s; Path=/%s; HttpOnly; Secure; SameSite=Lax";
  private static final String SET_REFRESH =
      "__Host-session-refresh=%s; Path=/%s; HttpOnly; Secure; SameSite=Lax";
  private static final String AT_ONCE = "; Max-Age=0";

  static Stream<Named<JsonObject>> rows() {
    return Vectors.rows("browser-decisions.json", "decisions").stream()
        .map(row -> Named.of(row.get("name").getAsString(), row));
  }

  @ParameterizedTest
  @MethodSource("rows")
  void requestsAreAnsweredAsTheVectorsSay(JsonObject row) throws IOException {
    JsonObject given = row.getAsJsonObject("given");
    ScriptedClient client = new ScriptedClient();
    AtomicLong clock = new AtomicLong();
    script(client, clock, given);
    BrowserSessionsBuilder builder = BrowserSessions.builder(client).nanos(clock::get);
    if (is(given, "elsewhere")) {
      builder.refreshPath("/session");
    }
    BrowserSessions site = builder.build();
    Filter route =
        is(given, "optional") ? site.optional(Policy.NOTHING) : site.require(Policy.NOTHING);
    try (Shop shop = new Shop(Shop.GREETING, route)) {
      String method = is(given, "cross_site") ? "POST" : "GET";
      Reply reply = shop.ask(method, "/orders?page=2", head(given).toArray(String[]::new));
      check(row.getAsJsonObject("expect"), client.asked, reply);
      checkHead(row, reply);
    }
  }

  private static void script(ScriptedClient client, AtomicLong clock, JsonObject given) {
    for (String token : List.of("h.p.s", "t.o.k")) {
      client.verdicts.put(token, () -> verdict(given.get("verdict"), token));
    }
    client.verdicts.put("n.e.w", () -> verdict(given.get("new_verdict"), "n.e.w"));
    client.refreshed =
        () -> {
          if (given.has("milliseconds")) {
            clock.addAndGet(TimeUnit.MILLISECONDS.toNanos(given.get("milliseconds").getAsInt()));
          }
          return refreshed(given.get("refreshed"));
        };
  }

  private static Verdict verdict(JsonElement said, String token) {
    if (said.isJsonPrimitive() && said.getAsString().equals("accepted")) {
      return Examples.session(token);
    }
    if (said.isJsonObject() && said.getAsJsonObject().has("reason")) {
      JsonObject rejection = said.getAsJsonObject();
      Reason reason = Reason.valueOf(rejection.get("reason").getAsString());
      NextAction action = NextAction.valueOf(rejection.get("next_action").getAsString());
      return new Rejection(reason, "", action, "");
    }
    throw failure(said);
  }

  private static CompletableFuture<Tokens> refreshed(JsonElement said) {
    boolean isDone = said.isJsonPrimitive() && said.getAsString().equals("tokens");
    return isDone
        ? CompletableFuture.completedFuture(ScriptedClient.RENEWED)
        : CompletableFuture.failedFuture(failure(said));
  }

  private static SessiondException failure(JsonElement said) {
    if (said.isJsonObject()) {
      long seconds = said.getAsJsonObject().get("unavailable").getAsLong();
      return Examples.unavailable(Duration.ofSeconds(seconds));
    }
    String reason = said.getAsString();
    return reason.equals("internal") ? Examples.permissionDenied() : Examples.refused(reason);
  }

  private static List<String> head(JsonObject given) {
    List<String> lines = new ArrayList<>();
    cookies(lines, "__Host-session=h.p.s", text(given, "access"));
    cookies(lines, "__Host-session-refresh=sdr1_AAAA", text(given, "refresh"));
    if (text(given, "refresh").equals("malformed")) {
      lines.add("Cookie: __Host-session-refresh=a|b");
    }
    if (is(given, "marked")) {
      lines.add("Cookie: " + mark(given));
    }
    if (given.has("authorization")) {
      lines.add("Authorization: " + text(given, "authorization"));
    }
    if (is(given, "navigation")) {
      lines.add("Sec-Fetch-Mode: navigate");
    }
    if (is(given, "upgrade")) {
      lines.add("Upgrade: websocket");
    }
    lines.add("Sec-Fetch-Site: " + (is(given, "cross_site") ? "cross-site" : "same-origin"));
    return lines;
  }

  private static void cookies(List<String> lines, String cookie, String count) {
    int times = Map.of("one", 1, "several", 2).getOrDefault(count, 0);
    for (int i = 0; i < times; i++) {
      lines.add("Cookie: " + cookie);
    }
  }

  private static String mark(JsonObject given) {
    boolean isMalformed = text(given, "refresh").equals("malformed");
    return "__Host-session-mark=" + (isMalformed ? "0eab8a0a3380abf4" : "ff597680366358f9");
  }

  private static void check(JsonObject expected, List<String> asked, Reply reply) {
    assertEquals(Vectors.texts(expected.get("asks")), asked);
    String outcome = text(expected, "outcome");
    int status = expected.has("status") ? expected.get("status").getAsInt() : 200;
    assertEquals(status, reply.status());
    boolean isSet = text(expected, "cookies").equals("set");
    switch (outcome) {
      case "session" -> {
        assertTrue(reply.body().startsWith(isSet ? "for n.e.w" : "for "), reply.body());
        assertNotEquals("for nobody", reply.body());
      }
      case "nobody" -> assertEquals("for nobody", reply.body());
      default -> assertFalse(reply.body().startsWith("for"));
    }
    if (expected.has("body")) {
      assertEquals(expected.get("body"), JsonParser.parseString(reply.body()));
    }
  }

  private static void checkHead(JsonObject row, Reply reply) {
    JsonObject expected = row.getAsJsonObject("expect");
    boolean isSentBack = text(expected, "outcome").equals("sent_back");
    assertEquals(isSentBack ? List.of("./orders?page=2") : List.of(), reply.header("Location"));
    List<String> retry =
        expected.has("retry_after") ? List.of(text(expected, "retry_after")) : List.of();
    assertEquals(retry, reply.header("Retry-After"));
    assertFalse(reply.status() == 401 && reply.header("WWW-Authenticate").isEmpty());
    String mark = mark(row.getAsJsonObject("given"));
    List<String> lines =
        switch (text(expected, "cookies")) {
          case "set" ->
              List.of(SET_ACCESS.formatted("n.e.w", ""), SET_REFRESH.formatted("sdr1_new", ""));
          case "clear" ->
              List.of(
                  SET_ACCESS.formatted("", AT_ONCE),
                  SET_REFRESH.formatted("", AT_ONCE),
                  "__Host-session-mark=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
          case "mark" -> List.of(mark + "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax");
          default -> List.of();
        };
    assertEquals(lines, reply.header("Set-Cookie"));
    boolean isPrivate = !lines.isEmpty() || expected.has("status");
    assertEquals(isPrivate ? List.of("no-store") : List.of(), reply.header("Cache-Control"));
    assertEquals(List.of("Cookie"), reply.header("Vary"));
  }

  private static boolean is(JsonObject given, String name) {
    return given.has(name) && given.get(name).getAsBoolean();
  }

  private static String text(JsonObject given, String name) {
    return given.has(name) ? given.get(name).getAsString() : "";
  }
}
