package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Kind;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationManager;
import org.springframework.security.authorization.AuthorizationResult;
import org.springframework.security.core.Authentication;

/**
 * Requires of the token of a request what {@link RequirePolicy} says. What was asked before is
 * answered from memory.
 */
public final class PolicyAuthorizationManager implements AuthorizationManager<MethodInvocation> {
  private final Validator validator;
  private final Map<RequirePolicy, Policy> compiled = new ConcurrentHashMap<>();

  /** Asks a validator. */
  public PolicyAuthorizationManager(Validator validator) {
    this.validator = validator;
  }

  @Override
  public AuthorizationResult authorize(
      Supplier<? extends Authentication> authentication, MethodInvocation invocation) {
    RequirePolicy required = requiredBy(invocation);
    Policy policy = compiled.computeIfAbsent(required, PolicyAuthorizationManager::compile);
    if (!(authentication.get() instanceof SessiondAuthentication known)) {
      throw new DenialException(Denial.ofMissing(policy, false));
    }
    ValidateOptions options = required.strict() ? ValidateOptions.STRICT : ValidateOptions.DEFAULT;
    Admission admission = known.request().ask(validator, policy, options);
    if (admission.denial() != null) {
      throw denied(admission.denial());
    }
    return new AuthorizationDecision(true);
  }

  private static RuntimeException denied(Denial denial) {
    return denial.kind() == Kind.INSUFFICIENT || denial.kind() == Kind.REJECTED
        ? new PolicyDeniedException(denial)
        : new DenialException(denial);
  }

  private static RequirePolicy requiredBy(MethodInvocation invocation) {
    RequirePolicy found =
        AnnotatedElementUtils.findMergedAnnotation(invocation.getMethod(), RequirePolicy.class);
    if (found == null && invocation.getThis() != null) {
      found =
          AnnotatedElementUtils.findMergedAnnotation(
              invocation.getThis().getClass(), RequirePolicy.class);
    }
    if (found == null) {
      throw new IllegalStateException("RequirePolicy: found none at " + invocation.getMethod());
    }
    return found;
  }

  private static Policy compile(RequirePolicy required) {
    Policy.Builder policy =
        Policy.builder()
            .scopes(required.scopes())
            .permissions(required.permissions())
            .audiences(required.audiences())
            .issuers(required.issuers())
            .acrValues(required.acrValues());
    if (required.maxAuthAgeSeconds() >= 0) {
      policy.maxAuthAge(Duration.ofSeconds(required.maxAuthAgeSeconds()));
    }
    return policy.build();
  }
}
