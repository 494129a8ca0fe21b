package dev.sessiond.servlet;

import dev.sessiond.internal.browser.Style;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The heads of responses. */
final class Answers {
  static final String SET_COOKIE = "Set-Cookie";
  static final String CACHE_CONTROL = "Cache-Control";
  static final String VARY = "Vary";

  private Answers() {}

  static void deny(
      HttpServletRequest request,
      HttpServletResponse response,
      Denial denial,
      DenialRenderer renderer)
      throws IOException {
    denial.log(request.getServletPath());
    HttpDenial.of(denial).write(request, response, renderer);
  }

  /**
   * Gives a response cookies of a session in place of any that it has; such a response is for
   * nobody else (RFC 9111 section 7.3).
   */
  static void setCookies(HttpServletResponse response, Style style, List<String> lines) {
    List<String> all = new ArrayList<>();
    response.getHeaders(SET_COOKIE).stream().filter(line -> !style.isOurs(line)).forEach(all::add);
    all.addAll(lines);
    response.setHeader(SET_COOKIE, all.get(0));
    all.stream().skip(1).forEach(line -> response.addHeader(SET_COOKIE, line));
    response.setHeader(CACHE_CONTROL, "no-store");
    varyByCookie(response);
  }

  static void varyByCookie(HttpServletResponse response) {
    boolean varies =
        response.getHeaders(VARY).stream()
            .flatMap(value -> Arrays.stream(value.split(",")))
            .anyMatch(name -> name.strip().equalsIgnoreCase("Cookie"));
    if (!varies) {
      response.addHeader(VARY, "Cookie");
    }
  }
}
