package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Arrival;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Intake;
import dev.sessiond.internal.denial.Presented;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.web.context.RequestAttributeSecurityContextRepository;
import org.springframework.security.web.context.SecurityContextRepository;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Authenticates requests by the token of their Authorization header, or of a cookie where the
 * settings name one. One without a token goes on, for the rules of the chain to judge; one whose
 * token is not good, or cannot be judged, does not.
 */
public final class SessiondAuthenticationFilter extends OncePerRequestFilter {
  private final Validator validator;
  private final Policy policy;
  private final ValidateOptions options;
  private final Intake intake;
  // A request may be dispatched once more, for an answer that comes later or an error: the chain
  // finds here whose it is.
  private final SecurityContextRepository contexts =
      new RequestAttributeSecurityContextRepository();

  /**
   * Asks a validator about each token.
   *
   * @param policy what is required of every token
   * @param options how it is asked
   * @param dpopOrigin the origin for which DPoP proofs are taken; null for none
   */
  public SessiondAuthenticationFilter(
      Validator validator, Policy policy, ValidateOptions options, String dpopOrigin) {
    this(validator, policy, options, Intake.ofHeaders(dpopOrigin));
  }

  SessiondAuthenticationFilter(
      Validator validator, Policy policy, ValidateOptions options, Intake intake) {
    this.validator = validator;
    this.policy = policy;
    this.options = options;
    this.intake = intake;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    try {
      Presented presented = intake.of(arrival(request));
      if (!presented.isNone()) {
        authenticate(presented, request, response);
      }
    } catch (DenialException denied) {
      SecurityContextHolder.clearContext();
      Responses.write(request, response, denied.denial());
      return;
    }
    chain.doFilter(request, response);
  }

  /** What a request without a token is told. */
  Denial missing() {
    return intake.missing(policy);
  }

  private void authenticate(
      Presented presented, HttpServletRequest request, HttpServletResponse response) {
    Admission admission = presented.ask(validator, policy, options);
    if (admission.denial() != null) {
      throw new DenialException(admission.denial());
    }
    SecurityContext context = SecurityContextHolder.createEmptyContext();
    context.setAuthentication(new SessiondAuthentication(admission.session(), presented));
    SecurityContextHolder.setContext(context);
    contexts.saveContext(context, request, response);
  }

  private static Arrival arrival(HttpServletRequest request) {
    return new Arrival(request.getMethod(), request.getRequestURI(), name -> values(request, name));
  }

  private static List<String> values(HttpServletRequest request, String name) {
    return Collections.list(request.getHeaders(name));
  }
}
