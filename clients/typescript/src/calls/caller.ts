import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";

import { invalid, SessiondError } from "../errors.js";
import { type Observer, tell } from "../observer.js";
import { attempt, type Sending } from "./attempts.js";
import { disconnect } from "./channel.js";
import { givenUp } from "./failures.js";
import { pauseMs, type Repeats } from "./repeats.js";
import { rest } from "./waiting.js";

/** How a call is made. */
export interface Plan {
  /** The header that shows who calls; empty for none. */
  readonly authorization: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly repeats: Repeats;
}

/** A call that is under way. */
interface Progress {
  readonly sending: Sending;
  readonly deadline: number;
  readonly began: number;
  attempts: number;
}

/** Something that goes on until it is over, or its signal aborts. */
interface UnderWay {
  readonly signal: AbortSignal;
  over(): void;
}

/** Makes calls: with a deadline, attempts, and errors by meaning. */
export class Caller {
  readonly #underWay = new Set<AbortController>();
  #isClosed = false;

  constructor(
    readonly client: Client,
    readonly observer: Observer,
  ) {}

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends the connection, and all that is under way: that rejects with a SessiondError that is CANCELLED. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const ending of this.#underWay) ending.abort(givenUp());
    disconnect(this.client);
  }

  /**
   * Takes note of what is under way from now on: its signal aborts with the caller's, and when this is closed.
   *
   * @throws SessiondError where that has been, or the reason of the caller's signal.
   */
  begin(signal: AbortSignal | undefined): UnderWay {
    signal?.throwIfAborted();
    if (this.#isClosed) throw givenUp();
    const ending = new AbortController();
    const leave = () => ending.abort(signal?.reason);
    this.#underWay.add(ending);
    signal?.addEventListener("abort", leave, { once: true });
    return {
      signal: ending.signal,
      over: () => {
        this.#underWay.delete(ending);
        signal?.removeEventListener("abort", leave);
      },
    };
  }

  /**
   * Makes a call, and again where that may help.
   *
   * @throws SessiondError, or the reason of the signal that ended it.
   */
  async call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    plan: Plan,
  ): Promise<MessageShape<Output>> {
    checkTimeout("timeoutMs", plan.timeoutMs);
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
    const progress: Progress = {
      sending: { bytes, authorization: plan.authorization },
      deadline: Date.now() + plan.timeoutMs,
      began: performance.now(),
      attempts: 0,
    };
    const underWay = this.begin(plan.signal);
    try {
      const response = await this.#attempts(method, progress, plan, underWay.signal);
      this.#tell(method, progress, undefined);
      return response;
    } catch (failed) {
      this.#tell(method, progress, failed);
      throw failed;
    } finally {
      underWay.over();
    }
  }

  async #attempts<Output extends DescMessage>(
    method: DescMethodUnary<DescMessage, Output>,
    progress: Progress,
    plan: Plan,
    signal: AbortSignal,
  ): Promise<MessageShape<Output>> {
    for (;;) {
      progress.attempts++;
      try {
        return await this.#one(method, progress, signal);
      } catch (failed) {
        if (signal.aborted || !(failed instanceof SessiondError)) throw failed;
        const passed = performance.now() - progress.began;
        const pause = pauseMs(plan.repeats, failed, progress.attempts, passed);
        // Who waits beyond the deadline gets the server's reason at once, and not its own deadline's.
        if (pause === undefined || passed + pause >= plan.timeoutMs) throw failed;
        await rest(pause, signal);
        plan.signal?.throwIfAborted();
        if (signal.aborted) throw failed; // the client was closed between two attempts
      }
    }
  }

  async #one<Output extends DescMessage>(
    method: DescMethodUnary<DescMessage, Output>,
    { sending, deadline }: Progress,
    signal: AbortSignal,
  ): Promise<MessageShape<Output>> {
    const { response, cancel } = attempt(this.client, method, sending, deadline);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await response;
    } catch (failed) {
      signal.throwIfAborted();
      throw failed;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #tell(method: DescMethodUnary, { began, attempts }: Progress, failed: unknown): void {
    if (this.observer.called === undefined) return;
    const told = failed instanceof SessiondError ? failed : { code: "CANCELLED" as const, reason: "" };
    const { code, reason } = failed === undefined ? { code: "OK" as const, reason: "" } : told;
    const durationMs = performance.now() - began;
    tell(() => this.observer.called?.({ method: method.name, code, reason, durationMs, attempts }));
  }
}

/** @throws InvalidArgumentError */
export function checkTimeout(name: string, milliseconds: number): void {
  if (!(milliseconds > 0)) throw invalid(name, `${milliseconds} ms`, "more than 0 ms");
}
