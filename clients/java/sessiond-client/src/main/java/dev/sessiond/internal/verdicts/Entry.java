package dev.sessiond.internal.verdicts;

import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.knowledge.Answer;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.internal.knowledge.Standing;
import java.util.List;

/** What is kept under a key, and its place in the order in which entries came, or came up. */
final class Entry<V> {
  /**
   * What an entry takes beside what came over the wire, which takes about twice its size once
   * decoded.
   */
  private static final long BYTES = 1_200;

  final Key key;
  final V value;
  final List<HashedId> ids;
  final long since;
  final long epoch;
  final long aloneUntil; // however little is known since
  final long watchedUntil; // as long as the watch is fresh
  final long skew;
  final long size;
  volatile long checked; // the sequence up to which nothing hits it
  volatile boolean isUsed;

  Entry<V> previous;
  Entry<V> next;

  Entry(Key key, V value, Answer answer, Standing standing, int wireBytes) {
    long asked = answer.asked().at().steady();
    long most = answer.since() + Knowledge.RETENTION;
    this.key = key;
    this.value = value;
    this.ids = answer.ids();
    this.since = answer.since();
    this.epoch = answer.asked().epoch();
    this.aloneUntil = Math.min(asked + answer.cacheFor(), most);
    this.watchedUntil =
        standing.isCovered() ? Math.min(asked + answer.watchedCacheFor(), most) : Knowledge.NEVER;
    this.skew = answer.asked().at().skew();
    this.size = BYTES + 2L * wireBytes;
    this.checked = standing.sequence();
  }

  long until() {
    return Math.max(aloneUntil, watchedUntil);
  }
}
