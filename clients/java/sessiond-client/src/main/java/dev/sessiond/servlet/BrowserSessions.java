package dev.sessiond.servlet;

import dev.sessiond.BrowserClient;
import dev.sessiond.Device;
import dev.sessiond.Policy;
import dev.sessiond.SessiondException;
import dev.sessiond.Target;
import dev.sessiond.Tokens;
import dev.sessiond.ValidateOptions;
import dev.sessiond.internal.browser.Cookies;
import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Instant;
import java.util.List;

/**
 * Keeps browsers' sessions in cookies, and refreshes them within their requests. One is enough for
 * a site: it spends a refresh token once for all requests that bring it at the same time. {@link
 * SessiondFilter#session} has the session of a request that its filters have let through.
 *
 * <p>The cookies are __Host-session, with the access token, and __Host-session-refresh. Where a
 * request brings the second, and an access token that has expired or none, the session is refreshed
 * within the request, which goes on with the new one. A request with an Authorization header is
 * judged by that alone, as a {@link SessiondFilter} does.
 *
 * <p>Of a request that changes something its Sec-Fetch-Site or Origin has to say that this site
 * caused it, or a trusted origin; that is judged before anything is refreshed. So is the opening of
 * a WebSocket, which never refreshes: the new cookies would be lost. A page makes any other request
 * first.
 *
 * <p>Beyond the answers of a {@link SessiondFilter} there are these:
 *
 * <pre>
 * the session has ended          401  the reason of the refresh
 * the browser has newer cookies  307  to the same address, once, where a person waits for a page
 * likewise, for anything else    401  {"error": "session_superseded", "retry": true}: ask again
 * </pre>
 *
 * <p>A session that has ended takes its cookies along when it is told so for the second time: a
 * request may have been sent before somebody logged in, and a cookie is deleted by its name,
 * whatever its value. On an optional route a browser whose session has ended is nobody: it cannot
 * leave its cookies out.
 *
 * <p>New cookies are in the response whatever its handler does to the headers.
 *
 * <p>A browser may hold a request back for long, and send it with the cookies of when it was made.
 * Let sessions.grace of the server be 60s: what comes later with a spent refresh token ends its
 * session.
 */
public final class BrowserSessions {
  private final Site site;

  BrowserSessions(Site site) {
    this.site = site;
  }

  /** Begins the keeper of a site's sessions, over a client. */
  public static BrowserSessionsBuilder builder(BrowserClient client) {
    return new BrowserSessionsBuilder(client);
  }

  /** Lets only requests through whose token fulfils a policy. */
  public Filter require(Policy policy) {
    return require(policy, ValidateOptions.DEFAULT);
  }

  /** Does the same, and asks in a way of its own, such as {@link ValidateOptions#STRICT}. */
  public Filter require(Policy policy, ValidateOptions options) {
    return filter(new Visit.Route(policy, options, false));
  }

  /** Lets requests through too that bring no session, or one that has ended: without a session. */
  public Filter optional(Policy policy) {
    return optional(policy, ValidateOptions.DEFAULT);
  }

  /** Does the same, and asks in a way of its own, such as {@link ValidateOptions#STRICT}. */
  public Filter optional(Policy policy, ValidateOptions options) {
    return filter(new Visit.Route(policy, options, true));
  }

  /**
   * Requires a policy of everything but what is public by name: paths, or those that end in a slash
   * with all that is below them.
   */
  public Filter protect(Policy policy, String... publicPaths) {
    Visit.Route route = new Visit.Route(policy, ValidateOptions.DEFAULT, false);
    return new BrowserFilter(site, route, new PublicPaths(List.of(publicPaths)));
  }

