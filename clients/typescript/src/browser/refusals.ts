import { RefreshRefusedError } from "../errors.js";
import { type Denial, ofError } from "../middleware/denial.js";

export const SUPERSEDED = "REFRESH_TOKEN_SUPERSEDED";
const UNPROVEN = "BINDING_MISMATCH";
const INVALID = "REFRESH_TOKEN_INVALID";

/**
 * The refusals after which a refresh token is worth nothing for good. A reason that is newer than this client
 * may mean anything, and clears nothing.
 */
const ENDED = new Set([
  INVALID,
  "REFRESH_TOKEN_REUSED",
  "SESSION_REVOKED",
  "SESSION_IDLE_TIMEOUT",
  "SESSION_LIFETIME_EXCEEDED",
  "PROVIDER_REFUSED",
]);

/** Why a refresh token opens nothing. */
export interface Refusal {
  readonly reason: string;
  readonly error: unknown;
}

/** What came of a refresh: tokens, where it is empty. */
export interface Refreshed {
  readonly refusal?: Refusal;
  /** Nothing was decided. */
  readonly failed?: Denial;
}

/** What an error says of a refresh. */
export const ofRefreshError = (error: unknown): Refreshed =>
  error instanceof RefreshRefusedError
    ? { refusal: { reason: error.reason, error } }
    : { failed: ofError(error) };

/** For a refresh token that no server need be asked about. */
export const ofNoForm = (): Refreshed => ({ refusal: { reason: INVALID, error: undefined } });

/** Whether the session has ended, or never was. */
export const hasEnded = ({ reason }: Refusal): boolean => ENDED.has(reason);

export function denialOf({ reason, error }: Refusal): Denial {
  const usual: Denial = {
    kind: "rejected",
    reason,
    nextAction: "REAUTHENTICATE",
    challenges: [`Bearer error="invalid_token"`],
    retryAfterMs: undefined,
    error,
  };
  // The browser has newer cookies by now.
  if (reason === SUPERSEDED)
    return { ...usual, reason: "session_superseded", nextAction: undefined, retry: true };
  return reason === UNPROVEN ? { ...usual, nextAction: "DENY" } : usual;
}
