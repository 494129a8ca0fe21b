package dev.sessiond.internal.verdicts;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.knowledge.Answer;
import dev.sessiond.internal.knowledge.Freshness;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.internal.knowledge.Standing;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps values that were accepted, and says when they may be repeated. What has not been used since
 * it last came up goes first. Nothing here reads a clock or the network; it is safe for many
 * threads, and who finds takes no lock.
 */
public final class VerdictCache<V> {
  /**
   * How many of the oldest are looked at for each new one, so that what has expired goes by itself.
   */
  private static final int SWEPT = 2;

  private final int maxEntries;
  private final long maxBytes;
  private final Knowledge knowledge;
  private final ConcurrentHashMap<Key, Entry<V>> entries = new ConcurrentHashMap<>();

  private final ReentrantLock lock =
      new ReentrantLock(); // for what follows, and for who changes entries
  private final Order<V> order = new Order<>();
  private long bytes;
  private long epoch;
  private volatile long evicted;

  /** Keeps as much as its bounds allow. */
  public VerdictCache(int maxEntries, long maxBytes, Knowledge knowledge) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.knowledge = knowledge;
  }

  /** How many are kept. */
  public int size() {
    return entries.size();
  }

  /** How many had to go because there was more. */
  public long evicted() {
    return evicted;
  }

  /** What is kept under a key, if it may be repeated now; null otherwise. */
  public Hit<V> find(Key key, Reading now) {
    // The order matters beside who follows the watch: freshness before what it vouches for.
    Freshness freshness = knowledge.freshness();
    Entry<V> entry = entries.get(key);
    if (entry == null || (entry.checked != knowledge.sequence() && !isStanding(entry))) {
      return null;
    }
    long at = now.after(entry.skew);
    long watched = Math.min(entry.watchedUntil - at, freshness.left(now));
    long left = Math.max(watched, entry.aloneUntil - at);
    if (left <= 0) {
      return null;
    }
    if (!entry.isUsed) {
      entry.isUsed = true;
    }
    return new Hit<>(entry.value, left);
  }

  /**
   * Keeps an accepted value that took so many bytes on the wire, unless something forbids it that
   * is known, or that may have been missed.
   */
  public void insert(Key key, V value, Answer answer, int wireBytes, long now) {
    lock.lock();
    try {
      dropForgotten();
      Standing standing = knowledge.mayKeep(answer, now);
      if (standing == null) {
        return;
      }
      Entry<V> entry = new Entry<>(key, value, answer, standing, wireBytes);
      if (entry.until() > now) {
        put(entry, now);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Looks at what was heard since an entry was last looked at. */
  private boolean isStanding(Entry<V> entry) {
    OptionalLong sequence = knowledge.standing(entry.ids, entry.since, entry.epoch);
    sequence.ifPresent(found -> entry.checked = found);
    return sequence.isPresent();
  }

  /** Makes room, and keeps an entry; the lock is held, as for all that follows. */
  private void put(Entry<V> entry, long now) {
    Entry<V> before = entries.put(entry.key, entry);
    if (before != null) {
      forget(before);
    }
    order.append(entry);
    bytes += entry.size;
    for (int i = 0; i < SWEPT && order.first() != null && order.first().until() <= now; i++) {
      remove(order.first());
    }
    while (order.length() > maxEntries || bytes > maxBytes) {
      evict();
    }
  }

  /**
   * Removes the oldest that was not used since it last came up; one that was comes up once more.
   */
  private void evict() {
    Entry<V> oldest = order.first();
    if (oldest.isUsed) {
      oldest.isUsed = false;
      order.remove(oldest);
      order.append(oldest);
    } else {
      remove(oldest);
      evicted++;
    }
  }

  private void remove(Entry<V> entry) {
    entries.remove(entry.key);
    forget(entry);
  }

  private void forget(Entry<V> entry) {
    order.remove(entry);
    bytes -= entry.size;
  }

  /** Frees the memory of what was kept in an earlier epoch, which is not repeated any more. */
  private void dropForgotten() {
    long current = knowledge.epoch();
    if (epoch != current) {
      epoch = current;
      entries.clear();
      order.clear();
      bytes = 0;
    }
  }
}
