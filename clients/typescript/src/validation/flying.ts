import { givenUp, miscounted, tooOften } from "../calls/failures.js";
import { IDEMPOTENT } from "../calls/repeats.js";
import { SessiondError } from "../errors.js";
import type { Asked } from "../memory/knowledge.js";
import { toRequirements } from "../messages/requests.js";
import { spanMs } from "../messages/spans.js";
import { readable, tokenText } from "../messages/texts.js";
import { ErrorReason } from "../sessiond/v1/error_reason_pb.js";
import { SessionService, type ValidateTokenResponse } from "../sessiond/v1/session_service_pb.js";
import type { Flight, Landed } from "./flights.js";
import type { SingleCalls } from "./single.js";
import { Turns } from "./turns.js";

/** How many of a batch that has to be taken apart are asked about at once. */
const SINGLY_AT_ONCE = 8;

/** Carries flights to their landing. Nothing of it rejects. */
export class Flying {
  readonly #singly = new Turns(SINGLY_AT_ONCE);

  constructor(
    readonly calls: SingleCalls,
    readonly timeoutMs: number,
    /** Is told of each landing, which is made by it. */
    readonly land: (flight: Flight, landed: Landed) => void,
  ) {}

  /**
   * Asks about those who departed together, in one call. Who is asked about singly then is not waited for.
   */
  async fly(batch: readonly Flight[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    if (batch.length === 1) return this.alone(first);
    const asked = this.calls.asked();
    try {
      this.#landAll(batch, await this.#together(batch, first), asked);
    } catch (failed) {
      if (failed instanceof SessiondError && failed.reason === "KEYS_UNAVAILABLE") {
        this.#apart(batch); // one bad token harms itself only
      } else {
        for (const flight of batch) this.land(flight, { failed: asError(failed) });
      }
    }
  }

  async alone(flight: Flight): Promise<void> {
    try {
      this.land(flight, await this.calls.one(flight.question, this.timeoutMs));
    } catch (failed) {
      this.land(flight, { failed: asError(failed) });
    }
  }

  /** The call of a batch gives one result for each token. */
  async #together(batch: readonly Flight[], first: Flight): Promise<ValidateTokenResponse[]> {
    const { policy, authorization } = first.question;
    const tokens = batch.map(({ question }) => readable(tokenText(question.token)));
    const request = { tokens, requirements: toRequirements(policy) };
    const plan = { authorization, timeoutMs: this.timeoutMs, signal: undefined, repeats: IDEMPOTENT };
    const { results } = await this.calls.caller.call(SessionService.method.validateTokens, request, plan);
    if (results.length !== batch.length) throw miscounted();
    return results;
  }

  #landAll(batch: readonly Flight[], results: readonly ValidateTokenResponse[], asked: Asked): void {
    const undecided: Flight[] = [];
    batch.forEach((flight, i) => {
      const result = results[i] as ValidateTokenResponse;
      if (result.verdict.case !== "undecided") {
        this.land(flight, this.calls.take(flight.question, result, asked));
      } else if (result.verdict.value.reason === ErrorReason.RATE_LIMITED) {
        this.land(flight, { failed: tooOften(spanMs(result.verdict.value.retryAfter)) });
      } else {
        undecided.push(flight);
      }
    });
    this.#apart(undecided);
  }

  #apart(flights: readonly Flight[]): void {
    for (const flight of flights) void this.#singly.take(() => this.#ifAwaited(flight));
  }

  /** Where a server is slow, a queue of those for whom nobody waits would have it asked for nobody. */
  async #ifAwaited(flight: Flight): Promise<void> {
    if (flight.waiting > 0) await this.alone(flight);
    else this.land(flight, { failed: givenUp() });
  }
}

/** What is none of ours is a mistake in the program, and shows nothing of what it was about. */
const asError = (failed: unknown): SessiondError => (failed instanceof SessiondError ? failed : givenUp());
