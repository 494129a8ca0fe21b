package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication.Type;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.security.authorization.method.AuthorizationManagerBeforeReactiveMethodInterceptor;
import org.springframework.security.config.web.server.SecurityWebFiltersOrder;
import org.springframework.security.config.web.server.ServerHttpSecurity;
import org.springframework.security.web.server.SecurityWebFilterChain;
import org.springframework.security.web.server.context.NoOpServerSecurityContextRepository;
import org.springframework.web.reactive.DispatcherHandler;

/**
 * Has every request to WebFlux need a good token, in a chain that gives way to one of the
 * application's own.
 */
@AutoConfiguration(
    after = SessiondClientAutoConfiguration.class,
    beforeName = {
      "org.springframework.boot.security.autoconfigure.ReactiveUserDetailsServiceAutoConfiguration",
      "org.springframework.boot.security.autoconfigure.web.reactive.ReactiveWebSecurityAutoConfiguration"
    })
@ConditionalOnWebApplication(type = Type.REACTIVE)
@ConditionalOnClass(DispatcherHandler.class)
public class SessiondReactiveAutoConfiguration {
  /** What authenticates requests. */
  @Bean
  @ConditionalOnMissingBean
  SessiondServerAuthentication sessiondServerAuthentication(
      Validator validator, SessiondProperties settings) {
    return new SessiondServerAuthentication(
        validator, Policy.NOTHING, ValidateOptions.DEFAULT, settings.intake());
  }

  /** Every request needs a good token. */
  @Bean
  @ConditionalOnMissingBean
  SecurityWebFilterChain sessiondWebFilterChain(
      ServerHttpSecurity http, SessiondServerAuthentication authentication) {
    return secure(http, authentication)
        .authorizeExchange(exchanges -> exchanges.anyExchange().authenticated())
        .build();
  }

  /** What carries {@link RequirePolicy} out; what it is at has to return a publisher. */
  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static AuthorizationManagerBeforeReactiveMethodInterceptor reactiveRequirePolicyInterceptor(
      ObjectProvider<Validator> validator) {
    return new AuthorizationManagerBeforeReactiveMethodInterceptor(
        MethodPolicies.pointcut(),
        new ReactivePolicyAuthorizationManager(new LateValidator(validator)));
  }

  /**
   * Has a chain take tokens, and tell whom it denies, as the default chain does: for an application
   * that makes its own. There are no HTTP sessions and no tokens against forged requests then:
   * where a cookie is taken, the browser says which site a request is from.
   */
  public static ServerHttpSecurity secure(
      ServerHttpSecurity http, SessiondServerAuthentication authentication) {
    return http.addFilterAt(authentication.filter(), SecurityWebFiltersOrder.AUTHENTICATION)
        .securityContextRepository(NoOpServerSecurityContextRepository.getInstance())
        .csrf(ServerHttpSecurity.CsrfSpec::disable)
        .requestCache(ServerHttpSecurity.RequestCacheSpec::disable)
        .logout(ServerHttpSecurity.LogoutSpec::disable)
        .exceptionHandling(
            denials ->
                denials
                    .authenticationEntryPoint(
                        new SessiondServerEntryPoint(authentication.missing()))
                    .accessDeniedHandler(new SessiondServerAccessDeniedHandler()));
  }
}
