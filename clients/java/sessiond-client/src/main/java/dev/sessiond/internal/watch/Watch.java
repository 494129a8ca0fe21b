package dev.sessiond.internal.watch;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;

/**
 * Keeps one stream of revocations open, and opens the next before it closes the last. It decides,
 * without a clock or the network; {@link Following} carries it out, under a lock.
 */
final class Watch {
  // Two steady clocks drift apart: none is followed by one anchor for longer than the longer of
  // these.
  static final long SHORTEST_LIFE = TimeUnit.SECONDS.toNanos(60);
  static final long LONGEST_LIFE = TimeUnit.SECONDS.toNanos(240);
  // How long a stream may say nothing, or be no better than the one that it is to replace.
  static final long PATIENCE = TimeUnit.SECONDS.toNanos(3);
  private static final long FIRST_PAUSE = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long LAST_PAUSE = TimeUnit.SECONDS.toNanos(1);
  private static final long REFUSED_PAUSE = TimeUnit.SECONDS.toNanos(30);

  private final Knowledge knowledge;
  private final DoubleSupplier random;
  private final Lateness lateness;
  private List<Stream> streams =
      new ArrayList<>(); // to be open: the call of any other is to be ended
  private boolean isRefused; // the revision was: the next stream begins without what was before
  private State state = State.UNKNOWN;
  private long reconnects;
  private long openAt = Knowledge.NEVER;
  private long pause;

  /** Has no stream yet; {@code random} gives numbers from 0 to 1. */
  Watch(Knowledge knowledge, DoubleSupplier random) {
    this.knowledge = knowledge;
    this.random = random;
    this.lateness = new Lateness(random);
  }

  State state() {
    return state;
  }

  /** Counts streams that had to be opened because one had ended. */
  long reconnects() {
    return reconnects;
  }

  boolean isWanted(Stream stream) {
    return streams.contains(stream);
  }

  List<Stream> streams() {
    return List.copyOf(streams);
  }

  /** The stream that is to be opened now, or null. */
  Stream due(Reading now) {
    for (Stream stream : streams()) {
      if (now.steady() >= givenUpAt(stream)) {
        lose(stream, now.steady());
      }
    }
    if (streams.isEmpty() && now.steady() >= openAt) {
      return open(now, isRefused ? "" : knowledge.revision());
    }
    if (streams.size() == 1 && now.steady() >= streams.get(0).replaceAt) {
      return open(now, streams.get(0).revision);
    }
    return null;
  }

  /** When {@link #due} has to be asked next, unless something comes before. */
  long wakeAt() {
    if (streams.isEmpty()) {
      return openAt;
    }
    long soonest = streams.stream().mapToLong(this::givenUpAt).min().getAsLong();
    return streams.size() > 1 ? soonest : Math.min(soonest, streams.get(0).replaceAt);
  }

  /** Applies what came on a stream, and says whether {@link #due} has to be asked again. */
  boolean receive(Stream stream, WatchRevocationsResponse message, Reading now) {
    if (!isWanted(stream)) {
      return true;
    }
    List<Stream> before = streams();
    long replaceAt = stream.replaceAt;
    stream.heard = now.steady();
    if (message.hasStarted()) {
      isRefused = false;
      Events.start(knowledge, stream, message.getStarted(), now.steady());
    } else if (!stream.hasStarted) {
      lose(stream, now.steady());
    } else if (message.hasFreshness()) {
      beat(stream, message.getFreshness(), now);
    } else {
      Events.apply(knowledge, stream, message, now.steady());
    }
    return !before.equals(streams) || replaceAt != stream.replaceAt;
  }

  /** Takes note that a stream has ended by itself; there is no failure where it came to its end. */
  void end(Stream stream, Failure failure, long now) {
    if (!isWanted(stream)) {
      return;
    }
    if (failure != null && failure.code() == Status.Code.INVALID_ARGUMENT) {
      isRefused = true; // not one of this store's
    }
    lose(stream, now);
    if (!streams.isEmpty() || failure == null) {
      return;
    }
    if (failure.isRefusal()) {
      openAt = now + lateness.stretched(REFUSED_PAUSE);
      state = State.REFUSED;
    } else if (!failure.reason().isEmpty() && failure.retryAfter() >= 0) {
      openAt = Math.max(openAt, now + failure.retryAfter());
    }
  }

  private void beat(Stream stream, dev.sessiond.v1.Freshness told, Reading now) {
    long known = stream.known(told);
    if (known > now.steady() || Math.abs(now.skew() - stream.skew) > Lateness.MOST_DISAGREEMENT) {
      disbelieve(now.steady());
      return;
    }
    Events.advance(knowledge, stream, told.getRevision());
    boolean isNews = known > knowledge.freshness().known();
    long until = known + stream.maxStaleness;
    knowledge.refresh(new dev.sessiond.internal.knowledge.Freshness(known, until, now.skew()));
    if (now.steady() < until) {
      pause = 0;
      state = State.FRESH;
    }
    lateness.judge(stream, now.steady() - known > stream.maxStaleness / 2, now.steady());
    if (isNews && stream != streams.get(0)) {
      streams = new ArrayList<>(List.of(stream));
    }
  }

  /** Forgets what was reckoned by clocks that were suspended or set. */
  private void disbelieve(long now) {
    knowledge.doubt();
    state = State.LOST;
    streams.clear();
    openAt = now;
  }

  private Stream open(Reading now, String revision) {
    long life = SHORTEST_LIFE + (long) ((LONGEST_LIFE - SHORTEST_LIFE) * random.getAsDouble());
    Stream stream = new Stream(now, life, revision);
    streams.add(stream);
    return stream;
  }

  /**
   * Later for a stream that tells something, but for one that is to replace another: that has to
   * prove better in time.
   */
  private long givenUpAt(Stream stream) {
    boolean isFirst = stream == streams.get(0);
    return (isFirst ? Math.max(stream.opened, stream.heard) : stream.opened) + PATIENCE;
  }

  /** Gives a stream up; where it was the only one, the next is opened after a pause that grows. */
  private void lose(Stream stream, long now) {
    boolean isReplacement = stream != streams.get(0);
    streams.remove(stream);
    if (isReplacement) {
      streams.get(0).replaceAt = lateness.putOff(now);
    } else if (streams.isEmpty()) {
      reconnects++;
      // A server that goes away sends all its watchers away at once.
      openAt = now + (pause == 0 ? (long) (FIRST_PAUSE * random.getAsDouble()) : pause);
      pause = pause == 0 ? FIRST_PAUSE : Math.min(LAST_PAUSE, 2 * pause);
      state = state == State.REFUSED ? state : State.LOST;
    }
  }
}
