package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Kind;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.aopalliance.intercept.MethodInvocation;
import org.springframework.aop.Pointcut;
import org.springframework.aop.support.AopUtils;
import org.springframework.aop.support.ComposablePointcut;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationResult;

/** What methods require, and what comes of it: of those that block, and of those that do not. */
final class MethodPolicies {
  private final Map<RequirePolicy, Required> compiled = new ConcurrentHashMap<>();

  /** What a method requires of a token, and how that is asked. */
  record Required(Policy policy, ValidateOptions options) {
    /** For a call on behalf of nobody. */
    DenialException missing() {
      return new DenialException(Denial.ofMissing(policy, false));
    }
  }

  /** Which methods require something, by themselves or by what they override. */
  static Pointcut pointcut() {
    return new ComposablePointcut(new AnnotationMatchingPointcut(null, RequirePolicy.class, true))
        .union(new AnnotationMatchingPointcut(RequirePolicy.class, true));
  }

  Required of(MethodInvocation invocation) {
    return compiled.computeIfAbsent(annotation(invocation), MethodPolicies::compile);
  }

  /** Lets through who is admitted, and throws of others why not. */
  static AuthorizationResult decision(Admission admission) {
    Denial denial = admission.denial();
    if (denial == null) {
      return new AuthorizationDecision(true);
    }
    throw denial.kind() == Kind.INSUFFICIENT || denial.kind() == Kind.REJECTED
        ? new PolicyDeniedException(denial)
        : new DenialException(denial);
  }

  private static RequirePolicy annotation(MethodInvocation invocation) {
    Class<?> type = invocation.getThis() == null ? null : invocation.getThis().getClass();
    // A proxy may be called by an interface's method, which does not say what the class's says.
    Method method = AopUtils.getMostSpecificMethod(invocation.getMethod(), type);
    RequirePolicy found = AnnotatedElementUtils.findMergedAnnotation(method, RequirePolicy.class);
    if (found == null && type != null) {
      found = AnnotatedElementUtils.findMergedAnnotation(type, RequirePolicy.class);
    }
    if (found == null) {
      throw new IllegalStateException("RequirePolicy: found none at " + invocation.getMethod());
    }
    return found;
  }

  private static Required compile(RequirePolicy required) {
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
    return new Required(
        policy.build(), required.strict() ? ValidateOptions.STRICT : ValidateOptions.DEFAULT);
  }
}
