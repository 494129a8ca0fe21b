package dev.sessiond.spring;

import dev.sessiond.Validator;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.springframework.security.authorization.AuthorizationManager;
import org.springframework.security.authorization.AuthorizationResult;
import org.springframework.security.core.Authentication;

/**
 * Requires of the token of a request what {@link RequirePolicy} says. What was asked before is
 * answered from memory.
 */
public final class PolicyAuthorizationManager implements AuthorizationManager<MethodInvocation> {
  private final Validator validator;
  private final MethodPolicies policies = new MethodPolicies();

  /** Asks a validator. */
  public PolicyAuthorizationManager(Validator validator) {
    this.validator = validator;
  }

  @Override
  public AuthorizationResult authorize(
      Supplier<? extends Authentication> authentication, MethodInvocation invocation) {
    MethodPolicies.Required required = policies.of(invocation);
    if (!(authentication.get() instanceof SessiondAuthentication known)) {
      throw required.missing();
    }
    return MethodPolicies.decision(known.ask(validator, required.policy(), required.options()));
  }
}
