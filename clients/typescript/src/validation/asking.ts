import { givenUp, tooLate } from "../calls/failures.js";
import { waitFor } from "../calls/waiting.js";
import { elapsed, type Answer, type Asked } from "../memory/knowledge.js";
import type { Outcome } from "../observer.js";
import type { Verdict } from "../verdict.js";
import { Departures } from "./departures.js";
import { Flight, Flights, type Landed } from "./flights.js";
import { Flying } from "./flying.js";
import type { Question } from "./question.js";
import type { SingleCalls } from "./single.js";

/** The largest token that goes with others, in characters. */
const LARGEST_NEIGHBOUR = 16 * 1024;

/** A verdict, and how it was come by. */
export interface Told {
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

/** Asks for verdicts: by one call for a token at a time, and by few for many tokens. */
export class Asking {
  readonly #calls: SingleCalls;
  readonly #timeoutMs: number;
  readonly #isBatching: boolean;
  readonly #flights = new Flights();
  readonly #departures = new Departures();
  readonly #flying: Flying;
  #isDeparting = false;

  constructor(calls: SingleCalls, timeoutMs: number, isBatching: boolean) {
    this.#calls = calls;
    this.#timeoutMs = timeoutMs;
    this.#isBatching = isBatching;
    this.#flying = new Flying(calls, timeoutMs, (flight, landed) => this.#land(flight, landed));
  }

  /** By a call of its own, whose answer is kept for others. */
  async alone(question: Question, timeoutMs: number, signal?: AbortSignal): Promise<Told> {
    const landed = await this.#calls.one(question, timeoutMs, signal);
    return { outcome: "MISS", verdict: verdictOf(landed) };
  }

  /** By a call that others may join and go with. Who leaves does not end it: others wait for it too. */
  async shared(question: Question, signal?: AbortSignal): Promise<Told> {
    signal?.throwIfAborted();
    const began = this.#calls.asked();
    const until = performance.now() + this.#timeoutMs;
    for (;;) {
      const { flight, isJoined } = this.#board(question);
      const landed = await this.#await(flight, until - performance.now(), signal);
      if (!isJoined) return { outcome: "MISS", verdict: verdictOf(landed) };
      const verdict = this.#joined(landed, began);
      if (verdict !== undefined) return { outcome: "JOINED", verdict };
    }
  }

  /** What a call that was under way says to who asked at `began`; undefined where it is too old for that. */
  #joined(landed: Landed, began: Asked): Verdict | undefined {
    const verdict = verdictOf(landed);
    if (!verdict.ok || !("answer" in landed) || landed.answer === undefined) return verdict;
    if (this.#calls.memory?.knowledge.mayAnswer(landed.answer, began) !== true) return undefined;
    return Object.freeze({ ...verdict, cacheForMs: leftOf(landed.answer, began) });
  }

  /** A flight to wait for: one that is under way, if it may be joined, or one of its own. */
  #board(question: Question): { flight: Flight; isJoined: boolean } {
    const knowledge = this.#calls.memory?.knowledge;
    const generation = knowledge?.generation ?? 0;
    const found = knowledge && this.#flights.find(question.key, generation);
    if (found !== undefined) return { flight: found, isJoined: true };
    const flight = new Flight(question, generation);
    this.#flights.add(flight);
    if (!this.#isBatching || question.token.length > LARGEST_NEIGHBOUR) {
      void this.#flying.alone(flight);
    } else {
      this.#departures.add(flight);
      this.#departSoon();
    }
    return { flight, isJoined: false };
  }

  async #await(flight: Flight, timeoutMs: number, signal: AbortSignal | undefined): Promise<Landed> {
    flight.waiting++;
    try {
      return await waitFor(flight.landed, { timeoutMs, signal }, tooLate);
    } finally {
      flight.waiting--;
    }
  }

  /** After all who have something to ask at the same time have asked. */
  #departSoon(): void {
    if (this.#isDeparting) return;
    this.#isDeparting = true;
    setImmediate(() => {
      this.#isDeparting = false;
      this.#depart();
    });
  }

  #depart(): void {
    for (let batch = this.#departures.depart(); batch !== undefined; batch = this.#departures.depart()) {
      void this.#send(batch);
    }
  }

  async #send(batch: readonly Flight[]): Promise<void> {
    await this.#flying.fly(batch.filter((flight) => this.#isAwaited(flight)));
    this.#departures.land();
    this.#depart();
  }

  #isAwaited(flight: Flight): boolean {
    if (flight.waiting === 0) this.#land(flight, { failed: givenUp() });
    return flight.waiting > 0;
  }

  #land(flight: Flight, landed: Landed): void {
    this.#flights.remove(flight);
    flight.land(landed);
  }
}

function verdictOf(landed: Landed): Verdict {
  if ("failed" in landed) throw landed.failed;
  return landed.verdict;
}

/** How long an answer may be repeated, counted from `began` on, or from its call. */
const leftOf = (answer: Answer, began: Asked): number =>
  Math.max(0, answer.cacheForMs - Math.max(0, elapsed(answer.asked, began)));
