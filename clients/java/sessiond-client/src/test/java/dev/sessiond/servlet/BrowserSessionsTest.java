package dev.sessiond.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.Bearer;
import dev.sessiond.Device;
import dev.sessiond.Examples;
import dev.sessiond.Policy;
import dev.sessiond.Tokens;
import dev.sessiond.v1.RevokeSessionRequest.TargetCase;
import jakarta.servlet.Filter;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BrowserSessionsTest {
  private static final String REFRESH = "Cookie: __Host-session-refresh=sdr1_old";
  private static final String SESSION_ONE = "sdr1_" + "A".repeat(96);
  private static final String NEWER_OF_SESSION_ONE = "sdr1_" + "A".repeat(95) + "B";
  private static final List<String> RENEWED =
      List.of(
          "__Host-session=n.e.w; Path=/; HttpOnly; Secure; SameSite=Lax",
          "__Host-session-refresh=sdr1_new; Path=/; HttpOnly; Secure; SameSite=Lax");
  private static final List<String> CLEARED =
      List.of(
          "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
          "__Host-session-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");

  private final ScriptedClient client = new ScriptedClient();
  private final BrowserSessions site = BrowserSessions.builder(client).build();

  private Shop protectedShop(Shop.Handler handler) {
    return new Shop(handler, site.require(Policy.NOTHING));
  }

  private static void checkRenewed(Reply reply) {
    assertEquals(RENEWED, ours(reply));
    assertEquals(List.of("no-store"), reply.header("Cache-Control"));
    assertTrue(reply.header("Vary").contains("Cookie"), reply.toString());
  }

  private static List<String> ours(Reply reply) {
    return reply.header("Set-Cookie").stream().filter(line -> line.startsWith("__Host")).toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "reset",
        "headers",
        "more",
        "cookie",
        "error",
        "redirect",
        "flush",
        "throw",
        "later"
      })
  void newCookiesComeWhateverTheHandlerDoes(String what) throws IOException {
    Shop.Handler handler =
        (request, response) -> {
          switch (what) {
            case "reset" -> response.reset();
            case "headers" -> {
              response.setHeader("set-cookie", "theme=dark");
              response.setHeader("Cache-Control", "public, max-age=60");
              response.setHeader("Vary", "Accept");
            }
            case "more" -> response.addHeader("Cache-Control", "immutable");
            case "cookie" -> response.addCookie(new Cookie("__Host-session", "other"));
            case "error" -> response.sendError(404);
            case "redirect" -> response.sendRedirect("/elsewhere");
            case "flush" -> {
              response.flushBuffer();
              response.reset();
            }
            case "throw" -> throw new IllegalStateException("for a test");
            default -> {
              var later = request.startAsync();
              later.start(
                  () -> {
                    var answer = (HttpServletResponse) later.getResponse();
                    answer.setHeader("Cache-Control", "public");
                    later.complete();
                  });
            }
          }
        };
    try (Shop shop = protectedShop(handler)) {
      checkRenewed(shop.ask("GET", "/orders", REFRESH));
    }
  }

  @Test
  void otherCookiesOfAHandlerStay() throws IOException {
    try (Shop shop =
        protectedShop((request, response) -> response.addCookie(new Cookie("theme", "dark")))) {
      Reply reply = shop.ask("GET", "/orders", REFRESH);
      checkRenewed(reply);
      assertTrue(reply.header("Set-Cookie").contains("theme=dark"), reply.toString());
    }
  }

  @Test
  void manyRequestsAtOnceRefreshOnce() throws Exception {
    int count = 20;
    var flight = new CompletableFuture<Tokens>();
    var begun = new CompletableFuture<Void>();
    client.refreshed =
        () -> {
          begun.complete(null);
          return flight;
        };
    Site joined = new Site(BrowserSessions.builder(client).device(request -> Device.UNKNOWN));
    Filter route = new BrowserSessions(joined).require(Policy.NOTHING);
    ExecutorService browsers = Executors.newFixedThreadPool(count);
    try (Shop shop = new Shop(Shop.GREETING, route)) {
      var replies =
          Stream.generate(() -> browsers.submit(() -> shop.ask("GET", "/orders", REFRESH)))
              .limit(count)
              .toList();
      begun.get(10, TimeUnit.SECONDS);
      awaitWaiting(joined, count);
      flight.complete(ScriptedClient.RENEWED);
      for (var reply : replies) {
        checkRenewed(reply.get(10, TimeUnit.SECONDS));
      }
    } finally {
      browsers.shutdownNow();
    }
    assertEquals(1, client.asked.stream().filter("refresh"::equals).count());
  }

  /** Waits until so many wait for one refresh. */
  private static void awaitWaiting(Site site, int count) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    int waiting = 0;
    while (waiting < count && System.nanoTime() < end) {
      Thread.onSpinWait();
      waiting =
          site.flights
              .refresh("sdr1_old", Bearer.UNKNOWN, CompletableFuture::new)
              .orElseThrow()
              .getNumberOfDependents();
    }
    assertEquals(count, waiting);
  }

  @Test
  void theUserAgentIsToldAsTheBrowserSentIt() throws IOException {
    try (Shop shop = protectedShop(Shop.GREETING)) {
      shop.ask("GET", "/orders", REFRESH, "User-Agent: Mozilla/5.0 (ü)");
    }
    assertEquals("Mozilla/5.0 (ü)", client.bearers.get(0).device().userAgent());
  }

  @Test
  void aRouteWithinARouteRefreshesOnce() throws IOException {
    try (Shop shop =
        new Shop(
            Shop.GREETING,
            site.protect(Policy.NOTHING, "/healthz"),
            site.optional(Policy.NOTHING),
            site.require(Policy.NOTHING))) {
      Reply reply = shop.ask("GET", "/orders", REFRESH);
      checkRenewed(reply);
      assertEquals("for n.e.w", reply.body());
    }
    assertEquals(1, client.asked.stream().filter("refresh"::equals).count());
  }

  @Test
  void whatIsPublicIsNotLookedAt() throws IOException {
    try (Shop shop = new Shop(Shop.GREETING, site.protect(Policy.NOTHING, "/assets/"))) {
      assertEquals("for nobody", shop.ask("GET", "/assets/logo", REFRESH).body());
      assertEquals(401, shop.ask("GET", "/orders").status());
    }
    assertEquals(List.of(), client.asked);
  }

  @Test
  void aLoginSetsCookiesAndEndsTheSessionOfBefore() throws IOException {
    try (Shop shop =
        new Shop((request, response) -> site.start(request, response, ScriptedClient.RENEWED))) {
      checkRenewed(shop.ask("POST", "/login"));
      assertEquals(List.of(), client.asked);
      checkRenewed(shop.ask("POST", "/login", REFRESH));
      assertEquals(List.of("revoke"), client.asked);
      client.revoked =
          () -> {
            throw Examples.unavailable(Duration.ofSeconds(1));
          };
      checkRenewed(shop.ask("POST", "/login", "Cookie: __Host-session=h.p.s"));
      assertEquals(List.of("revoke", "revoke"), client.asked);
    }
  }

  @Test
  void aLoginThatIsRepeatedDoesNotEndItself() throws IOException {
    Tokens newer = Examples.tokens("n.e.w", NEWER_OF_SESSION_ONE);
    try (Shop shop = new Shop((request, response) -> site.start(request, response, newer))) {
      Reply reply = shop.ask("POST", "/login", "Cookie: __Host-session-refresh=" + SESSION_ONE);
      assertEquals(200, reply.status());
    }
    assertEquals(List.of(), client.asked);
  }

  @Test
  void aTokenThatIsTooLargeIsRefusedAtALogin() throws IOException {
    Tokens large = Examples.tokens("x".repeat(5000), "sdr1_new");
    try (Shop shop =
        new Shop(
            (request, response) -> {
              var error =
                  assertThrows(
                      CookieTooLargeException.class, () -> site.start(request, response, large));
              assertEquals(5000, error.bytes());
              response.setStatus(201);
            })) {
      Reply reply = shop.ask("POST", "/login", REFRESH);
      assertEquals(201, reply.status());
      assertEquals(List.of(), reply.header("Set-Cookie"));
    }
    assertEquals(List.of(), client.asked);
  }

  @Test
  void tokensThatEndACookieAreRefusedAtALogin() throws IOException {
    try (Shop shop =
        new Shop(
            (request, response) -> {
              for (String token : List.of("", "a;b", "a\r\nb")) {
                Tokens bad = Examples.tokens("h.p.s", token);
                assertThrows(
                    IllegalArgumentException.class, () -> site.start(request, response, bad));
              }
              response.setStatus(201);
            })) {
      assertEquals(201, shop.ask("POST", "/login").status());
    }
  }

  @Test
  void aLogoutEndsTheSessionAndTakesTheCookiesAway() throws IOException {
    try (Shop shop = new Shop(site::logout)) {
      assertEquals(CLEARED, shop.ask("POST", "/logout", REFRESH).header("Set-Cookie"));
      assertEquals(List.of("revoke"), client.asked);
      assertEquals(CLEARED, shop.ask("POST", "/logout").header("Set-Cookie"));
      assertEquals(List.of("revoke"), client.asked);
    }
  }

  @Test
  void aLogoutEndsTheSessionOfTheCookiesAndNotThatOfABearer() throws IOException {
    client.verdicts.put("b.e.a", () -> Examples.session("bob", "sds_bob"));
    client.verdicts.put("h.p.s", () -> Examples.session("alice", "sds_alice"));
    try (Shop shop = protectedShop(site::logout)) {
      shop.ask("POST", "/logout", REFRESH, "Authorization: Bearer b.e.a");
      shop.ask("POST", "/logout", "Cookie: __Host-session=h.p.s");
    }
    assertEquals(List.of(TargetCase.REFRESH_TOKEN, TargetCase.SESSION_ID), client.ended);
  }

  @Test
  void aLogoutTakesBackWhatTheFilterHasSet() throws IOException {
    try (Shop shop = protectedShop(site::logout)) {
      assertEquals(CLEARED, shop.ask("POST", "/logout", REFRESH).header("Set-Cookie"));
    }
    assertEquals(List.of("refresh", "validate", "revoke"), client.asked);
  }

  @Test
  void whereASessionCouldNotBeEndedItsCookiesStay() throws IOException {
    client.revoked =
        () -> {
          throw Examples.unavailable(Duration.ofSeconds(1));
        };
    try (Shop shop = new Shop(site::logout)) {
      Reply reply = shop.ask("POST", "/logout", REFRESH);
      assertEquals(500, reply.status());
      assertEquals(List.of(), reply.header("Set-Cookie"));
    }
  }

  @Test
  void anotherSiteLogsNobodyOutOrIn() throws IOException {
    Shop.Handler handler =
        (request, response) -> {
          assertThrows(CrossSiteException.class, () -> site.logout(request, response));
          response.setStatus(201);
        };
    try (Shop shop = new Shop(handler)) {
      assertEquals(201, shop.ask("POST", "/logout", REFRESH, "Sec-Fetch-Site: same-site").status());
    }
    // A browser leaves the cookies out of such a request, but takes those of the answer.
    try (Shop shop = new Shop(handler, site.optional(Policy.NOTHING))) {
      Reply reply = shop.ask("POST", "/logout", "Sec-Fetch-Site: cross-site");
      assertEquals(201, reply.status());
      assertEquals(List.of(), reply.header("Set-Cookie"));
    }
    assertEquals(List.of(), client.asked);
    try (Shop shop = new Shop(Shop.GREETING, site.sameSite())) {
      assertEquals(403, shop.ask("POST", "/login", "Sec-Fetch-Site: cross-site").status());
      assertEquals(200, shop.ask("POST", "/login").status());
    }
  }

  @Test
  void aResponseThatHasBegunTakesNoCookies() throws IOException {
    try (Shop shop =
        new Shop(
            (request, response) -> {
              response.flushBuffer();
              var begun = AnswerBegunException.class;
              assertThrows(begun, () -> site.start(request, response, ScriptedClient.RENEWED));
              response.getWriter().print("refused");
            })) {
      assertTrue(shop.ask("POST", "/login").body().contains("refused"));
    }
  }

  @Test
  void cookiesOfDevelopmentAreForThisMachineAlone() throws IOException {
    BrowserSessions development = BrowserSessions.builder(client).development().build();
    try (Shop shop = new Shop(Shop.GREETING, development.require(Policy.NOTHING))) {
      Reply reply = shop.ask("GET", "/orders", "Cookie: dev-session=h.p.s");
      assertEquals(500, reply.status());
    }
    assertEquals(List.of(), client.asked);
  }
}
