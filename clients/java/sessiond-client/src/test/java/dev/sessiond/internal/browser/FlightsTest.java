package dev.sessiond.internal.browser;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.Bearer;
import dev.sessiond.CertificateProof;
import dev.sessiond.Device;
import dev.sessiond.Examples;
import dev.sessiond.Tokens;
import io.grpc.Context;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class FlightsTest {
  private static final Tokens TOKENS = Examples.tokens("n.e.w", "sdr1_new");

  private final Flights flights = new Flights();

  private CompletableFuture<Tokens> join(Bearer bearer) {
    return flights.refresh("sdr1_old", bearer, CompletableFuture::new).orElseThrow();
  }

  @Test
  void theSameTokenOfTheSameDeviceIsSpentOnce() {
    CompletableFuture<Tokens> answer = new CompletableFuture<>();
    var first = flights.refresh("sdr1_old", Bearer.UNKNOWN, () -> answer).orElseThrow();
    assertSame(first, join(Bearer.UNKNOWN));
    answer.complete(TOKENS);
    assertSame(TOKENS, first.join());
    assertNotSame(first, join(Bearer.UNKNOWN));
  }

  @Test
  void anotherDeviceIsAnotherMatter() {
    var first = join(Bearer.UNKNOWN);
    CertificateProof proof = CertificateProof.ofSha256(new byte[32]);
    for (Bearer other :
        List.of(
            Bearer.of(new Device("", "another", "")),
            Bearer.of(new Device("", "", "another")),
            new Bearer(Device.UNKNOWN, proof))) {
      assertNotSame(first, join(other));
    }
    assertSame(first, join(Bearer.of(new Device("192.0.2.1", "", ""))));
  }

  @Test
  void noMoreAreUnderWayThanAreBounded() {
    for (int i = 0; i < 1024; i++) {
      assertTrue(flights.refresh("sdr1_" + i, Bearer.UNKNOWN, CompletableFuture::new).isPresent());
    }
    assertTrue(flights.refresh("sdr1_x", Bearer.UNKNOWN, CompletableFuture::new).isEmpty());
    assertTrue(flights.refresh("sdr1_0", Bearer.UNKNOWN, CompletableFuture::new).isPresent());
  }

  @Test
  void aFailureIsForAllWhoWaitAndForNobodyAfter() {
    CompletableFuture<Tokens> answer = new CompletableFuture<>();
    var first = flights.refresh("sdr1_old", Bearer.UNKNOWN, () -> answer).orElseThrow();
    answer.completeExceptionally(Examples.refused("SESSION_REVOKED"));
    assertTrue(first.isCompletedExceptionally());
    var thrown =
        flights
            .refresh(
                "sdr1_old",
                Bearer.UNKNOWN,
                () -> {
                  throw new IllegalStateException("for a test");
                })
            .orElseThrow();
    assertTrue(thrown.isCompletedExceptionally());
    assertFalse(join(Bearer.UNKNOWN).isDone());
  }

  @Test
  void whoLeavesDoesNotEndTheRefresh() {
    Context.CancellableContext request = Context.current().withCancellation();
    Context[] made = new Context[1];
    request.run(
        () ->
            flights.refresh(
                "sdr1_old",
                Bearer.UNKNOWN,
                () -> {
                  made[0] = Context.current();
                  return new CompletableFuture<>();
                }));
    request.cancel(null);
    assertFalse(made[0].isCancelled());
  }
}
