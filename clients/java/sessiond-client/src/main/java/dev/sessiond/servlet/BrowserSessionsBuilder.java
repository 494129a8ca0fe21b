package dev.sessiond.servlet;

import dev.sessiond.BrowserClient;
import dev.sessiond.Device;
import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.browser.Texts;
import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.credentials.CrossSite;
import dev.sessiond.internal.credentials.Proofs;
import jakarta.servlet.http.HttpServletRequest;
import java.security.cert.X509Certificate;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Says how browsers' sessions are kept. */
public final class BrowserSessionsBuilder {
  final BrowserClient client;
  private final Set<String> trusted = new HashSet<>();
  private boolean allowsMissing;
  private boolean isDevelopment;
  private boolean splits;
  private String refreshPath = "";
  String dpopOrigin;
  Function<HttpServletRequest, X509Certificate> certificate = request -> null;
  DenialRenderer renderer = DenialRenderer.JSON;
  LongSupplier nanos = () -> Clock.SYSTEM.now().steady();
  Function<HttpServletRequest, Device> device =
      request -> new Device("", Texts.decoded(request.getHeader("user-agent")), "");

  BrowserSessionsBuilder(BrowserClient client) {
    this.client = client;
  }

  /**
   * For {@code http://localhost} alone, where not every browser takes Secure cookies: they have
   * neither that nor the prefix __Host-, but dev- instead. Requests to another host are refused.
   */
  public BrowserSessionsBuilder development() {
    this.isDevelopment = true;
    return this;
  }

  /**
   * Has an access token that is too large for one cookie in up to three: some providers issue
   * tokens of more than 4,096 bytes. The container, and what stands in front of it, have to take
   * headers of that size.
   */
  public BrowserSessionsBuilder splitCookies() {
    this.splits = true;
    return this;
  }

  /**
   * Has browsers send the refresh token to one path alone, such as {@code /session}, as browsers
   * see it, and to what is below it. A page refreshes there: the path needs a filter that requires
   * a session or takes one, and a handler that does nothing. Elsewhere a request without a good
   * access token is answered 401 with the next action REFRESH.
   *
   * <p>Let logins and logouts be below it too: elsewhere they do not know which session to end,
   * once the access token has expired. The cookie loses the prefix __Host-, which wants the path to
   * be /, and with it the protection from a subdomain that sets one.
   */
  public BrowserSessionsBuilder refreshPath(String path) {
    this.refreshPath = Style.requireRefreshPath(path);
    return this;
  }

  /**
   * Says what is told of the device that a request comes from; that is its user agent unless this
   * says otherwise. A server takes a refresh with another user agent or label for another device's,
   * which has to be the same for all requests of a browser at a time.
   */
  public BrowserSessionsBuilder device(Function<HttpServletRequest, Device> device) {
    this.device = device;
    return this;
  }

  /** Has further origins whose pages may send cookies, such as {@code https://app.example}. */
  public BrowserSessionsBuilder trustOrigins(String... origins) {
    for (String origin : origins) {
      trusted.add(Proofs.requireOrigin(origin));
    }
    return this;
  }

  /** As {@link SessiondFilterBuilder#allowMissingOrigin}. */
  public BrowserSessionsBuilder allowMissingOrigin() {
    this.allowsMissing = true;
    return this;
  }

  /** As {@link SessiondFilterBuilder#dpop}, of requests that have an Authorization header. */
  public BrowserSessionsBuilder dpop(String origin) {
    this.dpopOrigin = Proofs.requireOrigin(origin);
    return this;
  }

  /** As {@link SessiondFilterBuilder#certificates}, and of refreshes too. */
  public BrowserSessionsBuilder certificates(
      Function<HttpServletRequest, X509Certificate> certificate) {
    this.certificate = certificate;
    return this;
  }

  /** Writes the responses to requests that are denied in a form of one's own. */
  public BrowserSessionsBuilder renderer(DenialRenderer renderer) {
    this.renderer = renderer;
    return this;
  }

  /** Reads another steady clock, for tests. */
  BrowserSessionsBuilder nanos(LongSupplier nanos) {
    this.nanos = nanos;
    return this;
  }

  /** Makes the keeper of a site's sessions. */
  public BrowserSessions build() {
    return new BrowserSessions(new Site(this));
  }

  Style style() {
    return new Style(isDevelopment, refreshPath, splits);
  }

  CrossSite crossSite() {
    return new CrossSite(trusted, allowsMissing);
  }
}
