package dev.sessiond;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;

/** One attempt of a call with one request and one answer. */
final class Unary<A> extends ClientCall.Listener<A> {
  /** What an attempt ends with that has no answer; it is not for callers, and has no stack. */
  static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final Failure failure;

    Failed(Failure failure) {
      super(failure.text(), null, false, false);
      this.failure = failure;
    }
  }

  private final CompletableFuture<A> result;
  private A answer;
  private int messages;

  private Unary(CompletableFuture<A> result) {
    this.result = result;
  }

  /** Begins the call; to cancel what is returned ends it. */
  static <Q, A> CompletableFuture<A> start(
      Channel channel, Plan<Q, A> plan, CallOptions options, Q request) {
    CompletableFuture<A> result = new CompletableFuture<>();
    ClientCall<Q, A> call = channel.newCall(plan.method(), options);
    result.whenComplete(
        (unused, error) -> {
          if (result.isCancelled()) {
            call.cancel("its caller left", null);
          }
        });
    call.start(new Unary<>(result), plan.caller().header());
    call.request(2); // a second message would be one too many, and has to show
    call.sendMessage(request);
    call.halfClose();
    return result;
  }

  @Override
  public void onMessage(A message) {
    answer = message;
    messages++;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    if (status.isOk() && messages == 1) {
      result.complete(answer);
    } else if (status.isOk()) {
      result.completeExceptionally(
          new Failed(
              Failure.of(Status.Code.INTERNAL, "the answer has " + messages + " messages")));
    } else {
      result.completeExceptionally(new Failed(Failures.of(meant(status), trailers)));
    }
  }

  /**
   * An answer that cannot be read is a defect, and no call that somebody gave up, as gRPC has it;
   * and a connection that was lost under a call is nothing unknown.
   */
  private static Status meant(Status status) {
    if (status.getCause() instanceof StatusRuntimeException defect) {
      return defect.getStatus();
    }
    boolean isLost = status.getCode() == Status.Code.UNKNOWN && isOfConnection(status.getCause());
    return isLost ? Status.UNAVAILABLE.withDescription("the connection was lost") : status;
  }

  private static boolean isOfConnection(Throwable cause) {
    return cause != null && (cause instanceof IOException || isOfConnection(cause.getCause()));
  }
}
