package dev.sessiond.servlet;

import jakarta.servlet.http.HttpServletRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/**
 * What is public by name: a path, or one that ends in a slash with all that is below it.
 *
 * <p>Only a path is, that means the same to whoever routes by it, whether or not its escapes are
 * read first.
 */
record PublicPaths(List<String> paths) {
  private static final Set<String> DOTS = Set.of(".", "..");

  boolean has(HttpServletRequest request) {
    String raw = request.getRequestURI().substring(request.getContextPath().length());
    String path = decoded(raw);
    return path != null && isPlain(raw, path) && paths.stream().anyMatch(one -> covers(one, path));
  }

  private static boolean covers(String one, String path) {
    return one.endsWith("/") && !one.equals("/") ? path.startsWith(one) : path.equals(one);
  }

  private static boolean isPlain(String raw, String path) {
    boolean hasParameters = raw.indexOf(';') >= 0 || path.indexOf(';') >= 0;
    boolean hasOtherSlashes = path.indexOf('\\') >= 0 || slashes(raw) != slashes(path);
    return path.startsWith("/") && !hasParameters && !hasOtherSlashes && hasPlainSegments(path);
  }

  private static boolean hasPlainSegments(String path) {
    String[] segments = path.substring(1).split("/", -1);
    for (int i = 0; i < segments.length; i++) {
      boolean isLast = i == segments.length - 1;
      if (DOTS.contains(segments[i]) || (segments[i].isEmpty() && !isLast)) {
        return false;
      }
    }
    return true;
  }

  private static long slashes(String text) {
    return text.chars().filter(character -> character == '/').count();
  }

  /** Null for what cannot be decoded. */
  private static String decoded(String raw) {
    try {
      return URLDecoder.decode(raw.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException error) {
      return null;
    }
  }
}
