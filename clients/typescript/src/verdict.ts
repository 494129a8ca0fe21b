import type { Session } from "./session.js";

/**
 * Why a token is not accepted. One that is newer than this client is UNSPECIFIED, and a rejection all the
 * same.
 */
export type Reason =
  | "UNSPECIFIED"
  | "TOO_LARGE"
  | "MALFORMED"
  | "ISSUER_NOT_TRUSTED"
  | "ALGORITHM_NOT_ALLOWED"
  | "KEY_UNKNOWN"
  | "SIGNATURE_INVALID"
  | "TYPE_NOT_ALLOWED"
  | "CLAIM_MISSING"
  | "CLAIM_INVALID"
  | "EXPIRED"
  | "NOT_YET_VALID"
  | "AUDIENCE_MISMATCH"
  | "BINDING_MISMATCH"
  | "REVOKED"
  | "SCOPE_INSUFFICIENT"
  | "STEP_UP_REQUIRED";

/**
 * What the bearer's client can do about a rejection: refresh the session and try again, log in again, log in
 * again with what the challenge asks for, or nothing. One that is newer than this client is UNSPECIFIED.
 */
export type NextAction = "UNSPECIFIED" | "REFRESH" | "REAUTHENTICATE" | "STEP_UP" | "DENY";

/** Why a token is not accepted. It tells of the token's bearer, never of the caller. */
export interface Rejection {
  readonly reason: Reason;
  /** The same for people; nothing of the token is in it. */
  readonly message: string;
  readonly nextAction: NextAction;
  /** The value for that header (RFC 6750, RFC 9470). */
  readonly wwwAuthenticate: string;
}

/** A token that is accepted. */
export interface Accepted {
  readonly ok: true;
  readonly rejection?: undefined;
  readonly undecided?: undefined;
  readonly session: Session;
  /** How long this acceptance may be repeated to others, from the moment of the call on; 0 is not at all. */
  readonly cacheForMs: number;
  /**
   * The token may have been revoked: the server's store does not answer, and its operator chose to accept
   * tokens all the same.
   */
  readonly isStale: boolean;
}

/** A token that is not accepted. */
export interface Rejected {
  readonly ok: false;
  readonly rejection: Rejection;
  readonly undecided?: undefined;
}

/** What is said of one token. */
export type Verdict = Accepted | Rejected;

/**
 * That there is no verdict on one token of many for now: it is not accepted, nor does its user have to log
 * in.
 */
export interface Undecided {
  readonly ok: false;
  readonly rejection?: undefined;
  readonly undecided: {
    /** As that of a SessiondError: KEYS_UNAVAILABLE or RATE_LIMITED. */
    readonly reason: string;
    /** When the token may be asked about again. */
    readonly retryAfterMs: number;
  };
}
