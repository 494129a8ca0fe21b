package dev.sessiond.spring.test;

import dev.sessiond.Session;
import dev.sessiond.spring.SessiondAuthentication;
import org.springframework.security.test.web.servlet.request.SecurityMockMvcRequestPostProcessors;
import org.springframework.test.web.servlet.request.RequestPostProcessor;

/** Makes requests of MockMvc those of sessions. */
public final class SessiondMockMvc {
  private SessiondMockMvc() {}

  /**
   * Has a request be from a session: {@code mvc.perform(get("/orders").with(session(alice)))}. What
   * its handler requires of it is judged by what the session says.
   */
  public static RequestPostProcessor session(Session session) {
    return SecurityMockMvcRequestPostProcessors.authentication(
        SessiondAuthentication.ofExample(session));
  }
}
