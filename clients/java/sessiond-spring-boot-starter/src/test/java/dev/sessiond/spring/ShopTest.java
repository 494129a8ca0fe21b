package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.LocalLogin;
import dev.sessiond.Session;
import dev.sessiond.Target;
import dev.sessiond.testing.FakeSessiond;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class ShopTest {
  private static final FakeSessiond FAKE = FakeSessiond.start();

  private final HttpClient http = HttpClient.newHttpClient();
  private final String address;

  ShopTest(@Autowired Environment environment) {
    address = "http://127.0.0.1:" + environment.getProperty("local.server.port");
  }

  @DynamicPropertySource
  static void settings(DynamicPropertyRegistry registry) {
    registry.add("sessiond.target", FAKE::target);
    registry.add("sessiond.timeout", () -> "10s");
    registry.add("sessiond.dpop-origin", () -> "https://shop.example");
  }

  @AfterAll
  static void end() {
    FAKE.close();
  }

  @Test
  void aGoodTokenIsAuthenticated() throws Exception {
    String token = FAKE.login("alice", "orders:read").accessToken();
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
    String token = FAKE.sign(Map.of("cnf", Map.of("jkt", "thumbprint")));
    HttpResponse<String> response = get("/later", "DPoP " + token, "DPoP", "a.b.c");
    assertEquals(200, response.statusCode(), response.body());
    assertEquals("later for alice", response.body());
    assertEquals(1, FAKE.calls().stream().filter(call -> call.tokens().contains(token)).count());
  }

  @Test
  void anErrorOfAHandlerIsToldAsWhatItIs() throws Exception {
    String token = FAKE.login("alice").accessToken();
    assertEquals(404, get("/nowhere", "Bearer " + token).statusCode());
  }

  @Test
  void aRevokedTokenIs401() throws Exception {
    String token = FAKE.login("alice").accessToken();
    assertEquals(200, get("/me", "Bearer " + token).statusCode());
    FAKE.revoke(Target.accessToken(token));
    assertDenied(get("/me", "Bearer " + token), 401, "Bearer error=\"invalid_token\"", "REVOKED");
  }

  @Test
  void severalTokensAre400() throws Exception {
    HttpResponse<String> response = get("/me", "Bearer a,Bearer b");
    assertDenied(response, 400, "Bearer error=\"invalid_request\"", "INVALID_REQUEST");
  }

  @Test
  void aMethodRequiresItsPolicy() throws Exception {
    String reader = FAKE.login("alice", "orders:read").accessToken();
    assertEquals(200, get("/orders", "Bearer " + reader).statusCode());
    String other = FAKE.login("bob").accessToken();
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
    String token = FAKE.login("alice", LocalLogin.builder().build()).accessToken();
    HttpResponse<String> response = get("/payments", "Bearer " + token);
    String challenge =
        "Bearer error=\"insufficient_user_authentication\","
            + " error_description=\"the user must prove who they are again\", max_age=\"60\"";
    assertDenied(response, 401, challenge, "STEP_UP_REQUIRED");
  }

  @Test
  void whatIsUnavailableIs503() throws Exception {
    String token = FAKE.login("alice").accessToken();
    FAKE.away();
    try {
      HttpResponse<String> response = get("/me", "Bearer " + token);
      assertDenied(response, 503, null, "UNAVAILABLE");
      assertEquals("1", response.headers().firstValue("retry-after").orElseThrow());
    } finally {
      FAKE.back();
    }
  }

  private HttpResponse<String> get(String path, String authorization, String... headers)
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

  private static void assertDenied(
      HttpResponse<String> response, int status, String challenge, String reason) {
    assertEquals(status, response.statusCode(), response.body());
    assertEquals(challenge, response.headers().firstValue("www-authenticate").orElse(null));
    assertTrue(response.headers().allValues("cache-control").contains("no-store"));
    assertTrue(response.body().contains("\"error\": \"" + reason + "\""), response.body());
  }

  @SpringBootApplication
  @EnableMethodSecurity
  static class Shop {
    @RestController
    static class Pages {
      @GetMapping("/me")
      String me(@AuthenticationPrincipal Session session) {
        return session.subject();
      }

      @GetMapping("/later")
      Callable<String> later(@AuthenticationPrincipal Session session) {
        return () -> "later for " + session.subject();
      }

      @GetMapping("/orders")
      @RequirePolicy(scopes = "orders:read")
      String orders(@AuthenticationPrincipal Session session) {
        return "orders of " + session.principal();
      }

      @GetMapping("/payments")
      @RequirePolicy(maxAuthAgeSeconds = 60)
      String payments() {
        return "paid";
      }

      @GetMapping("/scoped")
      @PreAuthorize("hasAuthority('SCOPE_orders:read')")
      String scoped() {
        return "scoped";
      }
    }
  }
}
