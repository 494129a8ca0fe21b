package dev.sessiond.servlet;

import dev.sessiond.Bearer;
import dev.sessiond.Tokens;
import dev.sessiond.internal.browser.Cookies;
import dev.sessiond.internal.browser.Flights;
import dev.sessiond.internal.browser.Refreshed;
import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.CrossSite;
import jakarta.servlet.http.HttpServletRequest;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** What all routes of a site have in common. */
final class Site {
  private static final System.Logger LOGGER = System.getLogger("dev.sessiond");

  final BrowserSessionsBuilder how;
  final Style style;
  private final CrossSite crossSite;
  final Flights flights = new Flights();

  /**
   * What came of a refresh.
   *
   * @param tokens null where there are none
   * @param came the same, and otherwise why
   */
  record Spent(Tokens tokens, Refreshed came) {}

  Site(BrowserSessionsBuilder how) {
    this.how = how;
    style = how.style();
    crossSite = how.crossSite();
  }

  /** A steady time. */
  long nanos() {
    return how.nanos.getAsLong();
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
        flights.refresh(refreshToken, bearer, () -> how.client.refreshAsync(refreshToken, bearer));
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
      return new Spent(null, Refreshed.ofError(causeOf(error)));
    }
  }

  /** Whether these can be kept in cookies: as a header has them, they end none. */
  static boolean areTokens(Tokens tokens) {
    return tokens != null
        && Credentials.isToken68(tokens.accessToken())
        && Credentials.isToken68(tokens.refreshToken());
  }

  static IllegalStateException noTokens() {
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

  private static Throwable causeOf(ExecutionException error) {
    Throwable cause = error.getCause();
    return cause instanceof CompletionException && cause.getCause() != null
        ? cause.getCause()
        : cause;
  }
}
