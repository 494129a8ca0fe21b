package dev.sessiond;

import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.watch.Following;
import dev.sessiond.v1.RevokeSessionResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Answers questions: from memory, by a call that others share, or past all of that. */
final class Validating {
  private final Counters counters;
  private final Memory memory; // null where nothing is kept
  private final Following following; // null likewise
  private final Calls calls;

  Validating(Transport transport, SessiondClientBuilder from) {
    this.counters = new Counters(from.observer);
    this.memory = from.cache == null ? null : new Memory(from.cache, Clock.SYSTEM);
    this.following = memory == null ? null : follow(transport, from);
    this.calls = new Calls(transport, memory, Clock.SYSTEM, from.timeout, from.isBatching);
  }

  Verdict validate(Question question, ValidateOptions options) {
    long began = counters.begin();
    Verdict kept = options.isForOne() ? null : find(question);
    return kept == null
        ? Futures.await(ask(question, options, began))
        : counters.end(Outcome.HIT, kept, began);
  }

  /** Does the same without blocking; who goes on with it does so on an executor. */
  CompletableFuture<Verdict> validateAsync(
      Question question, ValidateOptions options, Executor executor) {
    long began = counters.begin();
    Verdict kept = options.isForOne() ? null : find(question);
    return kept == null
        ? Futures.on(executor, ask(question, options, began))
        : CompletableFuture.completedFuture(counters.end(Outcome.HIT, kept, began));
  }

  /** Carries out here what was just revoked. */
  void end(Target target, RevokeSessionResponse response) {
    if (memory != null) {
      memory.end(target, response);
    }
  }

  Numbers numbers() {
    return new Numbers(
        counters.of(Outcome.HIT),
        counters.of(Outcome.MISS),
        counters.of(Outcome.JOINED),
        counters.of(Outcome.BYPASSED),
        memory == null ? 0 : memory.cache().size(),
        memory == null ? 0 : memory.cache().evicted(),
        following == null ? 0 : following.reconnects(),
        memory == null ? null : memory.watchAge());
  }

  /** Follows no more, and begins no further call. */
  void close() {
    if (following != null) {
      following.close();
    }
    calls.close();
  }

  /** What is kept, and may be repeated. The revocations are followed from the first question on. */
  private Session find(Question question) {
    if (memory == null) {
      return null;
    }
    Session session = memory.find(question.key());
    if (session == null) {
      following.start();
    }
    return session;
  }

  /** By a call: that others share, of its own, or past what is kept. */
  private CompletableFuture<Verdict> ask(Question question, ValidateOptions options, long began) {
    if (options.isForOne()) {
      return Futures.then(
          calls.past(question, options), verdict -> counters.end(Outcome.BYPASSED, verdict, began));
    }
    if (options.timeout() != null) {
      return Futures.then(
          calls.alone(question, options),
          landed -> counters.end(Outcome.MISS, landed.verdict(), began));
    }
    return Futures.then(
        calls.shared(question),
        answered -> counters.end(answered.outcome(), answered.verdict(), began));
  }

  private Following follow(Transport transport, SessiondClientBuilder from) {
    return new Following(
        new RevocationSource(transport.channel(), from.caller),
        memory.known(),
        Clock.SYSTEM,
        transport.timer(),
        state ->
            Observers.tell(() -> from.observer.watchChanged(WatchState.valueOf(state.name()))));
  }
}
