package dev.sessiond.servlet;

import dev.sessiond.Bearer;
import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.Session;
import dev.sessiond.Tokens;
import dev.sessiond.ValidateOptions;
import dev.sessiond.internal.browser.Change;
import dev.sessiond.internal.browser.Cookies;
import dev.sessiond.internal.browser.Presented;
import dev.sessiond.internal.browser.Refreshed;
import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Scheme;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.http.HttpServletRequest;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** One request of a browser. */
final class Visit implements Presented {
  private static final String ATTRIBUTE = "dev.sessiond.visit";

  /**
   * What is wanted of the requests of a route.
   *
   * @param policy what is required
   * @param options how it is asked
   * @param isOptional lets requests through without a session
   */
  record Route(Policy policy, ValidateOptions options, boolean isOptional) {}

  private final Site site;
  private final Route route;
  private final HttpServletRequest request;
  private final Proof proof;
  private final long arrived;
  private Cookies brought;
  private Tokens tokens;
  private Session session;
  private HeldResponse held;

  /** Where one route is around another, the inner one goes on with what the outer has refreshed. */
  Visit(Site site, Route route, HttpServletRequest request) {
    this.site = site;
    this.route = route;
    this.request = request;
    X509Certificate certificate = site.certificate.apply(request);
    proof = certificate == null ? null : Proof.certificate(certificate);
    brought = site.brought(request);
    Visit outer = of(site, request);
    arrived = outer == null ? site.nanos() : outer.arrived;
    if (outer != null) {
      held = outer.held;
      tokens = outer.tokens;
      brought = tokens == null ? brought : brought.with(tokens);
    }
  }

  /** Null for a request that no filter of the site has handed on. */
  static Visit of(Site site, HttpServletRequest request) {
    return request.getAttribute(ATTRIBUTE) instanceof Visit visit && visit.site == site
        ? visit
        : null;
  }

  /** Hands the request on, with its session. */
  void remember() {
    request.setAttribute(ATTRIBUTE, this);
    request.setAttribute(SessiondFilter.SESSION, session);
  }

  /** That of the access token in its cookie; null for none. */
  Session session() {
    return session;
  }

  /** What brings cookies with the response; null where none were changed. */
  HeldResponse held() {
    return held;
  }

  void hold(HeldResponse response) {
    held = response;
  }

  /** The values of Set-Cookie of a change; none where there is none. */
  List<String> lines(Change change) {
    return switch (change) {
      case KEEP -> List.of();
      case CLEAR -> site.style.clear(brought);
      case MARK -> site.style.mark(brought);
      case SET -> {
        Style.Lines lines = site.style.set(tokens, Instant.now(), brought);
        if (!lines.fits()) {
          site.tellTooLarge(tokens.accessToken().length());
        }
        yield lines.values();
      }
    };
  }

  /** What the browser has asked for. */
  String target() {
    String query = request.getQueryString();
    return query == null ? request.getRequestURI() : request.getRequestURI() + "?" + query;
  }

  @Override
  public Cookies brought() {
    return brought;
  }

  @Override
  public boolean isCrossSite() {
    return site.isCrossSite(request);
  }

  @Override
  public boolean isOptional() {
    return route.isOptional;
  }

  @Override
  public boolean isUpgrade() {
    return request.getHeader("upgrade") != null || request.getMethod().equals("CONNECT");
  }

  @Override
  public boolean isRefreshedElsewhere() {
    return !site.style.refreshes(request.getRequestURI());
  }

  @Override
  public boolean isNavigation() {
    return request.getMethod().equals("GET")
        && "navigate".equals(request.getHeader("sec-fetch-mode"));
  }

  @Override
  public Denial missing() {
    return Denial.ofMissing(route.policy, site.dpopOrigin != null);
  }

  @Override
  public Denial validate() {
    Credential token = new Credential(Scheme.COOKIE, brought.accessToken());
    Admission admission =
        new Admission.Question(site.client, token, proof, route.policy, route.options).ask();
    session = admission.session();
    return admission.denial();
  }

  @Override
  public Refreshed refresh() {
    if (!brought.hasRefreshForm()) {
      return Refreshed.ofNoForm();
    }
    Bearer bearer = new Bearer(site.device.apply(request), proof);
    Site.Spent spent = site.spend(brought.refreshToken(), bearer);
    if (spent.tokens() != null) {
      tokens = spent.tokens();
      brought = brought.with(tokens);
    }
    return spent.came();
  }

  @Override
  public Duration elapsed() {
    return Duration.ofNanos(site.nanos() - arrived);
  }
}
