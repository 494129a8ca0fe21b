package dev.sessiond.servlet;

import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Arrival;
import dev.sessiond.internal.denial.Intake;
import dev.sessiond.internal.denial.Presented;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Lets only requests through whose token fulfils a policy. Map one to the paths that it is for;
 * what a path needs that has several of them is all that they require.
 */
public final class SessiondFilter implements Filter {
  static final String SESSION = "dev.sessiond.session";

  private final Validator validator;
  private final Policy policy;
  private final ValidateOptions options;
  private final boolean isOptional;
  private final PublicPaths publicPaths;
  private final Intake intake;
  private final Function<HttpServletRequest, X509Certificate> certificate;
  private final DenialRenderer renderer;

  SessiondFilter(SessiondFilterBuilder from) {
    validator = from.validator;
    policy = from.policy;
    options = from.options;
    isOptional = from.isOptional;
    publicPaths = from.publicPaths;
    intake = from.intake();
    certificate = from.certificate;
    renderer = from.renderer;
  }

  /** Begins a filter that asks a validator, such as a client, about the token of each request. */
  public static SessiondFilterBuilder builder(Validator validator, Policy policy) {
    return new SessiondFilterBuilder(validator, policy);
  }

  /** The session of a request that a filter has let through; empty where it needed none. */
  public static Optional<Session> session(ServletRequest request) {
    return Optional.ofNullable((Session) request.getAttribute(SESSION));
  }

  @Override
  public void doFilter(ServletRequest given, ServletResponse answer, FilterChain chain)
      throws IOException, ServletException {
    HttpServletRequest request = (HttpServletRequest) given;
    if (publicPaths.has(request)) {
      chain.doFilter(given, answer);
      return;
    }
    Admission admission = admit(request);
    if (admission.denial() != null) {
      Answers.deny(request, (HttpServletResponse) answer, admission.denial(), renderer);
      return;
    }
    request.setAttribute(SESSION, admission.session());
    chain.doFilter(given, answer);
  }

  private Admission admit(HttpServletRequest request) {
    Presented presented =
        intake.of(
            new Arrival(
                request.getMethod(),
                request.getRequestURI(),
                name -> values(request, name),
                () -> certificate.apply(request)));
    if (presented.isNone()) {
      return isOptional ? Admission.anonymous() : Admission.denied(intake.missing(policy));
    }
    return presented.ask(validator, policy, options);
  }

  static List<String> values(HttpServletRequest request, String name) {
    return Collections.list(request.getHeaders(name));
  }
}
