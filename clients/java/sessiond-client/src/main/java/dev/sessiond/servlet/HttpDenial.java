package dev.sessiond.servlet;

import dev.sessiond.NextAction;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.HttpTable;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
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
  /** What is told of a denial. */
  public static HttpDenial of(Denial denial) {
    return new HttpDenial(
        HttpTable.status(denial),
        denial.reason(),
        denial.nextAction(),
        denial.retries(),
        HttpTable.headers(denial),
        denial.error());
  }

  /** Writes the response: the status, the headers, and what a renderer makes of it. */
  public void write(
      HttpServletRequest request, HttpServletResponse response, DenialRenderer renderer)
      throws IOException {
    response.setStatus(status);
    for (var header : headers) {
      if (header.getKey().equals(HttpTable.CHALLENGE)) { // there may be several
        response.addHeader(header.getKey(), header.getValue());
      } else {
        response.setHeader(header.getKey(), header.getValue());
      }
    }
    renderer.render(request, response, this);
  }

  /** The body that is sent where nobody says otherwise. */
  public String json() {
    return HttpTable.json(reason, nextAction, retries);
  }
}
