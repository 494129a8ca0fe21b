import type { Flight } from "./flights.js";

const MOST_IN_FLIGHT = 2;
const MOST_TOKENS = 256;
const MOST_BYTES = 512 * 1024;

/**
 * Lets two calls be under way at a time; whoever comes meanwhile goes with the next one. There is no timer:
 * who comes alone goes as soon as everybody has spoken who had something to say at the same time.
 */
export class Departures {
  #inFlight = 0;
  readonly #waiting = new Map<string, Flight[]>();

  /** Lets a flight wait for the next departure. */
  add(flight: Flight): void {
    const { group } = flight.question;
    const queue = this.#waiting.get(group);
    if (queue === undefined) {
      this.#waiting.set(group, [flight]);
    } else {
      queue.push(flight);
    }
  }

  /** Those who go together now, in one call; undefined if nobody may. A landing has to follow. */
  depart(): Flight[] | undefined {
    const next = this.#waiting.entries().next();
    if (this.#inFlight >= MOST_IN_FLIGHT || next.done === true) return undefined;
    const [group, queue] = next.value;
    const going = queue.splice(0, fitting(queue));
    this.#waiting.delete(group);
    if (queue.length > 0) this.#waiting.set(group, queue); // behind the others
    this.#inFlight++;
    return going;
  }

  /** A call is over. */
  land(): void {
    this.#inFlight--;
  }
}

/** How many of a queue fit in one call: one at least. */
function fitting(queue: readonly Flight[]): number {
  let count = 0;
  let size = 0;
  for (const { question } of queue) {
    size += question.token.length;
    if (count > 0 && (count >= MOST_TOKENS || size > MOST_BYTES)) break;
    count++;
  }
  return count;
}
