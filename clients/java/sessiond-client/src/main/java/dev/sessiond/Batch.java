package dev.sessiond;

import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.v1.ErrorReason;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenResponse;
import dev.sessiond.v1.ValidateTokensRequest;
import dev.sessiond.v1.ValidateTokensResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/** Asks about many flights in one call, and then singly about those whom it leaves undecided. */
final class Batch {
  /** How many of a batch that has to be taken apart are asked about at once. */
  private static final int SINGLY_AT_ONCE = 8;

  private final Transport transport;
  private final Calls calls;
  private final Duration timeout;

  private final ReentrantLock lock = new ReentrantLock(); // for what follows
  private final ArrayDeque<Flight> leftOver = new ArrayDeque<>();
  private int singly;

  Batch(Transport transport, Calls calls, Duration timeout) {
    this.transport = transport;
    this.calls = calls;
    this.timeout = timeout;
  }

  /** Asks about those who departed together; what is returned is complete when the call is back. */
  CompletableFuture<?> fly(List<Flight> flights) {
    return switch (flights.size()) {
      case 0 -> CompletableFuture.completedFuture(null);
      case 1 -> calls.flyAlone(flights.get(0));
      default -> flyTogether(flights);
    };
  }

  private CompletableFuture<?> flyTogether(List<Flight> flights) {
    Asked asked = calls.ask();
    Question first = flights.get(0).question;
    Plan<ValidateTokensRequest, ValidateTokensResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getValidateTokensMethod(),
            timeout,
            first.caller(),
            Repeats.IDEMPOTENT);
    List<String> tokens = flights.stream().map(flight -> flight.question.token()).toList();
    return transport
        .call(plan, Requests.validateAll(tokens, first.policy(), Consistency.CACHED))
        .handle(
            (response, error) -> {
              if (error == null) {
                take(flights, response.getResultsList(), asked);
              } else {
                fail(flights, error);
              }
              return null;
            });
  }

  private void fail(List<Flight> flights, Throwable error) {
    if (error instanceof SessiondException told && told.reason().equals("KEYS_UNAVAILABLE")) {
      askSingly(flights);
    } else {
      flights.forEach(flight -> calls.land(flight, Landed.failed(error)));
    }
  }

  private void take(List<Flight> flights, List<ValidateTokenResponse> results, Asked asked) {
    if (results.size() != flights.size()) {
      // Whoever pairs them would take one user for another.
      fail(flights, Failure.miscounted().toException());
      return;
    }
    List<Flight> undecided = new ArrayList<>();
    for (int i = 0; i < flights.size(); i++) {
      Flight flight = flights.get(i);
      ValidateTokenResponse result = results.get(i);
      if (!result.hasUndecided()) {
        calls.land(flight, result, asked);
      } else if (result.getUndecided().getReason() == ErrorReason.ERROR_REASON_RATE_LIMITED) {
        Duration retryAfter = Results.span(result.getUndecided().getRetryAfter());
        calls.land(flight, Landed.failed(Failure.rateLimited(retryAfter)));
      } else {
        undecided.add(flight);
      }
    }
    askSingly(undecided);
  }

  private void askSingly(List<Flight> flights) {
    List<Flight> departing = new ArrayList<>();
    lock.lock();
    try {
      leftOver.addAll(flights);
      while (!leftOver.isEmpty() && singly < SINGLY_AT_ONCE) {
        Flight flight = leftOver.remove();
        if (!calls.isAbandoned(flight)) {
          departing.add(flight);
          singly++;
        }
      }
    } finally {
      lock.unlock();
    }
    for (Flight flight : departing) {
      calls.flyAlone(flight).whenComplete((done, error) -> nextSingly());
    }
  }

  private void nextSingly() {
    lock.lock();
    try {
      singly--;
    } finally {
      lock.unlock();
    }
    askSingly(List.of());
  }
}
