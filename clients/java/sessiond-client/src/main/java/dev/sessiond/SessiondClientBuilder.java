package dev.sessiond;

import io.grpc.ManagedChannelBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Says how a client is to be made. */
public final class SessiondClientBuilder {
  final String target;
  Supplier<Caller> caller = fixed("");
  Tls tls;
  boolean isInsecure;
  Duration timeout = Duration.ofSeconds(1);
  Duration providerTimeout =
      Duration.ofSeconds(12); // a server has 10 s for an exchange at a provider
  CacheOptions cache = CacheOptions.DEFAULT;
  boolean isBatching = true;
  Observer observer = Observers.NOBODY;
  Executor executor = Timers.SHARED;
  Consumer<ManagedChannelBuilder<?>> channel = builder -> {};

  SessiondClientBuilder(String target) {
    this.target = target;
  }

  /** Shows who calls by the text of a key. */
  public SessiondClientBuilder key(String key) {
    caller = fixed(key);
    return this;
  }

  /**
   * Shows who calls by the key in a file, which is read anew when it changes.
   *
   * @throws IllegalStateException it cannot be read now; a call throws it where it cannot be read
   *     later
   */
  public SessiondClientBuilder key(Path file) {
    caller = new KeyFile(file);
    return this;
  }

  /**
   * Shows who calls by the key that a function gives. It is asked for every call, answers from
   * memory included, and has to be quick and safe for many threads. What it throws, the call
   * throws.
   */
  public SessiondClientBuilder key(Supplier<String> key) {
    caller = () -> Caller.withKey(key.get());
    return this;
  }

  /** Encrypts the connection. */
  public SessiondClientBuilder tls(Tls tls) {
    this.tls = tls;
    return this;
  }

  /**
   * Allows a connection in clear beyond this machine, where something else keeps the network
   * secret: the caller's key and the users' tokens go over it.
   */
  public SessiondClientBuilder insecure() {
    isInsecure = true;
    return this;
  }

  /** Sets the time that a call has with all its attempts, one second by default. */
  public SessiondClientBuilder timeout(Duration timeout) {
    this.timeout = positive("timeout", timeout);
    return this;
  }

  /**
   * Sets the time of calls for which a provider may have to be asked: those that open or refresh a
   * session. It is 12 seconds by default.
   */
  public SessiondClientBuilder providerTimeout(Duration timeout) {
    this.providerTimeout = positive("provider timeout", timeout);
    return this;
  }

  /** Bounds what is kept. */
  public SessiondClientBuilder cache(CacheOptions cache) {
    this.cache = cache;
    return this;
  }

  /** Keeps nothing: a server is asked every time, and no revocations are followed. */
  public SessiondClientBuilder withoutCache() {
    this.cache = null;
    return this;
  }

  /**
   * Asks about each token in a call of its own. Otherwise what comes while two calls are under way
   * goes together in the next one.
   */
  public SessiondClientBuilder withoutBatching() {
    this.isBatching = false;
    return this;
  }

  /** Tells an observer what is done, beside those that are told already. */
  public SessiondClientBuilder observer(Observer observer) {
    this.observer = Observers.both(this.observer, observer);
    return this;
  }

  /**
   * Sets where callers of asynchronous methods go on, which may block there: by default on threads
   * that come and go as they are needed.
   */
  public SessiondClientBuilder executor(Executor executor) {
    this.executor = executor;
    return this;
  }

  /**
   * Sets options of gRPC, such as interceptors. They come last, and can undo what this client
   * relies on.
   */
  public SessiondClientBuilder channel(Consumer<ManagedChannelBuilder<?>> options) {
    this.channel = options;
    return this;
  }

  /**
   * Makes the client, which connects in the background.
   *
   * @throws IllegalArgumentException the connection would be in clear beyond this machine, or a
   *     file of TLS cannot be read
   */
  public SessiondClient build() {
    return new SessiondClient(this);
  }

  private static Supplier<Caller> fixed(String key) {
    Caller caller = Caller.withKey(key);
    return () -> caller;
  }

  private static Duration positive(String field, Duration span) {
    if (span.isNegative() || span.isZero()) {
      throw PolicyRules.invalid(field, span.toString(), "more than 0 s");
    }
    return span;
  }
}
