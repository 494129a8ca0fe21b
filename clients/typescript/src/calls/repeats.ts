import type { SessiondError } from "../errors.js";
import type { Proofs } from "../login.js";

/** Says which failed calls of a method are made again. */
export interface Repeats {
  readonly attempts: number;
  /** How long after the first attempt the last may begin, in milliseconds. */
  readonly withinMs: number;
  /** Leaves out calls whose answer was lost, and which may have been carried out. */
  readonly onlyIfAnswered: boolean;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
const MOST_ATTEMPTS = 3;
/** The grace of a refresh token is 10 s unless configured. */
const WITHIN_GRACE_MS = 8_000;

/** What is asked may be asked again, and what has ended is not ended twice. */
export const IDEMPOTENT: Repeats = { attempts: MOST_ATTEMPTS, withinMs: Infinity, onlyIfAnswered: false };
/** Whether a lost answer has opened a session is not known. */
export const ONCE: Repeats = { ...IDEMPOTENT, attempts: 1 };

/**
 * Those of a refresh. A DPoP proof is good once (RFC 9449 section 11.1): an attempt whose answer was lost may
 * have spent it.
 */
export const repeatsOfRefresh = ({ dpop }: Proofs): Repeats => ({
  attempts: MOST_ATTEMPTS,
  withinMs: WITHIN_GRACE_MS,
  onlyIfAnswered: dpop !== undefined,
});

/**
 * How long to wait before the next attempt, in milliseconds; undefined where there is to be none. What
 * sessiond says is obeyed.
 */
export function pauseMs(
  repeats: Repeats,
  failed: SessiondError,
  attempts: number,
  passedMs: number,
): number | undefined {
  if (failed.code !== "UNAVAILABLE" || attempts >= repeats.attempts) return undefined;
  const isAnswered = failed.reason !== "";
  if (repeats.onlyIfAnswered && !isAnswered) return undefined;
  const own = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1)) * (0.5 + Math.random() / 2);
  const pause = isAnswered && failed.saysWhen ? (failed.retryAfterMs ?? own) : own;
  return passedMs + pause < repeats.withinMs ? pause : undefined;
}
