package dev.sessiond.internal.credentials;

import java.net.URI;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * Which requests with a cookie another site may have caused.
 *
 * @param trusted further origins whose pages may send cookies
 * @param allowsMissing lets what says nothing of where it comes from through
 */
public record CrossSite(Set<String> trusted, boolean allowsMissing) {
  // Methods that change nothing (RFC 9110 section 9.2.1).
  private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS");

  /** Keeps a copy of the origins. */
  public CrossSite {
    trusted = Set.copyOf(trusted);
  }

  /**
   * Judges by what browsers say of a request, and scripts in them cannot: there is no token to be
   * kept, or to be stolen. That of a sibling domain (same-site) is another's. What changes
   * something has to say where it comes from: who says nothing may be a browser of old, or one
   * whose proxy has dropped what it said.
   *
   * @param headers gives all values under a name in small letters
   */
  public boolean forbids(String method, String host, Function<String, List<String>> headers) {
    // A WebSocket, and whatever else opens a stream both ways, begins with a method that is safe.
    if (SAFE.contains(method) && headers.apply("upgrade").isEmpty()) {
      return false;
    }
    List<String> sites = headers.apply("sec-fetch-site");
    List<String> origins = headers.apply("origin");
    if (sites.size() > 1 || origins.size() > 1) {
      return true;
    }
    if (origins.size() == 1 && trusted.contains(origins.get(0))) {
      return false;
    }
    if (sites.size() == 1) {
      return !sites.get(0).equals("same-origin") && !sites.get(0).equals("none");
    }
    return origins.size() == 1 ? !isHost(origins.get(0), host) : !allowsMissing;
  }

  private static boolean isHost(String origin, String host) {
    try {
      return host != null && host.equalsIgnoreCase(URI.create(origin).getAuthority());
    } catch (IllegalArgumentException error) {
      return false;
    }
  }
}
