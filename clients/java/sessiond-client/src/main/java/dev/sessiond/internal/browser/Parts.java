package dev.sessiond.internal.browser;

import dev.sessiond.internal.hashedid.HashedId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * An access token that is too large for one cookie is in two or three. The first has the name of
 * all, and its value is COUNT:CHECK:TEXT; the others are called -2 and -3 behind that name, and
 * have the rest of the text. CHECK is that of the whole: parts of different tokens are never taken
 * for one. No token has a colon.
 */
final class Parts {
  static final int MOST = 3;
  private static final int CHECK_BYTES = 8;

  private Parts() {}

  /**
   * The values of the cookies that have a token, as few as there is room for; empty where it does
   * not fit.
   */
  static List<String> split(String token, IntUnaryOperator room) {
    for (int count = 2; count <= MOST; count++) {
      String rest = count + ":" + fingerprint(token) + ":" + token;
      List<String> values = new ArrayList<>();
      for (int number = 1; number <= count; number++) {
        int size = Math.min(room.applyAsInt(number), rest.length());
        values.add(rest.substring(0, size));
        rest = rest.substring(size);
      }
      if (rest.isEmpty()) {
        return values;
      }
    }
    return List.of();
  }

  /**
   * The token in the values of cookies, of which the first may be all; empty where the set is not
   * complete.
   */
  static String joined(List<String> values) {
    String[] head = values.get(0).split(":", 3);
    if (head.length == 1) {
      return head[0];
    }
    if (head.length < 3 || !head[0].matches("[2-" + MOST + "]")) {
      return "";
    }
    int count = Integer.parseInt(head[0]);
    String token = head[2] + String.join("", values.subList(1, count));
    return fingerprint(token).equals(head[1]) ? token : "";
  }

  /** Tells tokens apart, and nothing else of them. */
  static String fingerprint(String token) {
    byte[] hash = HashedId.digest(token.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(hash, 0, CHECK_BYTES);
  }
}
