package dev.sessiond.testing;

import com.google.protobuf.Duration;
import dev.sessiond.v1.Freshness;
import dev.sessiond.v1.Started;
import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Tells one stream what is revoked from a revision on, and how fresh that is. */
final class Watcher {
  private static final long HEARTBEAT_MILLIS = 20;

  private final long began = System.nanoTime();
  private final FakeState state;
  private final ServerCallStreamObserver<WatchRevocationsResponse> stream;
  private final Executor later =
      CompletableFuture.delayedExecutor(HEARTBEAT_MILLIS, TimeUnit.MILLISECONDS);
  private int told;

  Watcher(FakeState state, ServerCallStreamObserver<WatchRevocationsResponse> stream) {
    this.state = state;
    this.stream = stream;
    stream.setOnCancelHandler(() -> {}); // then what is sent too late is no error
  }

  void begin(String fromRevision) {
    int events = state.with(state::events);
    told = fromRevision.isEmpty() ? events : EventLog.position(fromRevision);
    if (told < 0 || told > events) {
      stream.onError(
          FakeRefusals.field(
              "from_revision", "what is no revision", "a revision that sessiond returned"));
      return;
    }
    Started started =
        Started.newBuilder()
            .setRevision(EventLog.revision(told))
            .setMaxStaleness(Duration.newBuilder().setSeconds(FakeState.MAX_STALENESS.getSeconds()))
            .setConfiguration(EventLog.CONFIGURATION)
            .setServer(EventLog.CONFIGURATION)
            .build();
    stream.onNext(WatchRevocationsResponse.newBuilder().setStarted(started).build());
    tell();
  }

  private void tell() {
    if (stream.isCancelled()) {
      return;
    }
    // The log is read after the moment for which a heartbeat vouches.
    long sinceStart = System.nanoTime() - began;
    boolean isAway = state.isAway();
    for (WatchRevocationsResponse event : state.with(() -> state.after(told))) {
      stream.onNext(event);
      told++;
    }
    Freshness freshness =
        Freshness.newBuilder()
            .setRevision(EventLog.revision(told))
            .setAge(Duration.getDefaultInstance())
            .setSinceStart(
                Duration.newBuilder()
                    .setSeconds(sinceStart / 1_000_000_000)
                    .setNanos((int) (sinceStart % 1_000_000_000)))
            .build();
    stream.onNext(WatchRevocationsResponse.newBuilder().setFreshness(freshness).build());
    if (isAway) {
      stream.onError(Status.UNAVAILABLE.withDescription("nobody is there").asRuntimeException());
    } else {
      later.execute(this::tell);
    }
  }
}
