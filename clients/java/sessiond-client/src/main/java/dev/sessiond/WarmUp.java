package dev.sessiond;

import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.v1.Session;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Has everything loaded that a first call needs, while the connection is made: in a cold process
 * that takes a good part of a call's time. No server gets to see it.
 */
final class WarmUp {
  private static final AtomicBoolean HAS_BEGUN = new AtomicBoolean();
  private static final CountDownLatch IS_DONE = new CountDownLatch(1);

  private WarmUp() {}

  /** Does it once for all clients of the process, on a thread of its own. */
  static void begin(Channel channel) {
    if (HAS_BEGUN.getAndSet(true)) {
      return;
    }
    Thread thread =
        new Thread(
            () -> {
              try {
                run(channel);
              } finally {
                IS_DONE.countDown();
              }
            },
            "sessiond-warm-up");
    thread.setDaemon(true);
    thread.start();
  }

  /** Waits until it is done, but for so long at most. */
  static void await(Duration patience) {
    try {
      IS_DONE.await(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private static void run(Channel channel) {
    Question question = Question.of("", Policy.NOTHING, Caller.withKey(""));
    ValidateTokenRequest request = Requests.validate("", Policy.NOTHING, ValidateOptions.DEFAULT);
    Plan<ValidateTokenRequest, ValidateTokenResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getValidateTokenMethod(),
            Duration.ofSeconds(1),
            question.caller(),
            Repeats.ONCE);
    CallOptions tooLate = CallOptions.DEFAULT.withDeadlineAfter(-1, TimeUnit.SECONDS);
    Unary.start(channel, plan, tooLate, request);
    ValidateTokenResponse accepted =
        ValidateTokenResponse.newBuilder().setSession(Session.getDefaultInstance()).build();
    ValidateTokenResponse read =
        plan.method().parseResponse(plan.method().getResponseMarshaller().stream(accepted));
    Memory memory = new Memory(CacheOptions.DEFAULT, Clock.SYSTEM);
    Asked asked = new Asked(Clock.SYSTEM.now(), memory.known().epoch());
    memory.keep(question.key(), Landed.read(read, question.key().tokenId(), asked));
    memory.find(question.key());
  }
}
