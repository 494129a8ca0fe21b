package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import org.springframework.aop.Pointcut;
import org.springframework.aop.support.ComposablePointcut;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.security.authorization.method.AuthorizationManagerBeforeMethodInterceptor;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.UsernamePasswordAuthenticationFilter;

/**
 * Makes a client from the settings, and a chain in which every request needs a good token; either
 * gives way to one of the application's own.
 */
@AutoConfiguration(
    beforeName = {
      "org.springframework.boot.security.autoconfigure.UserDetailsServiceAutoConfiguration",
      "org.springframework.boot.security.autoconfigure.web.servlet.ServletWebSecurityAutoConfiguration"
    })
@EnableConfigurationProperties(SessiondProperties.class)
public class SessiondAutoConfiguration {
  /** The client of the settings. */
  @Bean
  @ConditionalOnMissingBean(Validator.class)
  SessiondClient sessiondClient(SessiondProperties settings) {
    SessiondClientBuilder builder =
        SessiondClient.builder(settings.target()).timeout(settings.timeout()).key(settings.key());
    if (settings.keyFile() != null) {
      builder.key(settings.keyFile());
    }
    return builder.build();
  }

  /** What authenticates requests. */
  @Bean
  @ConditionalOnMissingBean
  SessiondAuthenticationFilter sessiondAuthenticationFilter(
      Validator validator, SessiondProperties settings) {
    return new SessiondAuthenticationFilter(
        validator, Policy.NOTHING, ValidateOptions.DEFAULT, settings.dpopOrigin());
  }

  /** Has the filter run where a chain takes tokens, and not by the container for everything. */
  @Bean
  FilterRegistrationBean<SessiondAuthenticationFilter> sessiondAuthenticationFilterRegistration(
      SessiondAuthenticationFilter filter) {
    FilterRegistrationBean<SessiondAuthenticationFilter> registration =
        new FilterRegistrationBean<>(filter);
    registration.setEnabled(false);
    return registration;
  }

  /** Every request needs a good token. */
  @Bean
  @ConditionalOnMissingBean
  SecurityFilterChain sessiondFilterChain(HttpSecurity http, SessiondAuthenticationFilter filter) {
    return secure(http, filter)
        .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
        .build();
  }

  /** What carries {@link RequirePolicy} out. */
  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static AuthorizationManagerBeforeMethodInterceptor requirePolicyInterceptor(
      ObjectProvider<Validator> validator) {
    PolicyAuthorizationManager manager =
        new PolicyAuthorizationManager(
            (token, policy, options) -> validator.getObject().validate(token, policy, options));
    return new AuthorizationManagerBeforeMethodInterceptor(pointcut(), manager);
  }

  /**
   * Has a chain take tokens, and tell whom it denies, as the default chain does: for an application
   * that makes its own. There are no HTTP sessions and no tokens against forged requests then: what
   * a browser adds by itself is no token here.
   */
  public static HttpSecurity secure(HttpSecurity http, SessiondAuthenticationFilter filter) {
    return http.addFilterBefore(filter, UsernamePasswordAuthenticationFilter.class)
        .sessionManagement(
            sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .csrf(csrf -> csrf.disable())
        .requestCache(cache -> cache.disable())
        .logout(logout -> logout.disable())
        .exceptionHandling(
            denials ->
                denials
                    .authenticationEntryPoint(new SessiondEntryPoint(filter.missing()))
                    .accessDeniedHandler(new SessiondAccessDeniedHandler()));
  }

  private static Pointcut pointcut() {
    var ofMethods = AnnotationMatchingPointcut.forMethodAnnotation(RequirePolicy.class);
    return new ComposablePointcut(ofMethods)
        .union(new AnnotationMatchingPointcut(RequirePolicy.class, true));
  }
}
