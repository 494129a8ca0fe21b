import type { Caller } from "../calls/caller.js";
import { IDEMPOTENT } from "../calls/repeats.js";
import { SessiondError } from "../errors.js";
import type { Clock } from "../memory/clock.js";
import type { Asked } from "../memory/knowledge.js";
import type { Memory } from "../memory/memory.js";
import { toValidateRequest } from "../messages/requests.js";
import { toLasting, toVerdict } from "../messages/results.js";
import { SessionService, type ValidateTokenResponse } from "../sessiond/v1/session_service_pb.js";
import type { Landed } from "./flights.js";
import type { Question } from "./question.js";

/** Asks about one token by one call. What that brings is kept in memory, where there is one. */
export class SingleCalls {
  constructor(
    readonly caller: Caller,
    readonly memory: Memory | undefined,
    readonly clock: Clock,
  ) {}

  /** It is taken before a call is made. */
  asked(): Asked {
    return { at: this.clock.exact(), epoch: this.memory?.knowledge.epoch ?? 0 };
  }

  /** Rejects with the reason of the signal that ended it, and with nothing else. */
  async one(question: Question, timeoutMs: number, signal?: AbortSignal): Promise<Landed> {
    const asked = this.asked();
    const { token, policy, authorization } = question;
    const request = toValidateRequest(token, policy);
    const plan = { authorization, timeoutMs, signal, repeats: IDEMPOTENT };
    try {
      const response = await this.caller.call(SessionService.method.validateToken, request, plan);
      return this.take(question, response, asked);
    } catch (failed) {
      if (failed instanceof SessiondError) return { failed };
      throw failed;
    }
  }

  /** Reads an answer, keeps an acceptance, and learns from a rejection. */
  take(question: Question, response: ValidateTokenResponse, asked: Asked): Landed {
    const verdict = toVerdict(response);
    if (!verdict.ok) {
      this.memory?.learn(question.digest, verdict);
      return { verdict, answer: undefined };
    }
    const { session, isStale } = verdict;
    const kept = { session, isStale };
    const answer = this.memory?.keep(question.key, question.digest, kept, toLasting(response), asked);
    return { verdict, answer };
  }
}
