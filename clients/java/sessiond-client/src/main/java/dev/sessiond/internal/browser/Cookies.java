package dev.sessiond.internal.browser;

import dev.sessiond.Tokens;
import dev.sessiond.internal.credentials.Credentials;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The cookies of a session that a request brought. Its text does not show the tokens.
 *
 * @param access how many access tokens
 * @param accessToken empty unless there is one
 * @param refresh how many refresh tokens
 * @param refreshToken empty unless there is one
 * @param parts the numbers of the cookies that have, or had, parts of an access token
 * @param mark says about which refresh token the browser has had an answer; empty for none
 */
public record Cookies(
    Count access,
    String accessToken,
    Count refresh,
    String refreshToken,
    Set<Integer> parts,
    String mark) {
  // The session's id stands behind four other bytes of a token.
  private static final Pattern REFRESH_TOKEN = Pattern.compile("sdr1_([A-Za-z0-9_-]{96})");
  private static final int SESSION_BEGIN = 4;
  private static final int SESSION_END = 20;

  /**
   * Finds the cookies in the values of Cookie headers. An empty one is none, and so is an access
   * token of which parts are missing.
   */
  public static Cookies read(List<String> headers, Style style) {
    List<String> values = new ArrayList<>();
    Set<Integer> parts = new TreeSet<>();
    boolean isSeveral = false;
    for (int number = 1; number <= Parts.MOST; number++) {
      One part = One.of(headers, style.partName(number));
      values.add(part.value);
      isSeveral |= part.count == Count.SEVERAL;
      if (part.count != Count.NONE) {
        parts.add(number);
      }
    }
    String token = isSeveral ? "" : Parts.joined(values);
    Count single = token.isEmpty() ? Count.NONE : Count.ONE;
    One refresh = One.of(headers, style.refreshName());
    String mark = One.of(headers, style.markName()).value;
    Count access = isSeveral ? Count.SEVERAL : single;
    return new Cookies(access, token, refresh.count, refresh.value, parts, mark);
  }

  /** The same with the tokens of a refresh in the place of those that were brought. */
  public Cookies with(Tokens tokens) {
    return new Cookies(
        Count.ONE, tokens.accessToken(), Count.ONE, tokens.refreshToken(), parts, mark);
  }

  /**
   * Whether the browser has had an answer about the refresh token that it brings, and so has no
   * newer one: what it sent before it had that answer does not bring the mark.
   */
  public boolean isMarked() {
    return !refreshToken.isEmpty() && mark.equals(Parts.fingerprint(refreshToken));
  }

  /** Whether the refresh token is of a form that a server would read at all. */
  public boolean hasRefreshForm() {
    return refreshToken.length() <= Style.LARGEST_COOKIE && Credentials.isToken68(refreshToken);
  }

  /** Whether a refresh token is of the same session; one of which that is not known is of none. */
  public boolean isOfSession(String otherToken) {
    String id = sessionOf(refreshToken);
    return !id.isEmpty() && id.equals(sessionOf(otherToken));
  }

  @Override
  public String toString() {
    return "Cookies[hidden]";
  }

  private static String sessionOf(String token) {
    Matcher form = REFRESH_TOKEN.matcher(token);
    if (!form.matches()) {
      return "";
    }
    byte[] bytes = Base64.getUrlDecoder().decode(form.group(1));
    return HexFormat.of().formatHex(bytes, SESSION_BEGIN, SESSION_END);
  }

  private record One(String value, Count count) {
    static One of(List<String> headers, String name) {
      List<String> values = Credentials.cookies(headers, name);
      if (values.size() > 1) {
        return new One("", Count.SEVERAL);
      }
      String value = values.isEmpty() ? "" : values.get(0);
      return new One(value, value.isEmpty() ? Count.NONE : Count.ONE);
    }
  }
}
