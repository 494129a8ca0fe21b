package dev.sessiond.internal.credentials;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the token of a request, where exactly one can be meant. */
public final class Credentials {
  // RFC 9110 section 5.6.2 has the characters of a scheme, and section 11.2 those of a token.
  private static final Pattern SCHEME = Pattern.compile("[!#$%&'*+\\-.^_`|~0-9A-Za-z]*");
  private static final Pattern TOKEN_68 = Pattern.compile("[0-9A-Za-z\\-._~+/]+=*");
  private static final Pattern BLANKS_AND_TOKEN = Pattern.compile(" +(" + TOKEN_68 + ")");

  private Credentials() {}

  /** The token in Authorization headers; another scheme, or none, is no token of ours. */
  public static Credential fromAuthorization(List<String> values) throws InvalidRequestException {
    if (values.isEmpty()) {
      return Credential.NONE;
    }
    if (values.size() > 1) {
      throw new InvalidRequestException();
    }
    String value = values.get(0);
    Matcher start = SCHEME.matcher(value);
    String name = start.lookingAt() ? start.group() : "";
    Scheme scheme;
    if (name.equalsIgnoreCase("Bearer")) {
      scheme = Scheme.BEARER;
    } else if (name.equalsIgnoreCase("DPoP")) {
      scheme = Scheme.DPOP;
    } else {
      return Credential.NONE;
    }
    Matcher token = BLANKS_AND_TOKEN.matcher(value.substring(name.length()));
    if (!token.matches()) {
      throw new InvalidRequestException();
    }
    return new Credential(scheme, token.group(1));
  }

  /**
   * The cookie of a name in Cookie headers. An empty one is none: so a browser says that it was
   * cleared. What it holds is for the server to judge: who has a broken cookie has to log in again.
   */
  public static Credential fromCookies(List<String> lines, String name)
      throws InvalidRequestException {
    List<String> found = cookies(lines, name);
    if (found.size() > 1) {
      throw new InvalidRequestException();
    }
    return new Credential(Scheme.COOKIE, found.isEmpty() ? "" : found.get(0));
  }

  /** The values of all cookies of a name in Cookie headers. */
  public static List<String> cookies(List<String> lines, String name) {
    List<String> found = new ArrayList<>();
    for (String line : lines) {
      for (String part : line.split(";")) {
        String pair = part.strip();
        int equals = pair.indexOf('=');
        if (equals >= 0 && pair.substring(0, equals).equals(name)) {
          found.add(pair.substring(equals + 1));
        }
      }
    }
    return found;
  }

  /**
   * Whether a text has the form of a token (RFC 6750 section 2.1): what has a blank or a comma in
   * it could be taken for two.
   */
  public static boolean isToken68(String text) {
    return TOKEN_68.matcher(text).matches();
  }
}
