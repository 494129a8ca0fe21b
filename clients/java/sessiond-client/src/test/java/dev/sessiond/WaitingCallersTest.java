package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WaitingCallersTest {
  /** A token that expires when no calendar has a day any more. */
  private static final ValidateTokenResponse UNREADABLE =
      ValidateTokenResponse.newBuilder()
          .setSession(
              dev.sessiond.v1.Session.newBuilder()
                  .setExpireTime(Timestamp.newBuilder().setSeconds(Long.MAX_VALUE)))
          .build();

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

  @Test
  void anAnswerThatCannotBeReadIsForThoseWhoWaitedAlone() throws Exception {
    server.verdicts.put("one", UNREADABLE);
    CompletableFuture<Verdict> first = ask("one");
    next().answer().run();
    assertThrows(ExecutionException.class, () -> first.get(30, TimeUnit.SECONDS));
    server.verdicts.clear();
    CompletableFuture<Verdict> again = ask("one");
    next().answer().run();
    assertInstanceOf(Rejection.class, again.get(30, TimeUnit.SECONDS));
  }

  @Test
  void ofManyAnswersOneThatCannotBeReadIsAlone() throws Exception {
    server.verdicts.put("three", UNREADABLE);
    ask("one");
    ask("two");
    HeldServer.Asked one = next();
    next();
    CompletableFuture<Verdict> third = ask("three");
    CompletableFuture<Verdict> fourth = ask("four");
    one.answer().run();
    next().answer().run();
    assertThrows(ExecutionException.class, () -> third.get(30, TimeUnit.SECONDS));
    assertInstanceOf(Rejection.class, fourth.get(30, TimeUnit.SECONDS));
  }

  @Test
  void whatAnInterceptorThrowsEndsTheCallsThatItIsThrownFor() throws Exception {
    AtomicBoolean isBroken = new AtomicBoolean(true);
    ClientInterceptor interceptor = new BrokenInterceptor(isBroken);
    try (SessiondClient broken =
        SessiondClient.builder(server.target())
            .timeout(Duration.ofSeconds(30))
            .channel(channel -> channel.intercept(interceptor))
            .build()) {
      for (String token : List.of("one", "two", "three")) {
        assertThrows(ArithmeticException.class, () -> broken.validate(token, Policy.NOTHING));
      }
      isBroken.set(false);
      CompletableFuture<Verdict> mended = broken.validateAsync("one", Policy.NOTHING);
      next().answer().run();
      assertInstanceOf(Rejection.class, mended.get(30, TimeUnit.SECONDS));
    }
  }

  /** Lets no call through while it is broken. */
  private record BrokenInterceptor(AtomicBoolean isBroken) implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      if (isBroken.get()) {
        throw new ArithmeticException("for a test");
      }
      return next.newCall(method, options);
    }
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
