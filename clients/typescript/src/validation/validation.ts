import type { Caller } from "../calls/caller.js";
import type { Identify } from "../calls/key.js";
import { IDEMPOTENT } from "../calls/repeats.js";
import { openWatch } from "../calls/streams.js";
import type { Counters } from "../counters.js";
import { systemClock } from "../memory/clock.js";
import { digestOf } from "../memory/hashed-ids.js";
import { freshFor } from "../memory/knowledge.js";
import { Memory } from "../memory/memory.js";
import { toConsistency, toRequirements, toValidateRequest } from "../messages/requests.js";
import { toVerdict, toVerdicts } from "../messages/results.js";
import { readable, tokenText } from "../messages/texts.js";
import { type Numbers, tell } from "../observer.js";
import { checkPolicy, NOTHING, type Policy } from "../policy.js";
import type { RevokeSessionRequest, RevokeSessionResponse } from "../sessiond/v1/session_service_pb.js";
import { SessionService } from "../sessiond/v1/session_service_pb.js";
import type { Settings } from "../settings.js";
import type { ValidateAllOptions, ValidateOptions } from "../validator.js";
import type { Undecided, Verdict } from "../verdict.js";
import { Following, type Source } from "../watch/following.js";
import { Asking } from "./asking.js";
import { type Question, Questions } from "./question.js";
import { SingleCalls } from "./single.js";

/** Gives verdicts: from memory, by calls that are shared, or past both. */
export class Validation {
  readonly #memory: Memory | undefined;
  readonly #following: Following | undefined;
  readonly #asking: Asking;
  readonly #questions = new Questions();

  constructor(
    readonly caller: Caller,
    readonly identify: Identify,
    readonly counters: Counters,
    readonly settings: Settings,
  ) {
    const { cache, timeoutMs, isBatching } = settings;
    this.#memory = cache && new Memory(cache, systemClock);
    this.#following = this.#memory && new Following(this.#source(), this.#memory.knowledge, systemClock);
    this.#asking = new Asking(new SingleCalls(caller, this.#memory, systemClock), timeoutMs, isBatching);
  }

  close(): void {
    this.#following?.close();
  }

  /** What is kept, and may be repeated now. The revocations are followed from the first question on. */
  peek(token: string, policy: Policy = NOTHING): Verdict | undefined {
    return this.#find(this.#questions.ask(token, checkPolicy(policy), this.identify()));
  }

  async validate(token: string, policy: Policy = NOTHING, options: ValidateOptions = {}): Promise<Verdict> {
    const { consistency = "cached", certificateSha256, dpop, timeoutMs, signal } = options;
    checkPolicy(policy);
    const authorization = this.identify();
    const began = this.counters.begin();
    if (consistency !== "cached" || certificateSha256 !== undefined || dpop !== undefined) {
      const verdict = await this.#past(token, policy, authorization, options);
      return this.counters.end("BYPASSED", verdict, began);
    }
    const question = this.#questions.ask(token, policy, authorization);
    const kept = this.#find(question);
    if (kept !== undefined) return this.counters.end("HIT", kept, began);
    const { outcome, verdict } =
      timeoutMs === undefined
        ? await this.#asking.shared(question, signal)
        : await this.#asking.alone(question, timeoutMs, signal);
    return this.counters.end(outcome, verdict, began);
  }

  async validateAll(
    tokens: readonly string[],
    policy: Policy = NOTHING,
    { consistency = "cached", timeoutMs, signal }: ValidateAllOptions = {},
  ): Promise<(Verdict | Undecided)[]> {
    const request = {
      tokens: tokens.map((token) => readable(tokenText(token))),
      requirements: toRequirements(checkPolicy(policy)),
      consistency: toConsistency(consistency),
    };
    const plan = this.#plan(this.identify(), timeoutMs, signal);
    const response = await this.caller.call(SessionService.method.validateTokens, request, plan);
    return toVerdicts(response, tokens.length);
  }

  /** Carries out here what this client has just revoked. */
  end(target: RevokeSessionRequest["target"], response: RevokeSessionResponse): void {
    this.#memory?.end(target, response);
  }

  get numbers(): Numbers {
    const { HIT: hits, MISS: misses, JOINED: joined, BYPASSED: bypassed } = this.counters.counts;
    const known = this.#memory?.knowledge.freshness.known ?? -Infinity;
    return {
      hits,
      misses,
      joined,
      bypassed,
      entries: this.#memory?.cache.size ?? 0,
      evicted: this.#memory?.cache.evicted ?? 0,
      reconnects: this.#following?.reconnects ?? 0,
      watchAgeMs: known === -Infinity ? undefined : systemClock.exact().steady - known,
    };
  }

  /** How far this client has heard of revocations, and whether it may repeat what it keeps. */
  get known(): { readonly heardRevision: string; readonly isFresh: boolean } {
    const knowledge = this.#memory?.knowledge;
    const isFresh = knowledge !== undefined && freshFor(knowledge.freshness, systemClock.exact()) > 0;
    return { heardRevision: knowledge?.revision ?? "", isFresh };
  }

  #find(question: Question): Verdict | undefined {
    if (this.#memory === undefined) return undefined;
    const hit = this.#memory.cache.find(question.key, systemClock.now());
    if (hit !== undefined) {
      const { session, isStale } = hit.value;
      return { ok: true, session, cacheForMs: hit.cacheForMs, isStale };
    }
    this.#following?.start();
    return undefined;
  }

  /** By a call whose answer is for this caller alone; a REVOKED is learnt from all the same. */
  async #past(
    token: string,
    policy: Policy,
    authorization: string,
    options: ValidateOptions,
  ): Promise<Verdict> {
    const request = toValidateRequest(token, policy, options, options.consistency);
    const plan = this.#plan(authorization, options.timeoutMs, options.signal);
    const response = await this.caller.call(SessionService.method.validateToken, request, plan);
    const verdict = toVerdict(response);
    this.#memory?.learn(digestOf(tokenText(token)), verdict);
    return verdict;
  }

  #plan(authorization: string, timeoutMs = this.settings.timeoutMs, signal?: AbortSignal) {
    return { authorization, timeoutMs, signal, repeats: IDEMPOTENT };
  }

  #source(): Source {
    return {
      open: (fromRevision, listener) => {
        let authorization: string;
        try {
          authorization = this.identify();
        } catch {
          queueMicrotask(() => listener.end(undefined)); // the key may be had the next time
          return () => {};
        }
        return openWatch(this.caller.client, fromRevision, authorization, listener);
      },
      enter: (state) => {
        const { observer } = this.settings;
        tell(() => observer.watchChanged?.(state));
      },
    };
  }
}
