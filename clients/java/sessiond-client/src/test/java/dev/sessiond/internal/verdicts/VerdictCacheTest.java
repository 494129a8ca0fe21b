package dev.sessiond.internal.verdicts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.knowledge.Answer;
import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.internal.knowledge.Freshness;
import dev.sessiond.internal.knowledge.Knowledge;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictCacheTest {
  private static final long SECOND = 1_000_000_000;
  private static final HashedId SESSION = new HashedId(1, 2);
  private static final HashedId KEY = new HashedId(3, 4);

  private final Knowledge known = new Knowledge();
  private final VerdictCache<String> cache = new VerdictCache<>(3, 1 << 20, known);
  private long now = 100 * SECOND;

  @Test
  void whatIsKeptIsRepeatedForWhatIsLeft() {
    insert("a", 60 * SECOND, 0);
    now += 20 * SECOND;
    assertEquals(40 * SECOND, find("a").cacheFor());
    now += 40 * SECOND;
    assertNull(find("a"));
  }

  @Test
  void howLongItIsKeptCountsFromBeforeTheCall() {
    Answer answer = answer(60 * SECOND, 0);
    now += 20 * SECOND;
    cache.insert(key("a"), "a", answer, 0, now);
    assertEquals(40 * SECOND, find("a").cacheFor());
  }

  @Test
  void nothingIsKeptLongerThanEventsAreRemembered() {
    insert("a", 2 * Knowledge.RETENTION, 0);
    now += Knowledge.RETENTION - 1;
    assertEquals(1, find("a").cacheFor());
    now += 1;
    assertNull(find("a"));
  }

  @Test
  void whatIsUsedOutlivesWhatIsNot() {
    insert("a", 60 * SECOND, 0);
    insert("b", 60 * SECOND, 0);
    insert("c", 60 * SECOND, 0);
    find("a");
    insert("d", 60 * SECOND, 0);
    assertNotNull(find("a"));
    assertNull(find("b"));
    assertEquals(3, cache.size());
    assertEquals(1, cache.evicted());
  }

  @Test
  void itIsBoundedByBytesToo() {
    VerdictCache<String> small = new VerdictCache<>(1_000, 10_000, known);
    for (int i = 0; i < 100; i++) {
      small.insert(key("token-" + i), "x", answer(60 * SECOND, 0), 1_000, now);
    }
    assertEquals(3, small.size());
  }

  @Test
  void whatHasExpiredGoesByItself() {
    insert("a", SECOND, 0);
    now += 2 * SECOND;
    insert("b", SECOND, 0);
    assertEquals(1, cache.size());
    assertEquals(0, cache.evicted());
  }

  @Test
  void whatTheWatchVouchesForIsRepeatedWhileItIsFresh() {
    known.cover(now - SECOND);
    insert("a", 0, 60 * SECOND);
    assertNull(find("a"));
    known.refresh(new Freshness(now, now + SECOND, 0));
    assertEquals(SECOND, find("a").cacheFor());
    now += SECOND;
    assertNull(find("a"));
  }

  @Test
  void whatWasAskedBeforeTheWatchCoveredItIsNotKeptByIt() {
    known.cover(now + 1);
    known.refresh(new Freshness(now, now + SECOND, 0));
    insert("a", 0, 60 * SECOND);
    assertNull(find("a"));
  }

  @Test
  void anEventEndsWhatWasAskedBeforeIt() {
    insert("a", 60 * SECOND, 0);
    known.hear(SESSION, now);
    assertNull(find("a"));
    insert("b", 60 * SECOND, 0);
    assertNull(find("b"), "an answer may be older than its question");
    now += 1;
    insert("b", 60 * SECOND, 0);
    assertNotNull(find("b"));
  }

  @Test
  void whatAKeySignedThatHasGoneIsNotKept() {
    known.withdraw(KEY, now - SECOND);
    insert("a", 60 * SECOND, 0);
    assertNull(find("a"));
  }

  @Test
  void eitherClockMayEndIt() {
    insert("a", 60 * SECOND, 0);
    assertNull(cache.find(key("a"), new Reading(now, now + 61 * SECOND)));
    assertNotNull(cache.find(key("a"), new Reading(now, now - 61 * SECOND)));
  }

  @Test
  void demandAndCallerTellKeysApart() {
    assertEquals(Key.of("a", "x", "y"), Key.of("a", "x", "y"));
    assertNotEquals(Key.of("a", "x", "y"), Key.of("a", "z", "y"));
    assertNotEquals(Key.of("a", "x", "y"), Key.of("a", "x", "z"));
    assertNotEquals(Key.of("a", "x", "y"), Key.of("b", "x", "y"));
  }

  private void insert(String token, long cacheFor, long watchedCacheFor) {
    cache.insert(key(token), token, answer(cacheFor, watchedCacheFor), 0, now);
  }

  private Hit<String> find(String token) {
    return cache.find(key(token), new Reading(now, now));
  }

  private Answer answer(long cacheFor, long watchedCacheFor) {
    Asked asked = new Asked(new Reading(now, now), known.epoch());
    return new Answer(asked, 0, cacheFor, watchedCacheFor, "c", List.of(SESSION, KEY), KEY);
  }

  private static Key key(String token) {
    return Key.of(token, "demand", "caller");
  }
}
