package dev.sessiond;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Texts as they can be sent. */
final class Texts {
  /** The most of a token that any server reads: of a longer one it gets as much as shows that. */
  private static final int LONGEST_TOKEN = 64 << 10;

  private static final int LONGEST_USER_AGENT = 256; // bytes; in-app browsers send more
  private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");
  private static final char REPLACEMENT = '\uFFFD';

  private Texts() {}

  /** What is sent of an access token: a server says of it what it would have said of all of it. */
  static String token(String token) {
    return sendable(cut(token));
  }

  /** As much of an access token as is looked at. */
  static String cut(String token) {
    return token.length() > LONGEST_TOKEN ? token.substring(0, LONGEST_TOKEN + 1) : token;
  }

  /** A text without halves of characters: in their place stands one that no token has. */
  static String sendable(String text) {
    if (isWellFormed(text)) {
      return text;
    }
    StringBuilder mended = new StringBuilder(text);
    for (int i = 0; i < mended.length(); i++) {
      if (isHalf(mended, i)) {
        mended.setCharAt(i, REPLACEMENT);
      }
    }
    return mended.toString();
  }

  /** Whether a text has no half of a character. */
  static boolean isWellFormed(CharSequence text) {
    for (int i = 0; i < text.length(); i++) {
      if (isHalf(text, i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * As much of a user agent as a server takes, cut on a character. In place of a control character
   * stands a blank: a server refuses them, and whoever visits can send them.
   */
  static String userAgent(String given) {
    String text = CONTROL.matcher(sendable(given)).replaceAll(" ");
    while (text.getBytes(StandardCharsets.UTF_8).length > LONGEST_USER_AGENT) {
      int end = Math.min(text.length() - 1, LONGEST_USER_AGENT);
      text = text.substring(0, Character.isLowSurrogate(text.charAt(end)) ? end - 1 : end);
    }
    return text;
  }

  private static boolean isHalf(CharSequence text, int at) {
    char found = text.charAt(at);
    if (Character.isHighSurrogate(found)) {
      return at + 1 == text.length() || !Character.isLowSurrogate(text.charAt(at + 1));
    }
    return Character.isLowSurrogate(found)
        && (at == 0 || !Character.isHighSurrogate(text.charAt(at - 1)));
  }
}
