package dev.sessiond.internal.denial;

import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.CrossSite;
import dev.sessiond.internal.credentials.InvalidRequestException;
import dev.sessiond.internal.credentials.Proofs;
import dev.sessiond.internal.credentials.Scheme;
import java.security.cert.X509Certificate;
import java.util.Set;

/**
 * Where a middleware takes tokens and their proofs from: the one decision behind the filters of
 * every kind of server.
 *
 * @param cookie the name of the cookie that is taken where there is no Authorization header; null
 *     for none
 * @param crossSite says which requests with a cookie another site may have caused
 * @param dpopOrigin the origin for which DPoP proofs are taken; null for none
 */
public record Intake(String cookie, CrossSite crossSite, String dpopOrigin) {
  /** Takes Authorization headers alone, with DPoP proofs for an origin; null for none. */
  public static Intake ofHeaders(String dpopOrigin) {
    return of(null, Set.of(), dpopOrigin);
  }

  /**
   * Takes a cookie too, of which the pages of further origins may make use; null for none, as is an
   * empty name.
   */
  public static Intake of(String cookie, Set<String> trusted, String dpopOrigin) {
    trusted.forEach(Proofs::requireOrigin);
    return new Intake(
        cookie == null || cookie.isEmpty() ? null : cookie,
        new CrossSite(trusted, false),
        dpopOrigin == null ? null : Proofs.requireOrigin(dpopOrigin));
  }

  /** What a request presents. A token that is not good is never made up for by a cookie. */
  public Presented of(Arrival request) {
    try {
      Credential found = credential(request);
      boolean isForged =
          found.scheme() == Scheme.COOKIE
              && !found.isNone()
              && crossSite.forbids(request.method(), request.host(), request.headers());
      return isForged
          ? Presented.denied(Denial.ofCrossSite())
          : new Presented(found, proof(request, found), null);
    } catch (InvalidRequestException error) {
      return Presented.denied(Denial.ofInvalid());
    }
  }

  /** What a request is told that presents nothing, where a policy is required. */
  public Denial missing(Policy policy) {
    return Denial.ofMissing(policy, dpopOrigin != null);
  }

  private Credential credential(Arrival request) throws InvalidRequestException {
    Credential found = Credentials.fromAuthorization(request.values("authorization"));
    return found.isNone() && cookie != null
        ? Credentials.fromCookies(request.values("cookie"), cookie)
        : found;
  }

  /** Null for none; which proof a token needs is for the server to say. */
  private Proof proof(Arrival request, Credential found) throws InvalidRequestException {
    if (found.isNone()) {
      return null;
    }
    if (found.scheme() == Scheme.DPOP) {
      return Proofs.of(request.values("dpop"), request.method(), dpopOrigin, request.path());
    }
    X509Certificate certificate = request.certificate().get();
    return certificate == null ? null : Proof.certificate(certificate);
  }
}
