package dev.sessiond.internal.knowledge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.hashedid.HashedId;
import java.util.List;
import org.junit.jupiter.api.Test;

class KnowledgeTest {
  private static final long SECOND = 1_000_000_000;
  private static final HashedId SESSION = new HashedId(1, 2);
  private static final HashedId KEY = new HashedId(3, 4);

  private final Knowledge known = new Knowledge();
  private final long now = 100 * SECOND;

  @Test
  void whoJoinsACallGetsNoAnswerThatIsTooOldForThem() {
    known.setMaxStaleness(SECOND);
    Answer answer = answer(SECOND / 4, 0);
    assertTrue(known.mayAnswer(answer, asked(now + SECOND * 3 / 4 - 1)));
    assertFalse(known.mayAnswer(answer, asked(now + SECOND * 3 / 4)));
    assertTrue(known.mayAnswer(answer(0, 2 * SECOND), asked(now + SECOND)));
  }

  @Test
  void whoJoinsACallGetsNoAnswerThatAnEventHits() {
    known.setMaxStaleness(SECOND);
    Answer answer = answer(0, 0);
    known.hear(SESSION, now + 1);
    assertFalse(known.mayAnswer(answer, asked(now + 2)));
    assertTrue(known.mayAnswer(answer, asked(now)), "a call of its own says the same");
  }

  @Test
  void whatWasAskedBeforeEverythingWasForgottenIsNotKept() {
    Answer answer = answer(0, SECOND);
    assertNotNull(known.mayKeep(answer, now));
    known.forget();
    assertNull(known.mayKeep(answer, now));
  }

  @Test
  void whatIsDecidedByAnotherConfigurationIsNotKept() {
    known.follow("other");
    assertNull(known.mayKeep(answer(0, SECOND), now));
    known.follow("c");
    assertNotNull(known.mayKeep(answer(0, SECOND), now));
  }

  @Test
  void underAnotherConfigurationNothingIsRepeated() {
    known.follow("c");
    long epoch = known.epoch();
    known.follow("c");
    assertTrue(known.standing(List.of(SESSION), now, epoch).isPresent());
    known.follow("other");
    assertTrue(known.standing(List.of(SESSION), now, epoch).isEmpty());
  }

  @Test
  void anEventIsRememberedForAsLongAsWhatItHitsMayBeKept() {
    known.hear(SESSION, now);
    known.hear(KEY, now + Knowledge.RETENTION);
    assertTrue(known.standing(List.of(SESSION), now, known.epoch()).isEmpty());
    known.hear(KEY, now + Knowledge.RETENTION + 1);
    assertFalse(known.standing(List.of(SESSION), now, known.epoch()).isEmpty());
  }

  @Test
  void aCrowdOfEventsCostsEverythingAndNotTheMemory() {
    long epoch = known.epoch();
    for (int i = 0; i < Knowledge.MOST_EVENTS; i++) {
      known.hear(new HashedId(9, i), now);
    }
    assertEquals(epoch, known.epoch());
    known.hear(SESSION, now);
    assertEquals(epoch + 1, known.epoch());
    assertNull(known.mayKeep(answer(SECOND, SECOND), now), "it may have been hit");
  }

  @Test
  void whatIsPresentedAgainAndAgainIsHeardOnce() {
    known.hearOnce(SESSION, now);
    long sequence = known.sequence();
    known.hearOnce(SESSION, now);
    assertEquals(sequence, known.sequence());
  }

  private Answer answer(long revisionAge, long cacheFor) {
    return new Answer(asked(now), revisionAge, cacheFor, 0, "c", List.of(SESSION, KEY), KEY);
  }

  private Asked asked(long at) {
    return new Asked(new Reading(at, at), known.epoch());
  }
}
