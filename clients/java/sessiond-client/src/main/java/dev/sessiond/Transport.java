package dev.sessiond;

import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;

/** Makes calls: with a deadline, attempts, and errors by meaning. */
final class Transport {
  private final ManagedChannel channel;
  private final ScheduledExecutorService timer;
  private final Observer observer;
  private final Set<Attempts<?, ?>> resting = ConcurrentHashMap.newKeySet();
  private volatile boolean isClosed;

  Transport(ManagedChannel channel, ScheduledExecutorService timer, Observer observer) {
    this.channel = channel;
    this.timer = timer;
    this.observer = observer;
  }

  ManagedChannel channel() {
    return channel;
  }

  ScheduledExecutorService timer() {
    return timer;
  }

  boolean isClosed() {
    return isClosed;
  }

  <Q, A> CompletableFuture<A> call(Plan<Q, A> plan, Q request) {
    return isClosed
        ? CompletableFuture.failedFuture(Failure.givenUp().toException())
        : Attempts.begin(this, plan, request);
  }

  /** Ends every call; those that pause are told, and those under way end with the channel. */
  void close() {
    isClosed = true;
    channel.shutdownNow();
    resting.forEach(Attempts::giveUp);
  }

  /** Whether somebody may pause before another attempt. */
  boolean rest(Attempts<?, ?> attempts) {
    resting.add(attempts);
    if (isClosed) {
      resting.remove(attempts);
    }
    return !isClosed;
  }

  void wake(Attempts<?, ?> attempts) {
    resting.remove(attempts);
  }

  void tell(MethodDescriptor<?, ?> method, Failure failure, int attempts, long nanos) {
    Status.Code code = failure == null ? Status.Code.OK : failure.code();
    String reason = failure == null ? "" : failure.reason();
    Duration duration = Duration.ofNanos(nanos);
    Observers.tell(
        () ->
            observer.called(
                new Call(method.getBareMethodName(), code, reason, duration, attempts)));
  }
}
