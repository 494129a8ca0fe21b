package dev.sessiond.internal.watch;

import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.v1.WatchRevocationsResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** Opens and ends streams as a watch says, from {@link #start} until {@link #close}. */
public final class Following implements AutoCloseable {
  private final Source source;
  private final Clock clock;
  private final ScheduledExecutorService timer;
  private final Consumer<State> enter;
  private volatile boolean isStarted;

  private final ReentrantLock lock = new ReentrantLock(); // for all that follows
  private final Watch watch;
  private final Map<Stream, Runnable> open = new HashMap<>();
  private boolean isClosed;
  private Future<?> next;
  private State told = State.UNKNOWN;

  /** Makes ready to follow a source; {@code enter} is told of each other state. */
  public Following(
      Source source,
      Knowledge knowledge,
      Clock clock,
      ScheduledExecutorService timer,
      Consumer<State> enter) {
    this.source = source;
    this.clock = clock;
    this.timer = timer;
    this.enter = enter;
    this.watch = new Watch(knowledge, () -> ThreadLocalRandom.current().nextDouble());
  }

  /** Follows from now on, if it is not done already. */
  public void start() {
    if (isStarted) {
      return;
    }
    lock.lock();
    try {
      if (!isStarted && !isClosed) {
        isStarted = true;
        timer.execute(this::step);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Counts streams that had to be opened because one had ended. */
  public long reconnects() {
    lock.lock();
    try {
      return watch.reconnects();
    } finally {
      lock.unlock();
    }
  }

  /** Ends every stream; none is opened any more. */
  @Override
  public void close() {
    lock.lock();
    try {
      isClosed = true;
      open.values().forEach(Runnable::run);
      open.clear();
      if (next != null) {
        next.cancel(false);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Opens and ends streams, and sees to the next step. */
  private void step() {
    Stream due;
    String revision = "";
    lock.lock();
    try {
      if (isClosed) {
        return;
      }
      due = watch.due(clock.now());
      if (due != null) {
        revision = due.revision;
      }
      endOthers();
      long pause = watch.wakeAt() - clock.now().steady();
      if (next != null) {
        next.cancel(false);
      }
      next = timer.schedule(this::step, pause, TimeUnit.NANOSECONDS);
    } finally {
      lock.unlock();
    }
    if (due != null) {
      begin(due, revision);
    }
    tell();
  }

  /** Without the lock: a stream may end, and a key's function may fail, before it is open. */
  private void begin(Stream stream, String revision) {
    Runnable end;
    try {
      end = source.open(revision, message -> apply(stream, message), cause -> end(stream, cause));
    } catch (RuntimeException error) {
      end(stream, null);
      return;
    }
    lock.lock();
    try {
      if (!isClosed && watch.isWanted(stream)) {
        open.put(stream, end);
        return;
      }
    } finally {
      lock.unlock();
    }
    end.run();
  }

  private void endOthers() {
    open.entrySet()
        .removeIf(
            one -> {
              boolean isDone = !watch.isWanted(one.getKey());
              if (isDone) {
                one.getValue().run();
              }
              return isDone;
            });
  }

  private void apply(Stream stream, WatchRevocationsResponse message) {
    lock.lock();
    try {
      if (watch.receive(stream, message, clock.now())) {
        timer.execute(this::step);
      }
    } finally {
      lock.unlock();
    }
    tell();
  }

  private void end(Stream stream, Failure failure) {
    lock.lock();
    try {
      watch.end(stream, failure, clock.now().steady());
      open.remove(stream);
      timer.execute(this::step);
    } finally {
      lock.unlock();
    }
    tell();
  }

  /** Without the lock: whoever is told may ask this client. */
  private void tell() {
    State state;
    lock.lock();
    try {
      state = watch.state();
      if (isClosed || state == State.UNKNOWN || state == told) {
        return;
      }
      told = state;
    } finally {
      lock.unlock();
    }
    enter.accept(state);
  }
}
