import type { SessiondError } from "../errors.js";
import type { Answer } from "../memory/knowledge.js";
import type { Verdict } from "../verdict.js";
import type { Question } from "./question.js";

/** What a call has brought for one token. `answer` is what an acceptance says of being kept. */
export type Landed =
  { readonly verdict: Verdict; readonly answer: Answer | undefined } | { readonly failed: SessiondError };

/** A question that is asked, or is to be, until it has landed. */
export class Flight {
  /** Who waits for it. */
  waiting = 0;
  readonly landed: Promise<Landed>;
  #land: (landed: Landed) => void = () => {};

  constructor(
    readonly question: Question,
    /** Which revocations of one's own it may have missed. */
    readonly generation: number,
  ) {
    this.landed = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  /** Wakes whoever waits. */
  land(landed: Landed): void {
    this.#land(landed);
  }
}

/** One flight for each question, that later callers may join. */
export class Flights {
  readonly #flights = new Map<string, Flight>();

  /** A flight to join: none from before this client revoked something, or had to forget. */
  find(key: string, generation: number): Flight | undefined {
    const found = this.#flights.get(key);
    return found?.generation === generation ? found : undefined;
  }

  add(flight: Flight): void {
    this.#flights.set(flight.question.key, flight);
  }

  remove(flight: Flight): void {
    const { key } = flight.question;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
