package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sessiond.testing.FakeSessiond;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.web.server.ServerHttpSecurity;
import org.springframework.security.core.userdetails.MapReactiveUserDetailsService;
import org.springframework.security.core.userdetails.ReactiveUserDetailsService;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.web.server.SecurityWebFilterChain;
import org.springframework.security.web.server.util.matcher.PathPatternParserServerWebExchangeMatcher;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** An application of WebFlux whose own chain takes tokens for some of its paths. */
@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = "spring.main.web-application-type=reactive")
class ReactiveOwnChainTest {
  private static final FakeSessiond FAKE = FakeSessiond.start();

  private final HttpClient http = HttpClient.newHttpClient();
  private final String address;

  ReactiveOwnChainTest(@Autowired Environment environment) {
    address = "http://127.0.0.1:" + environment.getProperty("local.server.port");
  }

  @DynamicPropertySource
  static void settings(DynamicPropertyRegistry registry) {
    registry.add("sessiond.target", FAKE::target);
    registry.add("sessiond.timeout", () -> "10s");
  }

  @AfterAll
  static void end() {
    FAKE.close();
  }

  @Test
  void tokensAreJudgedWhereTheChainTakesThem() throws Exception {
    String token = FAKE.login("alice").accessToken();
    assertEquals(200, status("/api/orders", token));
    assertEquals(401, status("/api/orders", "a.b.c"));
  }

  @Test
  void elsewhereATokenIsNoneOfOurs() throws Exception {
    assertEquals(200, status("/hooks", "a.b.c"));
  }

  @Test
  void whatAMethodRequiresIsAskedWithoutFurtherAnnotations() throws Exception {
    assertEquals(403, status("/api/refunds", FAKE.login("alice").accessToken()));
    assertEquals(200, status("/api/refunds", FAKE.login("alice", "refunds").accessToken()));
  }

  @Test
  void anotherChainHasItsOwnUsers() throws Exception {
    assertEquals(200, statusOf("/ops", basic("operator:right")));
    assertEquals(401, statusOf("/ops", basic("operator:wrong")));
  }

  private static String basic(String pair) {
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.US_ASCII));
  }

  private int status(String path, String token) throws IOException, InterruptedException {
    return statusOf(path, "Bearer " + token);
  }

  private int statusOf(String path, String authorization) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + path))
            .header("Authorization", authorization)
            .build();
    return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
  }

  @SpringBootApplication
  static class Shop {
    @Bean
    SecurityWebFilterChain chain(
        ServerHttpSecurity http, SessiondServerAuthentication authentication) {
      return SessiondReactiveAutoConfiguration.secure(
              http.securityMatcher(new PathPatternParserServerWebExchangeMatcher("/api/**")),
              authentication)
          .authorizeExchange(exchanges -> exchanges.anyExchange().authenticated())
          .build();
    }

    @Bean
    SecurityWebFilterChain operators(ServerHttpSecurity http) {
      return http.securityMatcher(new PathPatternParserServerWebExchangeMatcher("/ops"))
          .httpBasic(Customizer.withDefaults())
          .authorizeExchange(exchanges -> exchanges.anyExchange().authenticated())
          .build();
    }

    @Bean
    ReactiveUserDetailsService users() {
      return new MapReactiveUserDetailsService(
          User.withUsername("operator").password("{noop}right").build());
    }

    @RestController
    static class Pages {
      @GetMapping({"/api/orders", "/hooks", "/ops"})
      String page() {
        return "here";
      }

      @GetMapping("/api/refunds")
      @RequirePolicy(scopes = "refunds")
      Mono<String> refunds() {
        return Mono.just("refunded");
      }
    }
  }
}