  /**
   * Denies what another site made a browser send, whatever it brings: for the form of a login,
   * which has no cookies yet. Otherwise somebody could be logged in as somebody else.
   */
  public Filter sameSite() {
    return (request, response, chain) -> {
      HttpServletRequest asked = (HttpServletRequest) request;
      if (site.isCrossSite(asked)) {
        HttpServletResponse answer = (HttpServletResponse) response;
        Answers.deny(asked, answer, Denial.ofCrossSite(), site.renderer);
      } else {
        chain.doFilter(request, response);
      }
    };
  }

  /** What is told of the device that a request comes from: say it at the login too. */
  public Device device(HttpServletRequest request) {
    return site.device.apply(request);
  }

  /**
   * Gives a browser the tokens of a login. Where it had a session before, that is ended: whoever
   * knew its cookies has nothing of the new one. Call it before the response is committed; where it
   * throws nothing has been set.
   *
   * @throws CookieTooLargeException the access token fits in no cookie
   * @throws AnswerBegunException the response is committed
   * @throws IllegalArgumentException these are no tokens
   * @throws IllegalStateException the host is not localhost, in development
   */
  public void start(HttpServletRequest request, HttpServletResponse response, Tokens tokens) {
    checkHost(request);
    if (!Site.areTokens(tokens)) {
      throw new IllegalArgumentException(
          "tokens: found none of the form that a cookie takes, allowed are those of a login");
    }
    Cookies brought = site.brought(request);
    Style.Lines lines = site.style.set(tokens, Instant.now(), brought);
    if (!lines.fits()) {
      throw new CookieTooLargeException(tokens.accessToken().length());
    }
    put(request, response, lines.values());
    if (!brought.isOfSession(tokens.refreshToken())) {
      endFormer(brought);
    }
  }

  /**
   * Ends the session that a browser brings, and takes its cookies away. Call it before the response
   * is committed. It needs no filter around it: judged here, as there, is whether another site has
   * caused the request. Where the session could not be ended the cookies stay, so that the browser
   * can try again.
   *
   * @throws CrossSiteException another site may have caused the request
   * @throws SessiondException the session could not be ended
   * @throws AnswerBegunException the session has ended, and the response is committed
   * @throws IllegalStateException the host is not localhost, in development
   */
  public void logout(HttpServletRequest request, HttpServletResponse response) {
    checkHost(request);
    // Whatever a filter has said: it lets requests through that bring no cookies, and the answer to
    // one takes them away all the same.
    if (site.isCrossSite(request)) {
      throw new CrossSiteException();
    }
    Visit visit = Visit.of(site, request);
    Cookies brought = site.brought(request);
    String id = visit == null || visit.session() == null ? "" : visit.session().sessionId();
    Target target = id.isEmpty() ? targetOf(brought) : Target.session(id);
    if (target != null) {
      site.client.revoke(target);
    }
    put(request, response, site.style.clear(brought));
  }

  private Filter filter(Visit.Route route) {
    return new BrowserFilter(site, route, new PublicPaths(List.of()));
  }

  private void checkHost(HttpServletRequest request) {
    if (!site.allowsHostOf(request)) {
      throw Site.wrongHost();
    }
  }

  /** The login is not undone where that fails. */
  private void endFormer(Cookies brought) {
    Target target = targetOf(brought);
    if (target == null) {
      return;
    }
    try {
      site.client.revoke(target);
    } catch (SessiondException error) {
      site.tellNotEnded(error);
    }
  }

  /** Replaces whatever cookies of a session a response was to bring. */
  private void put(HttpServletRequest request, HttpServletResponse response, List<String> lines) {
    if (response.isCommitted()) {
      throw new AnswerBegunException();
    }
    Visit visit = Visit.of(site, request);
    if (visit == null || visit.held() == null) {
      Answers.setCookies(response, site.style, lines);
    } else {
      visit.held().hold(lines);
    }
  }

  /** Null for a browser that brings no session. */
  private static Target targetOf(Cookies brought) {
    if (brought.hasRefreshForm()) {
      return Target.refreshToken(brought.refreshToken());
    }
    return brought.accessToken().isEmpty() ? null : Target.accessToken(brought.accessToken());
  }
}
