package dev.sessiond;

import dev.sessiond.internal.knowledge.Asked;
import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Somebody who waits for a flight, with a deadline of their own. */
final class Waiter {
  private final Calls calls;
  private final Question question;
  private final Asked began;
  private final CompletableFuture<Answered> answer = new CompletableFuture<>();
  private volatile Flight flight;

  Waiter(
      Calls calls,
      Question question,
      Asked began,
      Duration timeout,
      ScheduledExecutorService timer) {
    this.calls = calls;
    this.question = question;
    this.began = began;
    Future<?> end = timer.schedule(this::giveUp, least(timeout), TimeUnit.NANOSECONDS);
    answer.whenComplete(
        (found, error) -> {
          end.cancel(false);
          if (flight != null) {
            calls.leave(flight);
          }
        });
  }

  /** Boards a flight; to cancel what is returned ends the waiting alone. */
  CompletableFuture<Answered> board() {
    Boarding boarding = calls.board(question);
    if (boarding.kept() != null) {
      answer.complete(new Answered(Outcome.HIT, boarding.kept()));
      return answer;
    }
    flight = boarding.flight();
    flight.landed.thenAccept(landed -> take(landed, boarding.isJoined()));
    return answer;
  }

  private void take(Landed landed, boolean isJoined) {
    if (answer.isDone()) {
      return;
    }
    if (landed.error() != null) {
      answer.completeExceptionally(landed.error());
    } else if (!isJoined) {
      answer.complete(new Answered(Outcome.MISS, landed.verdict()));
    } else if (landed.answer() == null) {
      answer.complete(new Answered(Outcome.JOINED, landed.verdict()));
    } else if (calls.mayAnswer(landed, began)) {
      answer.complete(new Answered(Outcome.JOINED, landed.asOf(began)));
    } else {
      board();
    }
  }

  private void giveUp() {
    answer.completeExceptionally(Failure.timeOver().toException());
  }

  /** The time of the call, or what is left of that of the call on whose behalf it is made. */
  private static long least(Duration timeout) {
    Deadline deadline = Context.current().getDeadline();
    long left = deadline == null ? Long.MAX_VALUE : deadline.timeRemaining(TimeUnit.NANOSECONDS);
    return Math.min(timeout.toNanos(), left);
  }
}
