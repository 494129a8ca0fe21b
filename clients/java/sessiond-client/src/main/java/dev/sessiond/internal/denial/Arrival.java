package dev.sessiond.internal.denial;

import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a middleware has to know of a request over HTTP, whatever serves it.
 *
 * @param method as the request has it
 * @param path as the client wrote it, escapes and all, without the query
 * @param headers gives all values under a name in small letters
 * @param certificate the client certificate that counts for the request; it gives null for none
 */
public record Arrival(
    String method,
    String path,
    Function<String, List<String>> headers,
    Supplier<X509Certificate> certificate) {
  /** A request of which no client certificate is looked at. */
  public Arrival(String method, String path, Function<String, List<String>> headers) {
    this(method, path, headers, () -> null);
  }

  List<String> values(String name) {
    return headers.apply(name);
  }

  /** Null where the request names none. */
  String host() {
    List<String> hosts = values("host");
    return hosts.isEmpty() ? null : hosts.get(0);
  }
}
