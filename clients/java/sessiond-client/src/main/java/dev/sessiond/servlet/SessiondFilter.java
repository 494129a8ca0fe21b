package dev.sessiond.servlet;

import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.Session;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.CrossSite;
import dev.sessiond.internal.credentials.InvalidRequestException;
import dev.sessiond.internal.credentials.Proofs;
import dev.sessiond.internal.credentials.Scheme;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Denial;
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
  private final String cookie; // null where none is taken
  private final CrossSite crossSite;
  private final String dpopOrigin; // null where no proofs are taken
  private final Function<HttpServletRequest, X509Certificate> certificate;
  private final DenialRenderer renderer;

  SessiondFilter(SessiondFilterBuilder from) {
    validator = from.validator;
    policy = from.policy;
    options = from.options;
    isOptional = from.isOptional;
    publicPaths = from.publicPaths;
    cookie = from.cookie;
    crossSite = from.crossSite();
    dpopOrigin = from.dpopOrigin;
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
    try {
      Credential found = credential(request);
      if (found.isNone()) {
        return isOptional
            ? Admission.anonymous()
            : Admission.denied(Denial.ofMissing(policy, dpopOrigin != null));
      }
      if (found.scheme() == Scheme.COOKIE && isCrossSite(request)) {
        return Admission.denied(Denial.ofCrossSite());
      }
      Proof proof = proof(request, found.scheme());
      return new Admission.Question(validator, found, proof, policy, options).ask();
    } catch (InvalidRequestException error) {
      return Admission.denied(Denial.ofInvalid());
    }
  }

  private Credential credential(HttpServletRequest request) throws InvalidRequestException {
    Credential found = Credentials.fromAuthorization(values(request, "authorization"));
    return found.isNone() && cookie != null
        ? Credentials.fromCookies(values(request, "cookie"), cookie)
        : found;
  }

  private boolean isCrossSite(HttpServletRequest request) {
    return crossSite.forbids(
        request.getMethod(), request.getHeader("host"), name -> values(request, name));
  }

  /** Null for none; which proof a token needs is for the server to say. */
  private Proof proof(HttpServletRequest request, Scheme scheme) throws InvalidRequestException {
    if (scheme == Scheme.DPOP) {
      return Proofs.of(
          values(request, "dpop"), request.getMethod(), dpopOrigin, request.getRequestURI());
    }
    X509Certificate found = certificate.apply(request);
    return found == null ? null : Proof.certificate(found);
  }

  static List<String> values(HttpServletRequest request, String name) {
    return Collections.list(request.getHeaders(name));
  }
}
