package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.LocalLogin;
import dev.sessiond.Target;
import dev.sessiond.testing.FakeSessiond;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.test.context.DynamicPropertyRegistry;

/** What a shop answers, whatever serves it: each subclass has one of the same pages. */
abstract class ShopCases {
  // It would ask for HTTP/2 by an upgrade otherwise, which counts as a change.
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final FakeSessiond fake;
  private final String address;

  ShopCases(FakeSessiond fake, String port) {
    this.fake = fake;
    this.address = "http://127.0.0.1:" + port;
  }

  static void settings(FakeSessiond fake, DynamicPropertyRegistry registry) {
    registry.add("sessiond.target", fake::target);
    registry.add("sessiond.timeout", () -> "10s");
    registry.add("sessiond.dpop-origin", () -> "https://shop.example");
    registry.add("sessiond.cookie", () -> "session");
    registry.add("sessiond.trusted-origins", () -> "https://app.example");
  }

  @Test
  void aGoodTokenIsAuthenticated() throws Exception {
    String token = fake.login("alice", "orders:read").accessToken();
    HttpResponse<String> response = get("/me", "Bearer " + token);
    assertEquals(200, response.statusCode());
    assertEquals("alice", response.body());
    assertEquals(200, get("/scoped", "Bearer " + token).statusCode());
  }

  @Test
  void withoutATokenItIs401() throws Exception {
    HttpResponse<String> response = get("/me", null);
    assertDenied(response, 401, "Bearer", "NO_CREDENTIALS");
    assertEquals(List.of("Bearer", "DPoP"), response.headers().allValues("www-authenticate"));
  }

  @Test
  void whatIsAnsweredLaterIsJudgedOnce() throws Exception {
    String token = fake.sign(Map.of("cnf", Map.of("jkt", "thumbprint")));
    HttpResponse<String> response = get("/later", "DPoP " + token, "DPoP", "a.b.c");
    assertEquals(200, response.statusCode(), response.body());
    assertEquals("later for alice", response.body());
    assertEquals(1, fake.calls().stream().filter(call -> call.tokens().contains(token)).count());
  }

  @Test
  void anErrorOfAHandlerIsToldAsWhatItIs() throws Exception {
    String token = fake.login("alice").accessToken();
    assertEquals(404, get("/nowhere", "Bearer " + token).statusCode());
  }

  @Test
  void aRevokedTokenIs401() throws Exception {
    String token = fake.login("alice").accessToken();
    assertEquals(200, get("/me", "Bearer " + token).statusCode());
    fake.revoke(Target.accessToken(token));
    assertDenied(get("/me", "Bearer " + token), 401, "Bearer error=\"invalid_token\"", "REVOKED");
  }

  @Test
  void severalTokensAre400() throws Exception {
    HttpResponse<String> response = get("/me", "Bearer a,Bearer b");
    assertDenied(response, 400, "Bearer error=\"invalid_request\"", "INVALID_REQUEST");
  }

  @Test
  void aMethodRequiresItsPolicy() throws Exception {
    String reader = fake.login("alice", "orders:read").accessToken();
    assertEquals(200, get("/orders", "Bearer " + reader).statusCode());
    String other = fake.login("bob").accessToken();
    HttpResponse<String> response = get("/orders", "Bearer " + other);
    String challenge =
        "Bearer error=\"insufficient_scope\","
            + " error_description=\"the token lacks a required scope\", scope=\"orders:read\"";
    assertDenied(response, 403, challenge, "SCOPE_INSUFFICIENT");
    assertDenied(
        get("/scoped", "Bearer " + other),
        403,
        "Bearer error=\"insufficient_scope\"",
        "SCOPE_INSUFFICIENT");
  }

  @Test
  void aLoginThatIsTooOldIsToBeStrongerAndNotForbidden() throws Exception {
    String token = fake.login("alice", LocalLogin.builder().build()).accessToken();
    HttpResponse<String> response = get("/payments", "Bearer " + token);
    String challenge =
        "Bearer error=\"insufficient_user_authentication\","
            + " error_description=\"the user must prove who they are again\", max_age=\"60\"";
    assertDenied(response, 401, challenge, "STEP_UP_REQUIRED");
  }

  @Test
  void whatIsUnavailableIs503() throws Exception {
    String token = fake.login("alice").accessToken();
    fake.away();
    try {
      HttpResponse<String> response = get("/me", "Bearer " + token);
      assertDenied(response, 503, null, "UNAVAILABLE");
      assertEquals("1", response.headers().firstValue("retry-after").orElseThrow());
    } finally {
      fake.back();
    }
  }

  @Test
  void aCookieIsTakenWhereThereIsNoHeader() throws Exception {
    String token = fake.login("alice", "orders:read").accessToken();
    assertEquals(200, get("/orders", null, "Cookie", "session=" + token).statusCode());
    assertEquals(401, get("/me", "Bearer a.b.c", "Cookie", "session=" + token).statusCode());
  }

  @Test
  void aCookieCannotBePaidWithByAnotherSite() throws Exception {
    String cookie = "session=" + fake.login("alice").accessToken();
    HttpResponse<String> forged = post("/pay", "Cookie", cookie, "Sec-Fetch-Site", "cross-site");
    assertDenied(forged, 403, null, "CROSS_SITE");
    assertEquals(200, post("/pay", "Cookie", cookie, "Sec-Fetch-Site", "same-origin").statusCode());
    assertEquals(200, post("/pay", "Cookie", cookie, "Origin", "https://app.example").statusCode());
  }

  @Test
  void aTokenIsNeverPartOfAnAnswerThatDenies() throws Exception {
    HttpResponse<String> response = get("/me", "Bearer secret.of.mine");
    assertFalse((response.headers().map() + response.body()).contains("secret"));
  }

  private HttpResponse<String> post(String path, String... headers)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + path))
            .headers(headers)
            .POST(HttpRequest.BodyPublishers.noBody())
            .build();
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path, String authorization, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    if (authorization != null) {
      request.header("Authorization", authorization);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  static void assertDenied(
      HttpResponse<String> response, int status, String challenge, String reason) {
    assertEquals(status, response.statusCode(), response.body());
    assertEquals(challenge, response.headers().firstValue("www-authenticate").orElse(null));
    assertTrue(response.headers().allValues("cache-control").contains("no-store"));
    assertTrue(response.body().contains("\"error\": \"" + reason + "\""), response.body());
  }
}
