package dev.sessiond.spring;

import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.web.server.authorization.ServerAccessDeniedHandler;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/**
 * Tells a request to WebFlux whose token does not do for what it asks: by sessiond's own challenge
 * where a {@link RequirePolicy} asked, with a step-up where that would do, and as insufficient
 * otherwise.
 */
public final class SessiondServerAccessDeniedHandler implements ServerAccessDeniedHandler {
  @Override
  public Mono<Void> handle(ServerWebExchange exchange, AccessDeniedException error) {
    return ServerResponses.write(exchange, Denials.ofDenied(error));
  }
}
