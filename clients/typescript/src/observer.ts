import type { StatusCode } from "./calls/status-codes.js";
import type { Reason } from "./verdict.js";

/**
 * How a validation was answered: from memory; by a call of its own, alone or among others; by a call for the
 * same token that was under way; or past what is kept, with a proof or a consistency.
 */
export type Outcome = "HIT" | "MISS" | "JOINED" | "BYPASSED";

/** A verdict that was given. */
export interface Validation {
  readonly outcome: Outcome;
  readonly isAccepted: boolean;
  /** Of a rejection. */
  readonly reason: Reason | undefined;
  readonly durationMs: number;
}

/** A call that was made, or refused, or failed. */
export interface Call {
  /** Such as ValidateToken. */
  readonly method: string;
  readonly code: StatusCode | "OK";
  /** As in a SessiondError. */
  readonly reason: string;
  readonly durationMs: number;
  readonly attempts: number;
}

/**
 * How the stream of revocations is doing: what is kept may be repeated; none is open, and it is opened again;
 * the server has none for this caller, and is asked every 30 s.
 */
export type WatchState = "FRESH" | "LOST" | "REFUSED";

/**
 * Is told as it happens, where it happens: what it is given must be quick. What it throws harms nobody else.
 * No token, no subject and no key is told.
 */
export interface Observer {
  /** A token has got its verdict. */
  validated?(validation: Validation): void;
  /** A call to a server has ended, with all its attempts. The stream of revocations is not told. */
  called?(call: Call): void;
  /** The stream of revocations is in another state than before. */
  watchChanged?(state: WatchState): void;
}

/** What a client has done so far, and what it keeps now. */
export interface Numbers {
  readonly hits: number;
  readonly misses: number;
  readonly joined: number;
  readonly bypassed: number;
  /** What is kept. */
  readonly entries: number;
  /** What had to go because there was more. */
  readonly evicted: number;
  /** Streams of revocations that were opened because one had ended. */
  readonly reconnects: number;
  /** How long ago everything that was revoked was known; undefined where nothing is. */
  readonly watchAgeMs: number | undefined;
}

/** Tells an observer; what it throws harms nobody else. */
export function tell(telling: () => void): void {
  try {
    telling();
  } catch (error) {
    process.emitWarning(`an observer of sessiond failed: ${error instanceof Error ? error.name : "?"}`);
  }
}
