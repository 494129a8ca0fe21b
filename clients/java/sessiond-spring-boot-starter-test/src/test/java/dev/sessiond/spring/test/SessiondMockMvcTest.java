package dev.sessiond.spring.test;

import static dev.sessiond.spring.test.SessiondMockMvc.session;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.content;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.header;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.status;

import dev.sessiond.Session;
import dev.sessiond.SessionExample;
import dev.sessiond.spring.RequirePolicy;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.webmvc.test.autoconfigure.AutoConfigureMockMvc;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** There is no sessiond here. */
@SpringBootTest
@AutoConfigureMockMvc
class SessiondMockMvcTest {
  private final MockMvc mvc;

  SessiondMockMvcTest(@Autowired MockMvc mvc) {
    this.mvc = mvc;
  }

  @Test
  void aRequestIsFromASession() throws Exception {
    mvc.perform(get("/me").with(session(Session.example("alice"))))
        .andExpect(status().isOk())
        .andExpect(content().string("alice"));
    mvc.perform(get("/me")).andExpect(status().isUnauthorized());
  }

  @Test
  void whatAMethodRequiresIsJudgedByWhatTheSessionSays() throws Exception {
    mvc.perform(get("/orders").with(session(Session.example("alice", "orders:read"))))
        .andExpect(status().isOk());
    mvc.perform(get("/orders").with(session(Session.example("bob"))))
        .andExpect(status().isForbidden())
        .andExpect(
            header()
                .string(
                    "WWW-Authenticate",
                    "Bearer error=\"insufficient_scope\", error_description=\"the token lacks a"
                        + " required scope\", scope=\"orders:read\""));
  }

  @Test
  void aLoginMayBeTooOld() throws Exception {
    Session old = SessionExample.of("alice").authTime(Instant.now().minusSeconds(3_600)).build();
    mvc.perform(get("/payments").with(session(old))).andExpect(status().isUnauthorized());
    mvc.perform(get("/payments").with(session(Session.example("alice"))))
        .andExpect(status().isOk());
  }

  @Test
  void aSessionHasItsAuthorities() throws Exception {
    Session clerk = SessionExample.of("carol").roles("clerk").build();
    mvc.perform(get("/desk").with(session(clerk))).andExpect(status().isOk());
    mvc.perform(get("/desk").with(session(Session.example("bob"))))
        .andExpect(status().isForbidden());
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

      @GetMapping("/orders")
      @RequirePolicy(scopes = "orders:read")
      String orders() {
        return "orders";
      }

      @GetMapping("/payments")
      @RequirePolicy(maxAuthAgeSeconds = 60)
      String payments() {
        return "paid";
      }

      @GetMapping("/desk")
      @PreAuthorize("hasRole('clerk')")
      String desk() {
        return "desk";
      }
    }
  }
}
