package dev.sessiond;

import io.grpc.Metadata;

/** Who calls: the header that shows it, empty for none. Callers are the same whose header is. */
record Caller(String authorization) {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** The caller with the text of a key. */
  static Caller withKey(String key) {
    String text = key.strip();
    return new Caller(text.isEmpty() ? "" : "Bearer " + text);
  }

  Metadata header() {
    Metadata header = new Metadata();
    if (!authorization.isEmpty()) {
      header.put(AUTHORIZATION, authorization);
    }
    return header;
  }

  @Override
  public String toString() {
    return "Caller[hidden]";
  }
}
