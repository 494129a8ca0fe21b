import { type Observer, type Outcome, tell } from "./observer.js";
import type { Verdict } from "./verdict.js";

/** Counts validations by how they were answered, and tells the observer. */
export class Counters {
  readonly #observer: Observer;
  readonly #counts: Record<Outcome, number> = { HIT: 0, MISS: 0, JOINED: 0, BYPASSED: 0 };

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  get counts(): Readonly<Record<Outcome, number>> {
    return this.#counts;
  }

  /** When a validation began; the clock is not read for nobody. */
  begin(): number {
    return this.#observer.validated === undefined ? 0 : performance.now();
  }

  /** Counts a verdict, and hands it on. */
  end(outcome: Outcome, verdict: Verdict, began: number): Verdict {
    this.#counts[outcome]++;
    if (this.#observer.validated !== undefined) {
      const reason = verdict.ok ? undefined : verdict.rejection.reason;
      const durationMs = performance.now() - began;
      const told = { outcome, isAccepted: verdict.ok, reason, durationMs };
      tell(() => this.#observer.validated?.(told));
    }
    return verdict;
  }
}
