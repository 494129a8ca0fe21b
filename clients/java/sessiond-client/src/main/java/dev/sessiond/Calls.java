package dev.sessiond;

import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.internal.verdicts.Key;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.Context;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Asks for verdicts: one call for a token at a time, and few for many tokens. What they bring is
 * kept in memory; without one nothing is kept, and no call is joined.
 */
final class Calls {
  /** The largest token that goes with others, in characters. */
  private static final int LARGEST_NEIGHBOUR = 16 << 10;

  private final Transport transport;
  private final Memory memory;
  private final Clock clock;
  private final Duration timeout;
  private final boolean isBatching;
  private final Batch batch;

  private final ReentrantLock lock = new ReentrantLock(); // for all that follows
  private final Map<Key, Flight> flights = new HashMap<>();
  private final Departures departures = new Departures();
  private boolean isClosed;

  /** Asks by a transport; {@code memory} is null where nothing is kept. */
  Calls(Transport transport, Memory memory, Clock clock, Duration timeout, boolean isBatching) {
    this.transport = transport;
    this.memory = memory;
    this.clock = clock;
    this.timeout = timeout;
    this.isBatching = isBatching;
    this.batch = new Batch(transport, this, timeout);
  }

  /** Begins no further call; whoever waits for one is told. */
  void close() {
    lock.lock();
    List<Flight> left;
    try {
      isClosed = true;
      left = List.copyOf(flights.values());
    } finally {
      lock.unlock();
    }
    left.forEach(flight -> land(flight, Landed.failed(Failure.givenUp())));
  }

  /** By a call whose answer is for this caller alone; a REVOKED is learnt from all the same. */
  CompletableFuture<Verdict> past(Question question, ValidateOptions options) {
    return Futures.then(
        call(question, options),
        response -> {
          Verdict verdict = Results.verdict(response);
          if (memory != null) {
            memory.learn(question.key().tokenId(), verdict);
          }
          return verdict;
        });
  }

  /** By a call of its own, whose answer is kept for others. */
  CompletableFuture<Landed> alone(Question question, ValidateOptions options) {
    Asked asked = ask();
    return Futures.then(call(question, options), answer -> take(question, answer, asked));
  }

  /** By a call that others may join and go with; a waiter that leaves does not end it. */
  CompletableFuture<Answered> shared(Question question) {
    return new Waiter(this, question, ask(), timeout, transport.timer()).board();
  }

  /** A flight to wait for: one that is under way, if it may be joined, or one of its own. */
  Boarding board(Question question) {
    long generation = memory == null ? 0 : memory.known().generation();
    Runnable begin;
    Flight flight;
    lock.lock();
    try {
      Flight found = memory == null ? null : flights.get(question.key());
      if (found != null && found.generation == generation) {
        found.waiting++;
        return new Boarding(found, true, null);
      }
      // What landed since this question looked into the memory is there by now.
      Session kept = memory == null ? null : memory.find(question.key());
      if (kept != null) {
        return new Boarding(null, false, kept);
      }
      flight = new Flight(question, generation);
      if (isClosed) {
        flight.landed.complete(Landed.failed(Failure.givenUp()));
        return new Boarding(flight, false, null);
      }
      flights.put(question.key(), flight);
      begin = depart(flight);
    } finally {
      lock.unlock();
    }
    begin.run();
    return new Boarding(flight, false, null);
  }

  /** Somebody waits no longer. */
  void leave(Flight flight) {
    lock.lock();
    try {
      flight.waiting--;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lands a flight for which nobody waits any more: where a server is slow, a queue of those would
   * have it asked for nobody.
   */
  boolean isAbandoned(Flight flight) {
    lock.lock();
    try {
      if (flight.waiting > 0) {
        return false;
      }
      flights.remove(flight.question.key(), flight);
    } finally {
      lock.unlock();
    }
    flight.landed.complete(Landed.failed(Failure.givenUp()));
    return true;
  }

  /** Asks about one flight, and lands it; for nobody in particular, whoever began it. */
  CompletableFuture<Void> flyAlone(Flight flight) {
    Context previous = Context.ROOT.attach();
    try {
      return alone(flight.question, ValidateOptions.DEFAULT)
          .handle(
              (landed, error) -> {
                land(flight, error == null ? landed : Landed.failed(error));
                return null;
              });
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  /** Taken before a call is made. */
  Asked ask() {
    return new Asked(clock.now(), memory == null ? 0 : memory.known().epoch());
  }

  /** Lands a flight with its answer, or with why that cannot be read. */
  void land(Flight flight, ValidateTokenResponse response, Asked asked) {
    Landed landed;
    try {
      landed = take(flight.question, response, asked);
    } catch (RuntimeException defect) {
      landed = Landed.failed(defect);
    }
    land(flight, landed);
  }

  /** Reads an answer, and keeps it. */
  private Landed take(Question question, ValidateTokenResponse response, Asked asked) {
    Landed landed = Landed.read(response, question.key().tokenId(), asked);
    if (memory != null) {
      memory.keep(question.key(), landed);
    }
    return landed;
  }

  /** Wakes whoever waits for a flight. */
  void land(Flight flight, Landed landed) {
    lock.lock();
    try {
      flights.remove(flight.question.key(), flight);
    } finally {
      lock.unlock();
    }
    flight.landed.complete(landed);
  }

  boolean mayAnswer(Landed landed, Asked began) {
    return memory.known().mayAnswer(landed.answer(), began);
  }

  private CompletableFuture<ValidateTokenResponse> call(
      Question question, ValidateOptions options) {
    Plan<ValidateTokenRequest, ValidateTokenResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getValidateTokenMethod(),
            options.timeout() == null ? timeout : options.timeout(),
            question.caller(),
            Repeats.IDEMPOTENT);
    return transport.call(plan, Requests.validate(question.token(), question.policy(), options));
  }

  /** What begins the calls that may be made now that a flight is there; the lock is held. */
  private Runnable depart(Flight flight) {
    if (!isBatching || flight.question.token().length() > LARGEST_NEIGHBOUR) {
      return () -> flyAlone(flight);
    }
    departures.add(flight);
    List<List<Flight>> departing = departing();
    return () -> departing.forEach(this::fly);
  }

  private List<List<Flight>> departing() {
    List<List<Flight>> all = new ArrayList<>();
    for (List<Flight> next = departures.depart(); !next.isEmpty(); next = departures.depart()) {
      all.add(next);
    }
    return all;
  }

  /** Asks about those who departed together, and sees the next off. */
  private void fly(List<Flight> departed) {
    List<Flight> wanted = new ArrayList<>(departed);
    wanted.removeIf(this::isAbandoned);
    Context previous = Context.ROOT.attach();
    try {
      batch.fly(wanted).whenComplete((done, error) -> landed());
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  private void landed() {
    List<List<Flight>> next;
    lock.lock();
    try {
      departures.land();
      next = departing();
    } finally {
      lock.unlock();
    }
    next.forEach(this::fly);
  }
}
