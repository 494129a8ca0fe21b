package dev.sessiond.internal.denial;

import dev.sessiond.NextAction;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How denials are told over HTTP, whatever serves it. */
public final class HttpTable {
  /** The header of which there may be several. */
  public static final String CHALLENGE = "WWW-Authenticate";

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

  private HttpTable() {}

  /** The status of a denial. */
  public static int status(Denial denial) {
    return STATUSES.get(denial.kind());
  }

  /** The headers that the status needs, as pairs of name and value. */
  public static List<Map.Entry<String, String>> headers(Denial denial) {
    List<Map.Entry<String, String>> headers = new ArrayList<>();
    headers.add(Map.entry("Cache-Control", "no-store"));
    denial.challenges().forEach(value -> headers.add(Map.entry(CHALLENGE, value)));
    if (denial.kind() == Kind.UNAVAILABLE) {
      headers.add(Map.entry("Retry-After", wholeSeconds(denial.retryAfter())));
    }
    return headers;
  }

  /** The body that is sent where nobody says otherwise; the action is null for none. */
  public static String json(String reason, NextAction nextAction, boolean retries) {
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
