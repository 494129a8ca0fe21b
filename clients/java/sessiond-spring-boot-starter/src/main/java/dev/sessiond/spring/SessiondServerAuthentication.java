package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Arrival;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Intake;
import dev.sessiond.internal.denial.Presented;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.security.authentication.ReactiveAuthenticationManager;
import org.springframework.security.authentication.ReactiveAuthenticationManagerResolver;
import org.springframework.security.core.Authentication;
import org.springframework.security.web.server.authentication.AuthenticationWebFilter;
import org.springframework.security.web.server.authentication.ServerAuthenticationConverter;
import org.springframework.security.web.server.authentication.ServerAuthenticationEntryPointFailureHandler;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import reactor.core.publisher.Mono;

/**
 * Authenticates requests to WebFlux by the token of their Authorization header, or of a cookie
 * where the settings name one. One without a token goes on, for the rules of the chain to judge;
 * one whose token is not good, or cannot be judged, does not. No thread waits for a verdict, and a
 * request that is cancelled waits for none.
 */
public final class SessiondServerAuthentication
    implements ServerAuthenticationConverter,
        ReactiveAuthenticationManagerResolver<ServerWebExchange> {
  private final Validator validator;
  private final Policy policy;
  private final ValidateOptions options;
  private final Intake intake;

  /**
   * Asks a validator about each token.
   *
   * @param policy what is required of every token
   * @param options how it is asked
   * @param dpopOrigin the origin for which DPoP proofs are taken; null for none
   */
  public SessiondServerAuthentication(
      Validator validator, Policy policy, ValidateOptions options, String dpopOrigin) {
    this(validator, policy, options, Intake.ofHeaders(dpopOrigin));
  }

  SessiondServerAuthentication(
      Validator validator, Policy policy, ValidateOptions options, Intake intake) {
    this.validator = validator;
    this.policy = policy;
    this.options = options;
    this.intake = intake;
  }

  @Override
  public Mono<Authentication> convert(ServerWebExchange exchange) {
    Presented presented = intake.of(arrival(exchange.getRequest()));
    return presented.isNone() ? Mono.empty() : Mono.just(new PresentedToken(presented));
  }

  /**
   * Gives what judges tokens. A bean that did it by itself would be asked about the users and
   * passwords of the application's other chains too.
   */
  @Override
  public Mono<ReactiveAuthenticationManager> resolve(ServerWebExchange exchange) {
    return Mono.just(token -> ask(((PresentedToken) token).presented()));
  }

  /** What does it for a chain; a filter that is a bean would run for every request. */
  public WebFilter filter() {
    AuthenticationWebFilter filter = new AuthenticationWebFilter(this);
    filter.setServerAuthenticationConverter(this);
    filter.setAuthenticationFailureHandler(
        new ServerAuthenticationEntryPointFailureHandler(new SessiondServerEntryPoint(missing())));
    return filter;
  }

  /** What a request without a token is told. */
  Denial missing() {
    return intake.missing(policy);
  }

  private Mono<Authentication> ask(Presented presented) {
    return Mono.fromFuture(() -> presented.askAsync(validator, policy, options))
        .map(admission -> authenticated(admission, presented));
  }

  private static Authentication authenticated(Admission admission, Presented presented) {
    if (admission.denial() != null) {
      throw new DenialException(admission.denial());
    }
    return new SessiondAuthentication(admission.session(), presented);
  }

  private static Arrival arrival(ServerHttpRequest request) {
    return new Arrival(
        request.getMethod().name(),
        request.getPath().value(),
        name -> request.getHeaders().getOrEmpty(name));
  }
}
