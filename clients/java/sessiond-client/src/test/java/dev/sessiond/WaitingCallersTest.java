package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WaitingCallersTest {
  private final HeldServer server = new HeldServer();
  private final SessiondClient client =
      SessiondClient.builder(server.target()).timeout(Duration.ofSeconds(30)).build();

  WaitingCallersTest() throws IOException {}

  @AfterEach
  void end() {
    client.close();
    server.close();
  }

  @Test
  void aServerIsNotAskedAboutATokenForWhichNobodyWaits() throws Exception {
    CompletableFuture<Verdict> first = ask("one");
    CompletableFuture<Verdict> second = ask("two");
    HeldServer.Asked one = next();
    HeldServer.Asked two = next();
    CompletableFuture<Verdict> left = ask("nobody");
    CompletableFuture<Verdict> third = ask("three");
    left.cancel(true);
    one.answer().run();
    HeldServer.Asked three = next();
    assertEquals(List.of("three"), three.tokens());
    two.answer().run();
    three.answer().run();
    for (CompletableFuture<Verdict> asked : List.of(first, second, third)) {
      assertInstanceOf(Rejection.class, asked.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void whoComesMeanwhileGoesWithTheNextCall() throws Exception {
    ask("one");
    ask("two");
    HeldServer.Asked one = next();
    next();
    ask("three");
    ask("four");
    one.answer().run();
    assertEquals(List.of("three", "four"), next().tokens());
  }

  @Test
  void whoIsInterruptedLeavesAndIsInterruptedStill() {
    Thread.currentThread().interrupt();
    SessiondException error =
        assertThrows(SessiondException.class, () -> client.validate("one", Policy.NOTHING));
    assertEquals(Status.Code.CANCELLED, error.code());
    assertTrue(Thread.interrupted());
  }

  private CompletableFuture<Verdict> ask(String token) {
    return client.validateAsync(token, Policy.NOTHING);
  }

  private HeldServer.Asked next() throws InterruptedException {
    HeldServer.Asked asked = server.asked.poll(30, TimeUnit.SECONDS);
    if (asked == null) {
      throw new AssertionError("no call has come");
    }
    return asked;
  }
}
