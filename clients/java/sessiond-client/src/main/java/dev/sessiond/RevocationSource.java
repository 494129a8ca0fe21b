package dev.sessiond;

import dev.sessiond.internal.watch.Failure;
import dev.sessiond.internal.watch.Source;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.WatchRevocationsRequest;
import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The server whose revocations a client follows. */
record RevocationSource(Channel channel, Supplier<Caller> caller) implements Source {
  @Override
  public Runnable open(
      String fromRevision, Consumer<WatchRevocationsResponse> onMessage, Consumer<Failure> onEnd) {
    Metadata header = caller.get().header();
    // The stream is nobody's in particular, whoever asked first.
    Context previous = Context.ROOT.attach();
    try {
      ClientCall<WatchRevocationsRequest, WatchRevocationsResponse> call =
          channel.newCall(SessionServiceGrpc.getWatchRevocationsMethod(), CallOptions.DEFAULT);
      call.start(new Listener(call, onMessage, onEnd), header);
      call.request(1);
      call.sendMessage(WatchRevocationsRequest.newBuilder().setFromRevision(fromRevision).build());
      call.halfClose();
      return () -> call.cancel("the stream is not wanted any more", null);
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  private static final class Listener extends ClientCall.Listener<WatchRevocationsResponse> {
    private final ClientCall<?, ?> call;
    private final Consumer<WatchRevocationsResponse> onMessage;
    private final Consumer<Failure> onEnd;

    Listener(
        ClientCall<?, ?> call,
        Consumer<WatchRevocationsResponse> onMessage,
        Consumer<Failure> onEnd) {
      this.call = call;
      this.onMessage = onMessage;
      this.onEnd = onEnd;
    }

    @Override
    public void onMessage(WatchRevocationsResponse message) {
      onMessage.accept(message);
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      onEnd.accept(status.isOk() ? null : explain(Failures.of(status, trailers)));
    }

    private static Failure explain(dev.sessiond.Failure found) {
      long retryAfter = found.retryAfter() == null ? -1 : found.retryAfter().toNanos();
      return new Failure(found.code(), found.reason(), retryAfter);
    }
  }
}
