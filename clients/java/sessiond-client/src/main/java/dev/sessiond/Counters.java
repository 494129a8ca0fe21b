package dev.sessiond;

import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;

/** Counts validations by how they were answered, and tells the observer. */
final class Counters {
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder joined = new LongAdder();
  private final LongAdder bypassed = new LongAdder();
  private final Observer observer;

  Counters(Observer observer) {
    this.observer = observer;
  }

  /** When a validation began; the clock is not read for nobody. */
  long begin() {
    return observer == Observers.NOBODY ? 0 : System.nanoTime();
  }

  /** Counts a verdict, and hands it on. */
  Verdict end(Outcome outcome, Verdict verdict, long began) {
    adder(outcome).increment();
    if (observer != Observers.NOBODY) {
      Reason reason = verdict instanceof Rejection rejection ? rejection.reason() : null;
      Duration duration = Duration.ofNanos(System.nanoTime() - began);
      Observers.tell(() -> observer.validated(new Validation(outcome, reason, duration)));
    }
    return verdict;
  }

  long of(Outcome outcome) {
    return adder(outcome).sum();
  }

  private LongAdder adder(Outcome outcome) {
    return switch (outcome) {
      case HIT -> hits;
      case MISS -> misses;
      case JOINED -> joined;
      case BYPASSED -> bypassed;
    };
  }
}
