package dev.sessiond.testing;

import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Say how far each client of a fake has come with what it was told. */
final class Taps {
  /** Marks the streams of clients that tell what they have applied. */
  static final Metadata.Key<String> TAPPED =
      Metadata.Key.of("sessiond-testing-tapped", Metadata.ASCII_STRING_MARSHALLER);

  private final ReentrantLock lock = new ReentrantLock(); // for all that follows
  private final Condition changed = lock.newCondition();
  private final List<Tap> all = new ArrayList<>();

  /** Taps the streams of one more client. */
  ClientInterceptor add() {
    Tap tap = new Tap();
    change(() -> all.add(tap));
    return tap;
  }

  /**
   * Waits until every client has applied so many events, or nobody can repeat what was before:
   * after the longest staleness since they were told. A client that does not tell is given that
   * time.
   */
  void settle(int events, boolean isForeign) {
    lock.lock();
    try {
      long left = FakeState.MAX_STALENESS.toNanos();
      while (left > 0 && (isForeign || !all.stream().allMatch(tap -> tap.hasApplied(events)))) {
        left = changed.awaitNanos(left);
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  private void change(Runnable something) {
    lock.lock();
    try {
      something.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** That of one client: what its stream has been handed, it has applied. */
  private final class Tap implements ClientInterceptor {
    private final Map<Object, Integer> open = new HashMap<>();
    private boolean isFresh; // it was told how fresh it is, and so may repeat what it keeps
    private int position = -1;

    boolean hasApplied(int events) {
      return open.values().stream().allMatch(reached -> reached >= events)
          && (!isFresh || position >= events);
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      ClientCall<Q, A> call = next.newCall(method, options);
      if (method.getType().serverSendsOneMessage()) {
        return call;
      }
      return new SimpleForwardingClientCall<>(call) {
        @Override
        public void start(Listener<A> listener, Metadata headers) {
          headers.put(TAPPED, "yes");
          change(() -> open.put(call, -1));
          super.start(tapped(call, listener), headers);
        }

        @Override
        public void cancel(String message, Throwable cause) {
          change(() -> open.remove(call));
          super.cancel(message, cause);
        }
      };
    }

    private <A> ClientCall.Listener<A> tapped(Object call, ClientCall.Listener<A> listener) {
      return new SimpleForwardingClientCallListener<>(listener) {
        @Override
        public void onMessage(A message) {
          super.onMessage(message);
          change(() -> applied(call, (WatchRevocationsResponse) message));
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
          change(() -> open.remove(call));
          super.onClose(status, trailers);
        }
      };
    }

    private void applied(Object call, WatchRevocationsResponse message) {
      int reached = EventLog.position(EventLog.revisionOf(message));
      isFresh = isFresh || message.hasFreshness();
      position = Math.max(position, reached);
      open.computeIfPresent(call, (unused, before) -> Math.max(before, reached));
    }
  }
}
