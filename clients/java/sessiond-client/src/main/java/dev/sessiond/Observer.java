package dev.sessiond;

/**
 * Told of what a client does as it happens, where it happens: be quick, safe for many threads, and
 * throw nothing. Override what you need. No token, no subject and no key is told.
 */
public interface Observer {
  /** Is told of each verdict on one token. */
  default void validated(Validation validation) {}

  /** Is told of each call to a server, with all its attempts, but for the stream of revocations. */
  default void called(Call call) {}

  /** Is told when the stream of revocations is in another state than before. */
  default void watchChanged(WatchState state) {}
}
