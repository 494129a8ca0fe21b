package dev.sessiond.servlet;

import dev.sessiond.internal.browser.Style;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A response that has cookies of a session when it is committed, whatever its handler does to the
 * headers until then: it can neither drop them, nor let a cache keep them for others. They are in
 * the head of the container's response all the time, so that they are there too where that is
 * committed past this.
 */
final class HeldResponse extends HttpServletResponseWrapper {
  private static final Set<String> KEPT = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);

  static {
    KEPT.addAll(Set.of(Answers.SET_COOKIE, Answers.CACHE_CONTROL, Answers.VARY));
  }

  private final HttpServletResponse inner;
  private final Style style;
  private List<String> lines;

  HeldResponse(HttpServletResponse inner, Style style, List<String> lines) {
    super(inner);
    this.inner = inner;
    this.style = style;
    hold(lines);
  }

  /** Has the response bring cookies, in place of those that it was to bring. */
  void hold(List<String> newLines) {
    lines = List.copyOf(newLines);
    keep();
  }

  @Override
  public void addCookie(Cookie cookie) {
    super.addCookie(cookie);
    keep();
  }

  @Override
  public void setHeader(String name, String value) {
    super.setHeader(name, value);
    keep(name);
  }

  @Override
  public void addHeader(String name, String value) {
    super.addHeader(name, value);
    keep(name);
  }

  @Override
  public void reset() {
    super.reset();
    keep();
  }

  private void keep(String changed) {
    if (changed != null && KEPT.contains(changed)) {
      keep();
    }
  }

  private void keep() {
    if (!isCommitted()) {
      Answers.setCookies(inner, style, lines);
    }
  }
}
