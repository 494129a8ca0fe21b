package dev.sessiond.spring.test;

import static dev.sessiond.spring.test.SessiondWebTestClient.session;

import dev.sessiond.Session;
import dev.sessiond.spring.RequirePolicy;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.webtestclient.autoconfigure.AutoConfigureWebTestClient;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.test.web.reactive.server.WebTestClient;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** There is no sessiond here. */
@SpringBootTest(properties = "spring.main.web-application-type=reactive")
@AutoConfigureWebTestClient
class SessiondWebTestClientTest {
  private final WebTestClient client;

  SessiondWebTestClientTest(@Autowired WebTestClient client) {
    this.client = client;
  }

  @Test
  void requestsAreFromASession() {
    WebTestClient alice = client.mutateWith(session(Session.example("alice", "orders:read")));
    alice.get().uri("/orders").exchange().expectStatus().isOk();
    alice.get().uri("/orders").exchange().expectBody(String.class).isEqualTo("orders of alice");
    client.get().uri("/orders").exchange().expectStatus().isUnauthorized();
  }

  @Test
  void whatAMethodRequiresIsJudgedByWhatTheSessionSays() {
    client
        .mutateWith(session(Session.example("bob")))
        .get()
        .uri("/orders")
        .exchange()
        .expectStatus()
        .isForbidden();
  }

  @SpringBootApplication
  static class Shop {
    @RestController
    static class Pages {
      @GetMapping("/orders")
      @RequirePolicy(scopes = "orders:read")
      Mono<String> orders(@AuthenticationPrincipal Session session) {
        return Mono.just("orders of " + session.subject());
      }
    }
  }
}
