package dev.sessiond.servlet;

import dev.sessiond.NextAction;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Kind;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a request is told over HTTP that does not get through.
 *
 * @param status the status of the response
 * @param reason that of a rejection, or one of NO_CREDENTIALS, INVALID_REQUEST, CROSS_SITE,
 *     UNAVAILABLE and INTERNAL
 * @param nextAction null where the client can do nothing but repeat the request
 * @param retries says that a page may make the same request again at once, as its browser has newer
 *     cookies by now
 * @param headers pairs of name and value that the status needs
 * @param cause why, and not for the client; null where nothing failed
 */
public record HttpDenial(
    int status,
    String reason,
    NextAction nextAction,
    boolean retries,
    List<Map.Entry<String, String>> headers,
    Throwable cause) {
  private static final String CHALLENGE = "WWW-Authenticate";
  private static final Map<Kind, Integer> STATUSES =
      Map.of(
          Kind.NO_CREDENTIALS, 401,
          Kind.INVALID_REQUEST, 400,
          Kind.CROSS_SITE, 403,
          Kind.NO_POLICY, 403,
          Kind.INSUFFICIENT, 403,
          Kind.REJECTED, 401,
          Kind.UNAVAILABLE, 503,
          Kind.MISCONFIGURED, 500);

  /** What is told of a denial. */
  public static HttpDenial of(Denial denial) {
    List<Map.Entry<String, String>> headers = new ArrayList<>();
    headers.add(Map.entry("Cache-Control", "no-store"));
    denial.challenges().forEach(value -> headers.add(Map.entry(CHALLENGE, value)));
    if (denial.kind() == Kind.UNAVAILABLE) {
      headers.add(Map.entry("Retry-After", wholeSeconds(denial.retryAfter())));
    }
    return new HttpDenial(
        STATUSES.get(denial.kind()),
        denial.reason(),
        denial.nextAction(),
        denial.retries(),
        headers,
        denial.error());
  }

  /** Writes the response: the status, the headers, and what a renderer makes of it. */
  public void write(
      HttpServletRequest request, HttpServletResponse response, DenialRenderer renderer)
      throws IOException {
    response.setStatus(status);
    for (var header : headers) {
      if (header.getKey().equals(CHALLENGE)) { // there may be several
        response.addHeader(header.getKey(), header.getValue());
      } else {
        response.setHeader(header.getKey(), header.getValue());
      }
    }
    renderer.render(request, response, this);
  }

  /** The body that is sent where nobody says otherwise. */
  public String json() {
    // Neither has a character that would have to be escaped.
    String action = nextAction == null ? "" : ", \"next_action\": \"" + nextAction + "\"";
    String retry = retries ? ", \"retry\": true" : "";
    return "{\"error\": \"" + reason + "\"" + action + retry + "}\n";
  }

  /** Never too early (RFC 9110 section 10.2.3). */
  private static String wholeSeconds(Duration span) {
    return Long.toString(span.getSeconds() + (span.getNano() > 0 ? 1 : 0));
  }
}
