package dev.sessiond.servlet;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.credentials.CrossSite;
import dev.sessiond.internal.credentials.Proofs;
import dev.sessiond.internal.denial.Intake;
import jakarta.servlet.http.HttpServletRequest;
import java.security.cert.X509Certificate;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** Says where a filter takes tokens and proofs from, and how it answers. */
public final class SessiondFilterBuilder {
  final Validator validator;
  final Policy policy;
  private final Set<String> trusted = new HashSet<>();
  private boolean allowsMissing;
  ValidateOptions options = ValidateOptions.DEFAULT;
  boolean isOptional;
  PublicPaths publicPaths = new PublicPaths(List.of());
  private String cookie;
  private String dpopOrigin;
  Function<HttpServletRequest, X509Certificate> certificate = request -> null;
  DenialRenderer renderer = DenialRenderer.JSON;

  SessiondFilterBuilder(Validator validator, Policy policy) {
    this.validator = validator;
    this.policy = policy;
  }

  /** Asks about each token in a way of its own, such as {@link ValidateOptions#STRICT}. */
  public SessiondFilterBuilder options(ValidateOptions options) {
    this.options = options;
    return this;
  }

  /**
   * Lets requests without a token through too, without a session. One whose token is not good is
   * denied all the same.
   */
  public SessiondFilterBuilder optional() {
    this.isOptional = true;
    return this;
  }

  /**
   * Lets everything through, unseen, that is public by name: paths, or those that end in a slash
   * with all that is below them. A path that nobody thought of is protected.
   */
  public SessiondFilterBuilder publicPaths(String... paths) {
    this.publicPaths = new PublicPaths(List.of(paths));
    return this;
  }

  /**
   * Takes the token of a browser's session from the cookie of a name, where a request has none in
   * its Authorization header. A token there that is not good is never made up for by a cookie.
   *
   * <p>A browser sends cookies with requests that another site makes it send. Such requests are
   * denied, unless their method changes nothing: only those get through that say by Sec-Fetch-Site,
   * or else by Origin, that this site or a trusted origin made them. An upgrade, such as to
   * WebSocket, counts as a change.
   */
  public SessiondFilterBuilder cookie(String name) {
    this.cookie = name;
    return this;
  }

  /** Has further origins whose pages may send cookies, such as {@code https://app.example}. */
  public SessiondFilterBuilder trustOrigins(String... origins) {
    for (String origin : origins) {
      trusted.add(Proofs.requireOrigin(origin));
    }
    return this;
  }

  /**
   * Lets requests with a cookie through that say neither by Sec-Fetch-Site nor by Origin where they
   * come from. Browsers have said it for years; other clients may not.
   */
  public SessiondFilterBuilder allowMissingOrigin() {
    this.allowsMissing = true;
    return this;
  }

  /**
   * Takes DPoP proofs (RFC 9449) for requests to an origin, such as {@code https://api.example}:
   * the one that clients know, which a proxy may have changed on the way. What a request says of
   * its own host is not taken: a proof that was made for another service could be used here with
   * it. Without this a token under the scheme DPoP is never good.
   */
  public SessiondFilterBuilder dpop(String origin) {
    this.dpopOrigin = Proofs.requireOrigin(origin);
    return this;
  }

  /**
   * Takes the client certificate of a request for the proof of a token that is bound to one (RFC
   * 8705): {@link #peerCertificate}, or one that a proxy hands on; null for none. A validator is
   * asked with it each time, past what it keeps.
   */
  public SessiondFilterBuilder certificates(
      Function<HttpServletRequest, X509Certificate> certificate) {
    this.certificate = certificate;
    return this;
  }

  /** The client certificate of the connection that a request came by; null if there is none. */
  public static X509Certificate peerCertificate(HttpServletRequest request) {
    Object found = request.getAttribute("jakarta.servlet.request.X509Certificate");
    return found instanceof X509Certificate[] chain && chain.length > 0 ? chain[0] : null;
  }

  /** Writes the responses to requests that are denied in a form of one's own. */
  public SessiondFilterBuilder renderer(DenialRenderer renderer) {
    this.renderer = renderer;
    return this;
  }

  /** Makes the filter. */
  public SessiondFilter build() {
    return new SessiondFilter(this);
  }

  Intake intake() {
    return new Intake(cookie, new CrossSite(trusted, allowsMissing), dpopOrigin);
  }
}
