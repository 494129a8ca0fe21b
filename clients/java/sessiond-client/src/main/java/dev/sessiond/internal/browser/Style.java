package dev.sessiond.internal.browser;

import dev.sessiond.Tokens;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What the cookies of a session look like.
 *
 * @param isDevelopment for http://localhost: without __Host- and Secure, which not every browser
 *     takes there
 * @param refreshPath the one path to which the refresh token is sent; empty for all
 * @param splits an access token that is too large for one cookie goes into several
 */
public record Style(boolean isDevelopment, String refreshPath, boolean splits) {
  /**
   * What browsers take of a cookie's name, value and attributes together (RFC 6265 section 6.1).
   * They drop a larger one, and tell nobody.
   */
  static final int LARGEST_COOKIE = 4096;

  /** Longer than whoever is told that a session has ended takes to make another request. */
  private static final Duration MARK_LIFETIME = Duration.ofHours(1);

  private static final String AT_ONCE = "; Max-Age=0";
  private static final Pattern PORT = Pattern.compile(":\\d*$");
  private static final Pattern LOCAL =
      Pattern.compile("(?:(?:.*\\.)?localhost|127\\.0\\.0\\.1|\\[::1])");

  /**
   * Values of Set-Cookie. They are in the order in which a browser takes them: a request in between
   * has the new access token, and so does not spend the new refresh token.
   *
   * @param fits whether there was room for the access token; it is left as it is otherwise
   */
  public record Lines(List<String> values, boolean fits) {}

  /** Refuses a path that has no meaning, as that is a mistake in the program. */
  public static String requireRefreshPath(String path) {
    boolean isLonger = path.length() > 1 && !path.endsWith("/");
    if (!isLonger || !path.chars().allMatch(Style::isOfPath) || !path.startsWith("/")) {
      throw new IllegalArgumentException(
          "refresh path: found " + path + ", allowed is one such as /session");
    }
    return path;
  }

  /**
   * The name of the cookie with the access token. The prefix binds it to its host: no subdomain can
   * set it (RFC 6265bis section 4.1.3.2).
   */
  public String accessName() {
    return prefix() + "session";
  }

  /** That of the refresh token; a path of its own costs the better prefix, which wants all. */
  public String refreshName() {
    boolean hasPath = !refreshPath.isEmpty() && !isDevelopment;
    return (hasPath ? "__Secure-" : prefix()) + "session-refresh";
  }

  /** That of the cookie which says about which refresh token a browser has had an answer. */
  public String markName() {
    return prefix() + "session-mark";
  }

  /** Whether cookies may be set for a host: those of development for this machine alone. */
  public boolean allowsHost(String host) {
    if (!isDevelopment) {
      return true;
    }
    String name = host == null ? "" : host.toLowerCase(Locale.ROOT);
    return LOCAL.matcher(PORT.matcher(name).replaceFirst("")).matches() || name.equals("::1");
  }

  /** Whether a browser sends the refresh token to a path (RFC 6265 section 5.1.4). */
  public boolean refreshes(String path) {
    return refreshPath.isEmpty() || path.equals(refreshPath) || path.startsWith(refreshPath + "/");
  }

  /**
   * Gives a browser its tokens, and takes away the parts of an access token that it brought and
   * needs no more.
   */
  public Lines set(Tokens tokens, Instant now, Cookies brought) {
    String age = maxAge(tokens.accessExpireTime(), now);
    List<String> access = accessLines(tokens.accessToken(), age);
    List<String> lines = new ArrayList<>(access);
    if (!access.isEmpty()) {
      lines.addAll(clearedParts(brought, access.size()));
    }
    lines.add(refreshLine(tokens.refreshToken(), maxAge(tokens.refreshExpireTime(), now)));
    return new Lines(lines, !access.isEmpty());
  }

  /** Takes everything from a browser. */
  public List<String> clear(Cookies brought) {
    List<String> lines = new ArrayList<>();
    lines.add(line(accessName(), "", AT_ONCE));
    lines.addAll(clearedParts(brought, 1));
    lines.add(refreshLine("", AT_ONCE));
    if (!brought.mark().isEmpty()) {
      lines.add(line(markName(), "", AT_ONCE));
    }
    return lines;
  }

  /**
   * Says about which refresh token this is an answer. Who brings both again has had it, and has
   * nothing newer.
   */
  public List<String> mark(Cookies brought) {
    String age = "; Max-Age=" + MARK_LIFETIME.toSeconds();
    return List.of(line(markName(), Parts.fingerprint(brought.refreshToken()), age));
  }

  /** Whether a value of Set-Cookie, or the name of a cookie, is one of a session's own. */
  public boolean isOurs(String line) {
    int end = line.indexOf('=');
    String name = end < 0 ? line : line.substring(0, end);
    boolean isPart = false;
    for (int number = 1; number <= Parts.MOST; number++) {
      isPart |= name.equals(partName(number));
    }
    return isPart || name.equals(refreshName()) || name.equals(markName());
  }

  /** The name of the cookie with a part of the access token; the first has the name of all. */
  String partName(int number) {
    return number == 1 ? accessName() : accessName() + "-" + number;
  }

  // A browser has one cookie of a name for all ports of localhost, and frameworks call their own
  // session.
  private String prefix() {
    return isDevelopment ? "dev-" : "__Host-";
  }

  /** None for a token that does not fit. */
  private List<String> accessLines(String token, String age) {
    String whole = line(accessName(), token, age);
    if (whole.getBytes(StandardCharsets.UTF_8).length <= LARGEST_COOKIE) {
      return List.of(whole);
    }
    if (!splits) {
      return List.of();
    }
    List<String> values =
        Parts.split(token, number -> LARGEST_COOKIE - line(partName(number), "", age).length());
    List<String> lines = new ArrayList<>();
    for (String value : values) {
      lines.add(line(partName(lines.size() + 1), value, age));
    }
    return lines;
  }

  private List<String> clearedParts(Cookies brought, int kept) {
    return brought.parts().stream()
        .filter(number -> number > kept)
        .sorted()
        .map(number -> line(partName(number), "", AT_ONCE))
        .toList();
  }

  private String refreshLine(String value, String age) {
    return line(refreshName(), value, refreshPath.isEmpty() ? "/" : refreshPath, age);
  }

  private String line(String name, String value, String age) {
    return line(name, value, "/", age);
  }

  private String line(String name, String value, String path, String age) {
    String secure = isDevelopment ? "" : "; Secure";
    return name + "=" + value + "; Path=" + path + age + "; HttpOnly" + secure + "; SameSite=Lax";
  }

  /**
   * The attribute of what expires: whole seconds, so that a cookie goes before its token does. It
   * is a second at least: a clock that is wrong deletes nothing. What expires nobody knows when
   * goes with the browser.
   */
  private static String maxAge(Instant expires, Instant now) {
    return expires == null
        ? ""
        : "; Max-Age=" + Math.max(1, Duration.between(now, expires).toSeconds());
  }

  /** Leaves out what ends the attribute of a cookie, or is written in another way in a path. */
  private static boolean isOfPath(int character) {
    return character > ' ' && character <= '~' && ";,\"\\?#%".indexOf(character) < 0;
  }
}
