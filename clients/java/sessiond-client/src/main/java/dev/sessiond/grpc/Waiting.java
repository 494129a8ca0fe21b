package dev.sessiond.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Keeps the events of a call until it is known who hears them, and hands them on in their order,
 * one at a time.
 */
final class Waiting<Q> extends ServerCall.Listener<Q> {
  private final Future<?> asked;
  private final ServerCall<Q, ?> call;
  private final ReentrantLock lock = new ReentrantLock();
  private final Queue<Consumer<ServerCall.Listener<Q>>> events = new ArrayDeque<>();
  private volatile ServerCall.Listener<Q> listener;

  Waiting(Future<?> asked, ServerCall<Q, ?> call) {
    this.asked = asked;
    this.call = call;
  }

  /**
   * Has a listener hear what has come, and what will come. One that fails ends the call, as in
   * gRPC.
   */
  void release(Supplier<ServerCall.Listener<Q>> beginning) {
    try {
      ServerCall.Listener<Q> begun = beginning.get();
      Consumer<ServerCall.Listener<Q>> event = next(begun);
      while (event != null) {
        event.accept(begun);
        event = next(begun);
      }
    } catch (RuntimeException error) {
      call.close(Status.UNKNOWN, new Metadata());
      throw error;
    }
  }

  @Override
  public void onMessage(Q message) {
    hear(one -> one.onMessage(message));
  }

  @Override
  public void onHalfClose() {
    hear(ServerCall.Listener::onHalfClose);
  }

  @Override
  public void onCancel() {
    asked.cancel(true);
    hear(ServerCall.Listener::onCancel);
  }

  @Override
  public void onComplete() {
    hear(ServerCall.Listener::onComplete);
  }

  @Override
  public void onReady() {
    hear(ServerCall.Listener::onReady);
  }

  private void hear(Consumer<ServerCall.Listener<Q>> event) {
    ServerCall.Listener<Q> now = listener;
    if (now == null) {
      lock.lock();
      try {
        now = listener;
        if (now == null) {
          events.add(event);
          return;
        }
      } finally {
        lock.unlock();
      }
    }
    event.accept(now);
  }

  /** The next event that waits; once there is none the listener hears for itself. */
  private Consumer<ServerCall.Listener<Q>> next(ServerCall.Listener<Q> begun) {
    lock.lock();
    try {
      if (events.isEmpty()) {
        listener = begun;
      }
      return events.poll();
    } finally {
      lock.unlock();
    }
  }
}
