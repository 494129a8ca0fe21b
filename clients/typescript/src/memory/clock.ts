import { uptime } from "node:os";

/** One moment by both clocks, in milliseconds: since this process began, and since 1970. */
export interface Reading {
  readonly steady: number;
  readonly wall: number;
}

/** By how much the wall clock is ahead of the steady one. */
export const skewOf = (reading: Reading): number => reading.wall - reading.steady;

/**
 * A steady time by the clock that has gone further since the skew was taken: a steady clock may have stood
 * still while the machine slept, and a wall clock may have been set back.
 */
export const afterSkew = (reading: Reading, skew: number): number =>
  Math.max(reading.steady, reading.wall - skew);

/** What the system says of its uptime is cut to 10 ms; what is slept for less than this shows nowhere. */
const COARSENESS_MS = 25;

/**
 * Gives readings. The steady clock of Node stands still while the machine is suspended; on Linux the system
 * says for how long that was, and `exact` adds it to what `now` reads from then on. Elsewhere the wall clock
 * has to show it.
 */
export class Clock {
  #sleptMs = 0;
  #steadyAheadMs = 0;
  #wallAheadMs = 0;

  /** Quick, and has missed what was slept since `exact` was called last. The wall clock shows that. */
  now(): Reading {
    return {
      steady: performance.now() + this.#sleptMs + this.#steadyAheadMs,
      wall: Date.now() + this.#wallAheadMs,
    };
  }

  /** Has missed nothing, where the system has a clock for it. */
  exact(): Reading {
    const slept = sinceBootMs() - atStartMs;
    if (slept > this.#sleptMs + COARSENESS_MS) this.#sleptMs = slept;
    return this.now();
  }

  /** Takes the clocks for moved from now on, for tests. */
  move(steadyMs: number, wallMs: number): void {
    this.#steadyAheadMs += steadyMs;
    this.#wallAheadMs += wallMs;
  }
}

/** The clock of this process. */
export const systemClock = new Clock();

/** By how much the clock that counts suspend is ahead of the one that does not. */
function sinceBootMs(): number {
  return process.platform === "linux" ? uptime() * 1000 - Number(process.hrtime.bigint()) / 1e6 : 0;
}

const atStartMs = sinceBootMs();
