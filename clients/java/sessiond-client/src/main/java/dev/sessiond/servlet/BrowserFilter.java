package dev.sessiond.servlet;

import dev.sessiond.internal.browser.Decision;
import dev.sessiond.internal.browser.Texts;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.InvalidRequestException;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;

/** Lets requests of browsers through to a route. */
final class BrowserFilter implements Filter {
  private static final int TEMPORARY_REDIRECT = 307;

  private final Site site;
  private final Visit.Route route;
  private final PublicPaths publicPaths;
  private final SessiondFilter ofTokens;

  BrowserFilter(Site site, Visit.Route route, PublicPaths publicPaths) {
    this.site = site;
    this.route = route;
    this.publicPaths = publicPaths;
    this.ofTokens = site.ofTokens(route);
  }

  @Override
  public void doFilter(ServletRequest given, ServletResponse answer, FilterChain chain)
      throws IOException, ServletException {
    HttpServletRequest request = (HttpServletRequest) given;
    HttpServletResponse response = (HttpServletResponse) answer;
    if (publicPaths.has(request)) {
      chain.doFilter(request, response);
      return;
    }
    Answers.varyByCookie(response);
    if (hasToken(request)) {
      ofTokens.doFilter(request, response, chain);
    } else if (!site.allowsHostOf(request)) {
      deny(request, response, Denial.ofError(Site.wrongHost()));
    } else {
      serve(new Visit(site, route, request), request, response, chain);
    }
  }

  private void serve(
      Visit visit, HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    Decision decision = Decision.of(visit);
    List<String> lines = visit.lines(decision.change());
    switch (decision.outcome()) {
      case DENIED -> {
        put(visit, response, lines);
        deny(request, response, decision.denial());
      }
      case SENT_BACK -> {
        put(visit, response, lines);
        response.setStatus(TEMPORARY_REDIRECT);
        response.setHeader("Location", Texts.self(visit.target()));
      }
      default -> goOn(visit, lines, request, response, chain);
    }
  }

  private void goOn(
      Visit visit,
      List<String> lines,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws IOException, ServletException {
    if (lines.isEmpty() || visit.held() != null) {
      put(visit, response, lines);
      visit.remember();
      chain.doFilter(request, response);
      return;
    }
    HeldResponse held = new HeldResponse(response, site.style, lines);
    visit.hold(held);
    visit.remember();
    chain.doFilter(new HeldRequest(request, held), held);
  }

  /** Has a response bring cookies, in place of those that it was to bring. */
  private void put(Visit visit, HttpServletResponse response, List<String> lines) {
    if (lines.isEmpty()) {
      return;
    }
    if (visit.held() == null) {
      Answers.setCookies(response, site.style, lines);
    } else {
      visit.held().hold(lines);
    }
  }

  private void deny(HttpServletRequest request, HttpServletResponse response, Denial denial)
      throws IOException {
    Answers.deny(request, response, denial, site.renderer);
  }

  /** Whether a request is to be judged by its Authorization header, good or not. */
  private static boolean hasToken(HttpServletRequest request) {
    try {
      List<String> values = SessiondFilter.values(request, "authorization");
      return !Credentials.fromAuthorization(values).isNone();
    } catch (InvalidRequestException error) {
      return true;
    }
  }
}
