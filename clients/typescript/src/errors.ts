import type { StatusCode } from "./calls/status-codes.js";

/** What all errors of calls have. */
export interface Failure {
  readonly code: StatusCode;
  /**
   * A name of ErrorReason without its prefix, such as STORE_UNAVAILABLE; empty where sessiond did not answer.
   */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * When the same call may be repeated; undefined where waiting has no use, 0 where the server says at once.
   */
  readonly retryAfterMs: number | undefined;
  /** Whether a server said when; otherwise `retryAfterMs` is a guess of this client's. */
  readonly saysWhen: boolean;
}

/**
 * A call that was refused or that failed; each has a class by its meaning, such as {@link UnavailableError}.
 * No token and no key is in it.
 */
export class SessiondError extends Error implements Failure {
  override readonly name: string = "SessiondError";
  readonly code: StatusCode;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  readonly saysWhen: boolean;

  constructor(failure: Failure, message: string) {
    super(`${failure.code}${failure.reason && ` (${failure.reason})`}: ${message}`);
    this.code = failure.code;
    this.reason = failure.reason;
    this.metadata = failure.metadata;
    this.retryAfterMs = failure.retryAfterMs;
    this.saysWhen = failure.saysWhen;
  }
}

/** A refresh token opens nothing. */
export class RefreshRefusedError extends SessiondError {
  override readonly name = "RefreshRefusedError";

  /**
   * Whether the session goes on all the same, so that nobody has to log in again: a newer refresh token was
   * given out for this one, or the proof of possession was not right.
   */
  get sessionLives(): boolean {
    return this.reason === "REFRESH_TOKEN_SUPERSEDED" || this.reason === "BINDING_MISMATCH";
  }
}

/** What a login produced does not open a session. */
export class LoginRefusedError extends SessiondError {
  override readonly name = "LoginRefusedError";

  /** Why: a Reason, or one more of those that LOGIN_REFUSED documents. */
  get rejection(): string {
    return this.metadata["rejection"] ?? "";
  }
}

/** A field has a value that is not allowed; this client refuses some by itself, before there is a call. */
export class InvalidArgumentError extends SessiondError {
  override readonly name = "InvalidArgumentError";

  /** Empty where the message as a whole could not be read. */
  get field(): string {
    return this.metadata["field"] ?? "";
  }
}

/** No live session has the id. */
export class NotFoundError extends SessiondError {
  override readonly name = "NotFoundError";
}

/** This caller may not do this. It says nothing of the end user's token. */
export class PermissionDeniedError extends SessiondError {
  override readonly name = "PermissionDeniedError";
}

/** Nothing was decided: repeat the same call, after `retryAfterMs` where that is set. */
export class UnavailableError extends SessiondError {
  override readonly name = "UnavailableError";
}

/** The server does not carry this out. */
export class UnsupportedError extends SessiondError {
  override readonly name = "UnsupportedError";
}

/** A defect of the server, or of what is between it and this client. */
export class InternalError extends SessiondError {
  override readonly name = "InternalError";
}

/** What this client refuses by itself, in the server's own form. */
export function invalid(field: string, found: string, allowed: string): InvalidArgumentError {
  const metadata = { field, found, allowed };
  return new InvalidArgumentError(
    {
      code: "INVALID_ARGUMENT",
      reason: "FIELD_INVALID",
      metadata,
      retryAfterMs: undefined,
      saysWhen: false,
    },
    `${field}: found ${found}, allowed is ${allowed}`,
  );
}
