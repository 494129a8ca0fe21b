package dev.sessiond.servlet;

import dev.sessiond.Bearer;
import dev.sessiond.BrowserClient;
import dev.sessiond.Device;
import dev.sessiond.Tokens;
import dev.sessiond.internal.browser.Cookies;
import dev.sessiond.internal.browser.Flights;
import dev.sessiond.internal.browser.Refreshed;
import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.CrossSite;
import jakarta.servlet.http.HttpServletRequest;
import java.lang.System.Logger.Level;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** What all routes of a site have in common. */
final class Site {
  private static final System.Logger LOGGER = System.getLogger("dev.sessiond");

  final BrowserClient client;
  final Style style;
  final String dpopOrigin; // null where no proofs are taken
  final Function<HttpServletRequest, X509Certificate> certificate;
  final Function<HttpServletRequest, Device> device;
  final DenialRenderer renderer;
  final Flights flights = new Flights();
  private final CrossSite crossSite;
  private final LongSupplier nanos;

  /**
   * What came of a refresh.
   *
   * @param tokens null where there are none
   * @param came the same, and otherwise why
   */
  record Spent(Tokens tokens, Refreshed came) {}

  Site(BrowserSessionsBuilder how) {
    client = how.client;
    style = how.style();
    dpopOrigin = how.dpopOrigin;
    certificate = how.certificate;
    device = how.device;
    renderer = how.renderer;
    crossSite = how.crossSite();
    nanos = how.nanos;
  }

  /** The filter of a route for requests that have a token in their Authorization header. */
  SessiondFilter ofTokens(Visit.Route route) {
    SessiondFilterBuilder filter =
        SessiondFilter.builder(client, route.policy())
            .options(route.options())
            .certificates(certificate)
            .renderer(renderer);
    if (dpopOrigin != null) {
      filter.dpop(dpopOrigin);
    }
    return route.isOptional() ? filter.optional().build() : filter.build();
  }

  /** A steady time. */
  long nanos() {
    return nanos.getAsLong();
  }

  Cookies brought(HttpServletRequest request) {
    return Cookies.read(SessiondFilter.values(request, "cookie"), style);
  }

  boolean allowsHostOf(HttpServletRequest request) {
    return style.allowsHost(request.getHeader("host"));
  }

  /** Whether another site may have caused a request. */
  boolean isCrossSite(HttpServletRequest request) {
    return crossSite.forbids(
        request.getMethod(),
        request.getHeader("host"),
        name -> SessiondFilter.values(request, name));
  }

  /** Spends a refresh token, once for all who bring it at the same time, and waits for that. */
  Spent spend(String refreshToken, Bearer bearer) {
    Optional<CompletableFuture<Tokens>> flight =
        flights.refresh(refreshToken, bearer, () -> client.refreshAsync(refreshToken, bearer));
    if (flight.isEmpty()) {
      return new Spent(null, Refreshed.ofUndecided());
    }
    try {
      Tokens tokens = flight.get().get();
      return areTokens(tokens)
          ? new Spent(tokens, Refreshed.done())
          : new Spent(null, Refreshed.ofError(noTokens()));
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      return new Spent(null, Refreshed.ofUndecided());
    } catch (ExecutionException error) {
      return new Spent(null, Refreshed.ofError(error.getCause()));
    }
  }

  /** Whether these can be kept in cookies: as a header has them, they end none. */
  static boolean areTokens(Tokens tokens) {
    return tokens != null
        && Credentials.isToken68(tokens.accessToken())
        && Credentials.isToken68(tokens.refreshToken());
  }

  private static IllegalStateException noTokens() {
    return new IllegalStateException("there are no tokens of the form that a cookie takes");
  }

  static IllegalStateException wrongHost() {
    return new IllegalStateException(
        "host: found another one, allowed is localhost: for any other leave development out, and"
            + " use https");
  }

  void tellTooLarge(int bytes) {
    LOGGER.log(
        Level.ERROR,
        "a refreshed access token of {0} bytes is too large for its cookie: each request refreshes"
            + " anew",
        Integer.toString(bytes));
  }

  void tellNotEnded(RuntimeException error) {
    LOGGER.log(
        Level.WARNING, "the session of before a login is not ended: {0}", error.getMessage());
  }
}
