package dev.sessiond.internal.dial;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Has a channel connect at once, and again soon after an outage. By itself gRPC waits up to two
 * minutes, and its channels in Java have no option for that: they are told not to wait any longer,
 * after pauses that grow from a tenth of a second to one second.
 */
public final class Reconnecting {
  private static final long FIRST_MILLIS = 100;
  private static final long LAST_MILLIS = 1_000;
  private static final double GROWTH = 1.6;
  private static final double JITTER = 0.2;

  private final ManagedChannel channel;
  private final ScheduledExecutorService timer;
  // Of the timer's one thread.
  private long pause = FIRST_MILLIS;
  private boolean isPushing;

  private Reconnecting(ManagedChannel channel, ScheduledExecutorService timer) {
    this.channel = channel;
    this.timer = timer;
  }

  /** Minds a channel from now on, on a timer that has one thread. */
  public static void mind(ManagedChannel channel, ScheduledExecutorService timer) {
    timer.execute(new Reconnecting(channel, timer)::look);
  }

  /** Is complete when there is a connection, and cancelled where there will be none any more. */
  public static CompletableFuture<Void> connected(ManagedChannel channel) {
    CompletableFuture<Void> connected = new CompletableFuture<>();
    await(channel, connected);
    return connected;
  }

  private static void await(ManagedChannel channel, CompletableFuture<Void> connected) {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.READY) {
      connected.complete(null);
    } else if (state == ConnectivityState.SHUTDOWN) {
      connected.cancel(false);
    } else if (!connected.isDone()) {
      channel.notifyWhenStateChanged(state, () -> await(channel, connected));
    }
  }

  private void look() {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.SHUTDOWN) {
      return;
    }
    if (state == ConnectivityState.READY) {
      pause = FIRST_MILLIS;
    } else if (!isPushing) {
      isPushing = true;
      pushLater();
    }
    channel.notifyWhenStateChanged(state, () -> timer.execute(this::look));
  }

  /** Goes on until there is a connection: a failed attempt need not show as another state. */
  private void push() {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.READY || state == ConnectivityState.SHUTDOWN) {
      isPushing = false;
      return;
    }
    channel.resetConnectBackoff();
    pause = Math.min(LAST_MILLIS, (long) (pause * GROWTH));
    pushLater();
  }

  private void pushLater() {
    double stretch = 1 - JITTER * ThreadLocalRandom.current().nextDouble();
    timer.schedule(this::push, (long) (pause * stretch), TimeUnit.MILLISECONDS);
  }
}
