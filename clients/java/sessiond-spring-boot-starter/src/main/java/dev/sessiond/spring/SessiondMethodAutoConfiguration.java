package dev.sessiond.spring;

import dev.sessiond.Validator;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication.Type;
import org.springframework.boot.autoconfigure.condition.NoneNestedConditions;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Role;
import org.springframework.security.authorization.method.AuthorizationManagerBeforeMethodInterceptor;

/**
 * Carries {@link RequirePolicy} out in every application whose methods may block: on servlets, and
 * where nothing is served over HTTP.
 */
@AutoConfiguration(after = SessiondClientAutoConfiguration.class)
@Conditional(SessiondMethodAutoConfiguration.NotReactive.class)
public class SessiondMethodAutoConfiguration {
  /** What carries {@link RequirePolicy} out. */
  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static AuthorizationManagerBeforeMethodInterceptor requirePolicyInterceptor(
      ObjectProvider<Validator> validator) {
    return new AuthorizationManagerBeforeMethodInterceptor(
        MethodPolicies.pointcut(), new PolicyAuthorizationManager(new LateValidator(validator)));
  }

  /** What is not of WebFlux, which has an interceptor of its own. */
  static final class NotReactive extends NoneNestedConditions {
    NotReactive() {
      super(ConfigurationPhase.PARSE_CONFIGURATION);
    }

    @ConditionalOnWebApplication(type = Type.REACTIVE)
    static final class Reactive {}
  }
}
