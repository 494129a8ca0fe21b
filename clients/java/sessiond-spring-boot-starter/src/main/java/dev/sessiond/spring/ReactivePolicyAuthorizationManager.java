package dev.sessiond.spring;

import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import org.aopalliance.intercept.MethodInvocation;
import org.springframework.security.authorization.AuthorizationResult;
import org.springframework.security.authorization.ReactiveAuthorizationManager;
import org.springframework.security.core.Authentication;
import reactor.core.publisher.Mono;

/**
 * Requires of the token of a request to WebFlux what {@link RequirePolicy} says, without blocking.
 * What was asked before is answered from memory.
 */
public final class ReactivePolicyAuthorizationManager
    implements ReactiveAuthorizationManager<MethodInvocation> {
  private final Validator validator;
  private final MethodPolicies policies = new MethodPolicies();

  /** Asks a validator. */
  public ReactivePolicyAuthorizationManager(Validator validator) {
    this.validator = validator;
  }

  @Override
  public Mono<AuthorizationResult> authorize(
      Mono<Authentication> authentication, MethodInvocation invocation) {
    MethodPolicies.Required required = policies.of(invocation);
    return authentication
        .ofType(SessiondAuthentication.class)
        .switchIfEmpty(Mono.error(required::missing))
        .flatMap(known -> ask(known, required))
        .map(MethodPolicies::decision);
  }

  private Mono<Admission> ask(SessiondAuthentication known, MethodPolicies.Required required) {
    return Mono.fromFuture(() -> known.askAsync(validator, required.policy(), required.options()));
  }
}
