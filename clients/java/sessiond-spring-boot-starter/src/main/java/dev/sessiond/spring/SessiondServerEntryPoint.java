package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.internal.denial.Denial;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.web.server.ServerAuthenticationEntryPoint;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/**
 * Tells a request to WebFlux without a good token what it needs: sessiond's own challenge, or a
 * 503.
 */
public final class SessiondServerEntryPoint implements ServerAuthenticationEntryPoint {
  private final Denial missing;

  /** Says of a request without a token that it needs one. */
  public SessiondServerEntryPoint() {
    this(Denial.ofMissing(Policy.NOTHING, false));
  }

  /** Says of a request without a token what is given. */
  SessiondServerEntryPoint(Denial missing) {
    this.missing = missing;
  }

  @Override
  public Mono<Void> commence(ServerWebExchange exchange, AuthenticationException error) {
    return ServerResponses.write(exchange, Denials.ofMissing(error, missing));
  }
}
