package dev.sessiond.spring.test;

import dev.sessiond.Session;
import dev.sessiond.spring.SessiondAuthentication;
import org.springframework.security.test.web.reactive.server.SecurityMockServerConfigurers;
import org.springframework.test.web.reactive.server.MockServerConfigurer;
import org.springframework.test.web.reactive.server.WebTestClientConfigurer;

/** Makes requests of a WebTestClient that is bound to an application those of sessions. */
public final class SessiondWebTestClient {
  private SessiondWebTestClient() {}

  /**
   * Has requests be from a session: {@code client.mutateWith(session(alice)).get()}. What their
   * handlers require of it is judged by what the session says.
   */
  public static <T extends WebTestClientConfigurer & MockServerConfigurer> T session(
      Session session) {
    return SecurityMockServerConfigurers.mockAuthentication(
        SessiondAuthentication.ofExample(session));
  }
}
