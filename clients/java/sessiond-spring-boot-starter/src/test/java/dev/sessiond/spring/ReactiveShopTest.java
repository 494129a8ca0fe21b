package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.sessiond.Session;
import dev.sessiond.testing.FakeSessiond;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.reactor.netty.NettyWebServer;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.web.server.reactive.context.ReactiveWebServerApplicationContext;
import org.springframework.context.ApplicationContext;
import org.springframework.core.env.Environment;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.config.annotation.method.configuration.EnableReactiveMethodSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.core.context.ReactiveSecurityContextHolder;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The pages of {@link ShopTest} by WebFlux, on reactor-netty. */
@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = "spring.main.web-application-type=reactive")
class ReactiveShopTest extends ShopCases {
  private static final FakeSessiond FAKE = FakeSessiond.start();

  ReactiveShopTest(@Autowired Environment environment) {
    super(FAKE, environment.getProperty("local.server.port"));
  }

  @DynamicPropertySource
  static void settings(DynamicPropertyRegistry registry) {
    settings(FAKE, registry);
  }

  @AfterAll
  static void end() {
    FAKE.close();
  }

  @Test
  void nothingOfServletsIsSetUp(@Autowired ApplicationContext context) {
    assertFalse(context.containsBean("sessiondAuthenticationFilter"));
  }

  @Test
  void itIsServedByNetty(@Autowired ReactiveWebServerApplicationContext context) {
    assertInstanceOf(NettyWebServer.class, context.getWebServer());
  }

  @Test
  void whoeverGoesOnElsewhereKnowsWhoAsked() throws Exception {
    String token = FAKE.login("alice").accessToken();
    assertEquals("elsewhere for alice", get("/elsewhere", "Bearer " + token).body());
  }

  @Test
  void aStreamIsDeniedBeforeItBegins() throws Exception {
    String token = FAKE.login("bob").accessToken();
    assertEquals(403, get("/stream", "Bearer " + token).statusCode());
  }

  @SpringBootApplication
  @EnableReactiveMethodSecurity
  static class Shop {
    @RestController
    static class Pages {
      @GetMapping("/me")
      String me(@AuthenticationPrincipal Session session) {
        return session.subject();
      }

      @GetMapping("/later")
      Mono<String> later(@AuthenticationPrincipal Session session) {
        return Mono.delay(Duration.ofMillis(1)).map(tick -> "later for " + session.subject());
      }

      @GetMapping("/elsewhere")
      Mono<String> elsewhere() {
        return Mono.just("elsewhere for ")
            .publishOn(Schedulers.boundedElastic())
            .flatMap(
                text ->
                    ReactiveSecurityContextHolder.getContext().map(found -> text + name(found)));
      }

      @GetMapping("/orders")
      @RequirePolicy(scopes = "orders:read")
      Mono<String> orders(@AuthenticationPrincipal Session session) {
        return Mono.just("orders of " + session.principal());
      }

      @GetMapping("/stream")
      @RequirePolicy(scopes = "orders:read")
      Flux<String> stream() {
        return Flux.just("one", "two");
      }

      @GetMapping("/payments")
      @RequirePolicy(maxAuthAgeSeconds = 60)
      Mono<String> payments() {
        return Mono.just("paid");
      }

      @PostMapping("/pay")
      Mono<String> pay() {
        return Mono.just("paid");
      }

      @GetMapping("/scoped")
      @PreAuthorize("hasAuthority('SCOPE_orders:read')")
      Mono<String> scoped() {
        return Mono.just("scoped");
      }

      private static String name(SecurityContext context) {
        return ((Session) context.getAuthentication().getPrincipal()).subject();
      }
    }
  }
}
