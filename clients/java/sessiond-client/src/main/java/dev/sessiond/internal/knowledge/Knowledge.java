package dev.sessiond.internal.knowledge;

import dev.sessiond.internal.hashedid.HashedId;
import java.util.Collection;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * What a client knows of revocations, as it learnt them: from the watch, from commands of its own,
 * from rejections. Nothing here reads a clock or the network: moments are nanoseconds of the steady
 * clock. It is safe for many threads.
 *
 * <p>Whoever asks it without a lock relies on an order: what a heartbeat vouches for is applied
 * before the freshness moves, and an event is remembered before the sequence moves.
 */
public final class Knowledge {
  /** How long an event is remembered, and so how long an acceptance may be kept at most. */
  public static final long RETENTION = TimeUnit.SECONDS.toNanos(300);

  /** How many events are told apart within that time; with more, everything that is kept goes. */
  public static final int MOST_EVENTS = 65_536;

  /** A moment before all others, far enough from the first to be reckoned with. */
  public static final long NEVER = Long.MIN_VALUE / 4;

  private static final long NOT_YET = Long.MAX_VALUE / 4;

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final Events events = new Events();
  private long coveredSince = NOT_YET;
  private long rememberedSince = NEVER;

  // Written under the lock, and read without.
  private volatile Freshness freshness = Freshness.STALE;
  private volatile long epoch;
  private volatile long generation;
  private volatile long sequence;
  private volatile long maxStaleness;
  private volatile String configuration = "";
  private volatile String revision = "";

  /** How fresh the knowledge is. */
  public Freshness freshness() {
    return freshness;
  }

  /** Counts how often everything had to be forgotten: what was asked before is not kept. */
  public long epoch() {
    return epoch;
  }

  /** Counts that, and one's own revocations: a call under way from before is not joined. */
  public long generation() {
    return generation;
  }

  /** Counts everything that can hit what is kept. */
  public long sequence() {
    return sequence;
  }

  /** How far the servers' log has been heard: a watch that begins there misses nothing. */
  public String revision() {
    return revision;
  }

  /** Takes note that something was revoked: whatever was asked about it before is not repeated. */
  public void hear(HashedId id, long now) {
    write(() -> remember(id, now));
  }

  /**
   * Does nothing about what is remembered: who presents the same again and again fills no memory.
   */
  public void hearOnce(HashedId id, long now) {
    write(
        () -> {
          if (!events.hasHeard(id)) {
            remember(id, now);
          }
        });
  }

  /**
   * Takes note that a signing key has gone: nothing that it signed is kept, as long as this is
   * remembered. Another server may not have noticed yet, and still accept.
   */
  public void withdraw(HashedId key, long now) {
    write(
        () -> {
          remember(key, now);
          events.withdraw(key, now);
        });
  }

  /** Takes note of a revocation of one's own: the next call must see it. */
  public void end(Collection<HashedId> ids, long now) {
    write(
        () -> {
          ids.forEach(id -> remember(id, now));
          generation++;
        });
  }

  /** Drops everything that is kept, and what is under way. */
  public void forget() {
    write(this::drop);
  }

  /** Begins a stream without what was before: only what is asked from now on is covered. */
  public void cover(long now) {
    write(
        () -> {
          if (coveredSince != NOT_YET) {
            drop();
          }
          coveredSince = now;
        });
  }

  /**
   * Takes note of how a server decides; under another configuration than before nothing is
   * repeated.
   */
  public void follow(String decidedBy) {
    write(
        () -> {
          if (!decidedBy.equals(configuration)) {
            configuration = decidedBy;
            drop();
          }
        });
  }

  /** Takes note of how far the servers' log has been heard; empty is a place that is none. */
  public void advance(String heardTo) {
    if (!heardTo.isEmpty()) {
      revision = heardTo;
    }
  }

  /** Takes note of how long after the last moment that is known one may answer from memory. */
  public void setMaxStaleness(long span) {
    maxStaleness = span;
  }

  /** Takes a heartbeat, which vouches for more than before or changes nothing. */
  public void refresh(Freshness told) {
    write(
        () -> {
          if (told.until() > freshness.until()) {
            freshness = told;
          }
        });
  }

  /** Takes note that the clocks by which freshness was reckoned cannot be trusted. */
  public void doubt() {
    write(() -> freshness = Freshness.STALE);
  }

  /** Whether a server has told of revocations at all. */
  public boolean isWatched() {
    return read(() -> coveredSince != NOT_YET);
  }

  /** What is known of an acceptance that may be kept; null where something forbids it. */
  public Standing mayKeep(Answer answer, long now) {
    return read(
        () -> {
          long since = answer.since();
          boolean remembers = since >= rememberedSince && since > now - RETENTION;
          boolean isCovered = !answer.configuration().isEmpty() && since >= coveredSince;
          return remembers && isUnharmed(answer) ? new Standing(isCovered, sequence) : null;
        });
  }

  /**
   * Whether who asked at {@code began} may be answered by a call that was under way then. A call
   * that was sent later answers as one of its own would have.
   */
  public boolean mayAnswer(Answer answer, Asked began) {
    long elapsed = answer.asked().until(began);
    if (elapsed <= 0) {
      return true;
    }
    long most = Math.max(answer.cacheFor(), maxStaleness - answer.revisionAge());
    return elapsed < most && read(() -> isUnharmed(answer));
  }

  /** Up to which sequence nothing hits what was kept in an epoch; empty where something does. */
  public OptionalLong standing(Collection<HashedId> ids, long since, long keptIn) {
    return read(
        () ->
            keptIn == epoch && !events.isHit(ids, since)
                ? OptionalLong.of(sequence)
                : OptionalLong.empty());
  }

  /** Whether nothing that was heard of while a call was under way tells against its answer. */
  private boolean isUnharmed(Answer answer) {
    boolean isDecidedAlike =
        configuration.isEmpty() || configuration.equals(answer.configuration());
    return answer.asked().epoch() == epoch
        && isDecidedAlike
        && !events.isWithdrawn(answer.key())
        && !events.isHit(answer.ids(), answer.since());
  }

  /** Remembers before the sequence moves. */
  private void remember(HashedId id, long now) {
    events.forgetBefore(now - RETENTION);
    if (events.size() >= MOST_EVENTS) {
      events.clear();
      rememberedSince = now;
      drop();
    }
    events.hear(id, now);
    sequence++;
  }

  /** Moves the epoch before the sequence. */
  private void drop() {
    epoch++;
    generation++;
    sequence++;
  }

  private void write(Runnable change) {
    lock.writeLock().lock();
    try {
      change.run();
    } finally {
      lock.writeLock().unlock();
    }
  }

  private <T> T read(Supplier<T> question) {
    lock.readLock().lock();
    try {
      return question.get();
    } finally {
      lock.readLock().unlock();
    }
  }
}
