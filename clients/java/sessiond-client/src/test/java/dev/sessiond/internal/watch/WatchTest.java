package dev.sessiond.internal.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.knowledge.Freshness;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.v1.RevocationType;
import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.Status;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WatchTest {
  private static final long MS = 1_000_000;
  private static final long SECOND = 1_000 * MS;

  private final Knowledge known = new Knowledge();
  private final Watch watch = new Watch(known, () -> 0.5);
  private long now = 100 * SECOND;
  private long skew = 1_000_000 * SECOND;

  @Test
  void freshnessCountsFromWhenTheStreamWasOpened() {
    Stream stream = open();
    now += 2 * SECOND;
    receive(stream, started());
    beat(stream, 250 * MS, 500 * MS);
    assertEquals(now - 750 * MS + SECOND, known.freshness().until());
  }

  @Test
  void aStreamIsReplacedInTimeAndTheNextIsOpenedBeforeItEnds() {
    Stream first = start();
    now = first.replaceAt;
    first.heard = now;
    assertTrue(watch.wakeAt() <= now);
    Stream second = open();
    receive(second, started());
    assertEquals(List.of(first, second), watch.streams());
    now += 100 * MS;
    assertTrue(beat(second, 0, 0));
    assertEquals(List.of(second), watch.streams());
    assertEquals(0, watch.reconnects());
  }

  @Test
  void aReplacementThatProvesNoBetterIsGivenUp() {
    Stream first = start();
    first.replaceAt = now;
    Stream second = open();
    receive(second, started());
    for (int i = 0; i < 40; i++) {
      now += 100 * MS;
      beat(first, 0, 0);
      beat(second, 0, 300 * MS);
      watch.due(reading());
    }
    assertEquals(List.of(first), watch.streams());
    assertTrue(first.replaceAt > now - SECOND, "it is not tried again at once");
  }

  @Test
  void aStreamThatIsLateThreeTimesRunningIsReplaced() {
    Stream stream = start();
    for (int i = 0; i < 2; i++) {
      now += 200 * MS;
      beat(stream, 0, 600 * MS);
      assertNull(watch.due(reading()));
    }
    now += 200 * MS;
    assertTrue(beat(stream, 0, 600 * MS));
    assertNotNull(watch.due(reading()));
  }

  @Test
  void silenceEndsAStream() {
    start();
    now += Watch.PATIENCE - 100 * MS;
    assertNull(watch.due(reading()));
    now += 100 * MS;
    assertNull(watch.due(reading()));
    assertEquals(State.LOST, watch.state());
    assertEquals(1, watch.reconnects());
  }

  @Test
  void pausesGrowUntilAStreamIsFreshAgain() {
    for (long pause : new long[] {50, 100, 200, 400, 800, 1_000, 1_000}) {
      end(open(), Status.Code.UNAVAILABLE, "");
      assertEquals(pause * MS, watch.wakeAt() - now);
      now = watch.wakeAt();
    }
    end(start(), Status.Code.UNAVAILABLE, "");
    assertEquals(50 * MS, watch.wakeAt() - now);
  }

  @Test
  void aServerMaySayWhenToComeAgain() {
    Failure failure = new Failure(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", 5 * SECOND);
    watch.end(start(), failure, now);
    assertEquals(now + 5 * SECOND, watch.wakeAt());
  }

  @ParameterizedTest
  @ValueSource(strings = {"UNIMPLEMENTED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"})
  void whoIsRefusedAsksAgainLater(String code) {
    end(open(), Status.Code.valueOf(code), "WATCHERS_EXHAUSTED");
    assertEquals(State.REFUSED, watch.state());
    assertEquals(31_500 * MS, watch.wakeAt() - now);
  }

  @Test
  void aRevisionThatIsRefusedIsNotAskedForAgain() {
    end(start(), Status.Code.INVALID_ARGUMENT, "FIELD_INVALID");
    now += SECOND;
    assertEquals("", open().revision);
  }

  @ParameterizedTest
  @ValueSource(longs = {1_100, -1_100})
  void clocksThatDisagreeVoidTheAnchor(long millis) {
    Stream stream = start();
    now += 200 * MS;
    skew += millis * MS;
    assertTrue(beat(stream, 0, 0));
    assertEquals(Freshness.STALE, known.freshness());
    assertEquals("r0", open().revision);
  }

  @Test
  void whatWouldBeKnownInTheFutureVoidsTheAnchor() {
    Stream stream = start();
    now += 200 * MS;
    beat(stream, 0, -100 * MS);
    assertEquals(Freshness.STALE, known.freshness());
  }

  @Test
  void aStreamThatBeginsWithSomethingElseIsGivenUp() {
    assertTrue(beat(open(), 0, 0));
    assertEquals(List.of(), watch.streams());
    assertEquals(Freshness.STALE, known.freshness());
  }

  @Test
  void whatANewerServerTellsMayMeanAnything() {
    Stream stream = start();
    for (WatchRevocationsResponse message :
        List.of(WatchRevocationsResponse.getDefaultInstance(), revoked(99, 16), revoked(1, 20))) {
      long epoch = known.epoch();
      receive(stream, message);
      assertTrue(known.epoch() > epoch);
    }
  }

  @Test
  void whatComesOnAStreamThatWasGivenUpCountsForNothing() {
    Stream stream = start();
    end(stream, Status.Code.UNAVAILABLE, "");
    long sequence = known.sequence();
    receive(stream, revoked(RevocationType.REVOCATION_TYPE_SESSION_VALUE, 16));
    assertEquals(sequence, known.sequence());
  }

  private Stream open() {
    Stream stream = watch.due(reading());
    assertNotNull(stream);
    return stream;
  }

  private Stream start() {
    Stream stream = open();
    receive(stream, started());
    beat(stream, 0, 0);
    return stream;
  }

  private boolean beat(Stream stream, long age, long onTheWay) {
    WatchRevocationsResponse.Builder message = WatchRevocationsResponse.newBuilder();
    message
        .getFreshnessBuilder()
        .setAge(span(age))
        .setSinceStart(span(now - stream.opened - onTheWay));
    return receive(stream, message.build());
  }

  private boolean receive(Stream stream, WatchRevocationsResponse message) {
    return watch.receive(stream, message, reading());
  }

  private void end(Stream stream, Status.Code code, String reason) {
    watch.end(stream, new Failure(code, reason, -1), now);
  }

  private Reading reading() {
    return new Reading(now, now + skew);
  }

  private static WatchRevocationsResponse started() {
    WatchRevocationsResponse.Builder message = WatchRevocationsResponse.newBuilder();
    message
        .getStartedBuilder()
        .setRevision("r0")
        .setConfiguration("c")
        .setMaxStaleness(span(SECOND));
    return message.build();
  }

  private static WatchRevocationsResponse revoked(int type, int size) {
    WatchRevocationsResponse.Builder message = WatchRevocationsResponse.newBuilder();
    message
        .getRevocationBuilder()
        .setTypeValue(type)
        .setHashedId(ByteString.copyFrom(new byte[size]))
        .setRevision("r1");
    return message.build();
  }

  private static Duration span(long nanos) {
    return Duration.newBuilder()
        .setSeconds(nanos / SECOND)
        .setNanos((int) (nanos % SECOND))
        .build();
  }
}
