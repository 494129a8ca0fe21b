package dev.sessiond.internal.browser;

import java.nio.charset.StandardCharsets;

/** Texts of a browser's request. */
public final class Texts {
  private Texts() {}

  /**
   * Where a browser is sent that is to make the same request again: a reference relative to its own
   * address (RFC 3986 section 5.2), which leads to no other host whatever the target is. It holds
   * behind a proxy too that puts something in front of the path.
   */
  public static String self(String target) {
    int question = target.indexOf('?');
    String path = question < 0 ? target : target.substring(0, question);
    String query = question < 0 ? "" : target.substring(question);
    return "./" + path.substring(path.lastIndexOf('/') + 1) + query;
  }

  /** The text of a header, which containers read as ISO 8859-1; null is empty. */
  public static String decoded(String header) {
    return header == null
        ? ""
        : new String(header.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }
}
