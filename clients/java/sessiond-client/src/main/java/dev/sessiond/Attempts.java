package dev.sessiond;

import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.Status;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** The attempts of one call, which share one deadline. */
final class Attempts<Q, A> {
  private final Transport transport;
  private final Plan<Q, A> plan;
  private final Q request;
  private final Context context = Context.current();
  private final long began = System.nanoTime();
  private final CompletableFuture<A> result = new CompletableFuture<>();
  private int made;
  private Failure failure;
  private volatile Future<?> underWay;

  private Attempts(Transport transport, Plan<Q, A> plan, Q request) {
    this.transport = transport;
    this.plan = plan;
    this.request = request;
  }

  /**
   * Begins a call; to cancel what is returned ends it. Where it has no answer it ends with a {@link
   * SessiondException}.
   */
  static <Q, A> CompletableFuture<A> begin(Transport transport, Plan<Q, A> plan, Q request) {
    Attempts<Q, A> attempts = new Attempts<>(transport, plan, request);
    attempts.result.whenComplete((answer, error) -> attempts.finish());
    attempts.next();
    return attempts.result;
  }

  /** Ends a pause, because the client is closed: the last error is told. */
  void giveUp() {
    result.completeExceptionally(failure.toException());
  }

  private void next() {
    if (result.isDone()) {
      return;
    }
    made++;
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(remaining(), TimeUnit.NANOSECONDS);
    Context previous = context.attach();
    try {
      CompletableFuture<A> attempt = Unary.start(transport.channel(), plan, options, request);
      underWay = attempt;
      attempt.whenComplete(this::end);
    } catch (RuntimeException defect) { // an interceptor's, such as options of gRPC may bring
      failure = Failure.of(Status.Code.UNKNOWN, "the call could not be made");
      result.completeExceptionally(defect);
      return;
    } finally {
      context.detach(previous);
    }
    if (result.isDone()) {
      underWay.cancel(true);
    }
  }

  private void end(A answer, Throwable error) {
    if (error == null) {
      result.complete(answer);
    } else if (!(error instanceof Unary.Failed failed)) {
      result.completeExceptionally(error);
    } else {
      failure =
          context.isCancelled() || transport.isClosed() ? ended(failed.failure) : failed.failure;
      rest();
    }
  }

  /** What a call ends with that its caller has left, or whose client was closed. */
  private static Failure ended(Failure found) {
    return found.isAnswered()
            || (found.code() != Status.Code.CANCELLED && found.code() != Status.Code.UNAVAILABLE)
        ? found
        : Failure.givenUp();
  }

  /**
   * Waits for the next attempt, unless the call would be over by then: the caller gets the server's
   * reason at once, and not its own deadline's.
   */
  private void rest() {
    OptionalLong pause = plan.repeats().pause(failure, made, System.nanoTime() - began);
    if (pause.isEmpty() || pause.getAsLong() >= remaining() || !transport.rest(this)) {
      result.completeExceptionally(failure.toException());
      return;
    }
    underWay = transport.timer().schedule(this::wake, pause.getAsLong(), TimeUnit.NANOSECONDS);
  }

  private void wake() {
    transport.wake(this);
    next();
  }

  private void finish() {
    Future<?> last = underWay;
    if (last != null) {
      last.cancel(true);
    }
    transport.wake(this);
    transport.tell(plan.method(), failureOfResult(), made, System.nanoTime() - began);
  }

  private Failure failureOfResult() {
    if (result.isCancelled()) {
      return Failure.givenUp();
    }
    return result.isCompletedExceptionally() ? failure : null;
  }

  private long remaining() {
    return plan.timeout().toNanos() - (System.nanoTime() - began);
  }
}
