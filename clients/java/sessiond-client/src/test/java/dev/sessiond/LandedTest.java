package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.v1.ValidateTokenResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class LandedTest {
  private static final long SECOND = 1_000_000_000;

  @Test
  void forWhoeverJoinedACallItsSpanCountsFromWhenTheyAsked() {
    ValidateTokenResponse.Builder answer = ValidateTokenResponse.newBuilder();
    answer.getSessionBuilder().setSubject("alice");
    answer.getCacheForBuilder().setSeconds(60);
    Landed landed = Landed.read(answer.build(), new HashedId(1, 2), asked(0));
    assertEquals(Duration.ofSeconds(50), landed.asOf(asked(10 * SECOND)).cacheFor());
    assertEquals(Duration.ofSeconds(60), landed.asOf(asked(-10 * SECOND)).cacheFor());
    assertNull(landed.asOf(asked(60 * SECOND)).cacheFor());
  }

  private static Asked asked(long at) {
    return new Asked(new Reading(at, at), 0);
  }
}
