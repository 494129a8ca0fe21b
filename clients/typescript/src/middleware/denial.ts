import { SessiondError, InvalidArgumentError, UnavailableError } from "../errors.js";
import type { Policy } from "../policy.js";
import type { NextAction, Rejection } from "../verdict.js";

/** A row of the tables of statuses; what is misconfigured nobody but the operator can do anything about. */
export type Kind =
  | "noCredentials"
  | "invalidRequest"
  | "crossSite"
  | "noPolicy"
  | "insufficient"
  | "rejected"
  | "unavailable"
  | "misconfigured";

/** What a request is told that does not get through. */
export interface Denial {
  readonly kind: Kind;
  /** That of a rejection, or one for the kind otherwise. */
  readonly reason: string;
  /** Undefined where the client can do nothing but repeat the request. */
  readonly nextAction: NextAction | undefined;
  /** Values of WWW-Authenticate. */
  readonly challenges: readonly string[];
  readonly retryAfterMs: number | undefined;
  /** The same request made again, once, may get through. */
  readonly retry?: boolean;
  /** Why, and not for the client; undefined where nobody was asked. */
  readonly error: unknown;
}

const NOTHING_MORE = {
  nextAction: undefined,
  challenges: [],
  retryAfterMs: undefined,
  error: undefined,
} as const;

/** For a request without a token (RFC 6750 section 3.1): no error, but what is required. */
export function ofMissing(policy: Policy | undefined, takesDpop: boolean): Denial {
  const scopes = policy?.requirements.scopes ?? [];
  const parameters = scopes.length > 0 ? ` scope="${scopes.join(" ")}"` : "";
  const challenges = [`Bearer${parameters}`, ...(takesDpop ? [`DPoP${parameters}`] : [])];
  const nextAction = "REAUTHENTICATE";
  return { ...NOTHING_MORE, kind: "noCredentials", reason: "NO_CREDENTIALS", nextAction, challenges };
}

/** For a request of which it is not clear which token it means. */
export function ofInvalid(error: unknown): Denial {
  const challenges = [`Bearer error="invalid_request"`];
  return { ...NOTHING_MORE, kind: "invalidRequest", reason: "INVALID_REQUEST", challenges, error };
}

/** For a request that another site made a browser send. */
export const ofCrossSite = (): Denial => ({
  ...NOTHING_MORE,
  kind: "crossSite",
  reason: "CROSS_SITE",
  nextAction: "DENY",
});

/** For what nobody has said anything about. */
export const ofNoPolicy = (): Denial => ({
  ...NOTHING_MORE,
  kind: "noPolicy",
  reason: "NO_POLICY",
  nextAction: "DENY",
});

export function ofRejection({ reason, nextAction, wwwAuthenticate }: Rejection): Denial {
  const kind = reason === "SCOPE_INSUFFICIENT" ? "insufficient" : "rejected";
  // A 401 has a challenge (RFC 9110 section 15.5.2), whatever a newer server leaves out.
  const challenges = [wwwAuthenticate || `Bearer error="invalid_token"`];
  return { ...NOTHING_MORE, kind, reason, nextAction, challenges };
}

/** For what a validator threw. */
export function ofError(error: unknown): Denial {
  if (error instanceof InvalidArgumentError && error.field.startsWith("proof")) {
    return ofInvalid(error); // it is the client's, not ours
  }
  const isCancelled = error instanceof SessiondError && error.code === "CANCELLED";
  if (error instanceof UnavailableError || isCancelled || isAbort(error)) {
    const toldMs = error instanceof SessiondError ? (error.retryAfterMs ?? 0) : 0;
    const retryAfterMs = Math.max(1_000, toldMs);
    return { ...NOTHING_MORE, kind: "unavailable", reason: "UNAVAILABLE", retryAfterMs, error };
  }
  return { ...NOTHING_MORE, kind: "misconfigured", reason: "INTERNAL", error };
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** What an operator has to mend: a constant text, and fields. */
export interface Complaint {
  readonly message: string;
  readonly about: string;
  readonly reason: string;
  /**
   * The text of an error of this client's, and of another its name alone: its text may have anything in it.
   */
  readonly error: string | undefined;
}

export type Log = (complaint: Complaint) => void;

/** Tells the operator of what only the operator can mend. */
export function complain(log: Log, { kind, reason, error }: Denial, about: string): void {
  if (kind !== "misconfigured" && kind !== "noPolicy") return;
  const message = "sessiond: a request is refused because of this service's own configuration";
  const name = error instanceof Error ? error.name : error === undefined ? undefined : typeof error;
  log({ message, about, reason, error: error instanceof SessiondError ? error.message : name });
}

export const logToConsole: Log = ({ message, ...fields }) => console.error(message, fields);
