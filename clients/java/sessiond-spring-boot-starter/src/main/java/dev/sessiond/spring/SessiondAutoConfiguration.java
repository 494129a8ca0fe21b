package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication.Type;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.UsernamePasswordAuthenticationFilter;

/**
 * Has every request to servlets need a good token, in a chain that gives way to one of the
 * application's own.
 */
@AutoConfiguration(
    after = SessiondClientAutoConfiguration.class,
    beforeName = {
      "org.springframework.boot.security.autoconfigure.UserDetailsServiceAutoConfiguration",
      "org.springframework.boot.security.autoconfigure.web.servlet.ServletWebSecurityAutoConfiguration"
    })
@ConditionalOnWebApplication(type = Type.SERVLET)
public class SessiondAutoConfiguration {
  /** What authenticates requests. */
  @Bean
  @ConditionalOnMissingBean
  SessiondAuthenticationFilter sessiondAuthenticationFilter(
      Validator validator, SessiondProperties settings) {
    return new SessiondAuthenticationFilter(
        validator, Policy.NOTHING, ValidateOptions.DEFAULT, settings.intake());
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

  /**
   * Has a chain take tokens, and tell whom it denies, as the default chain does: for an application
   * that makes its own. There are no HTTP sessions and no tokens against forged requests then:
   * where a cookie is taken, the browser says which site a request is from.
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
}
