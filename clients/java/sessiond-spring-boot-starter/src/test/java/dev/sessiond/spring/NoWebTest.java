package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sessiond.Session;
import dev.sessiond.Validator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Bean;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.context.SecurityContextHolder;

/** An application that serves nothing over HTTP: a service of gRPC, or a consumer of messages. */
@SpringBootTest(webEnvironment = WebEnvironment.NONE)
class NoWebTest {
  private final Shop.Refunds refunds;

  NoWebTest(@Autowired Shop.Refunds refunds) {
    this.refunds = refunds;
  }

  @AfterEach
  void forget() {
    SecurityContextHolder.clearContext();
  }

  @Test
  void nobodyIsLetThrough() {
    assertThrows(AuthenticationException.class, refunds::give);
  }

  @Test
  void whatAMethodRequiresIsAsked() {
    callAs(Session.example("bob"));
    assertThrows(AccessDeniedException.class, refunds::give);
    callAs(Session.example("alice", "refunds"));
    assertEquals("refunded", refunds.give());
  }

  private static void callAs(Session session) {
    SecurityContextHolder.getContext().setAuthentication(SessiondAuthentication.ofExample(session));
  }

  @SpringBootApplication
  static class Shop {
    @Bean
    Validator validator() {
      return Validator.accepting(Session.example("nobody"));
    }

    @Bean
    Refunds refunds() {
      return new Refunds();
    }

    static class Refunds {
      @RequirePolicy(scopes = "refunds")
      String give() {
        return "refunded";
      }
    }
  }
}
