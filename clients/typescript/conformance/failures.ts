import * as sessiond from "../src/index.js";
import { type Plain, shown } from "./plain.js";

const KINDS: readonly [new (...all: never[]) => sessiond.SessiondError, string][] = [
  [sessiond.RefreshRefusedError, "refresh_refused"],
  [sessiond.LoginRefusedError, "login_refused"],
  [sessiond.InvalidArgumentError, "invalid_argument"],
  [sessiond.NotFoundError, "not_found"],
  [sessiond.PermissionDeniedError, "permission_denied"],
  [sessiond.UnavailableError, "unavailable"],
  [sessiond.UnsupportedError, "unsupported"],
  [sessiond.InternalError, "internal"],
];

/** What went wrong; `isUsage` says that there was no call. */
export function failure(error: unknown, isUsage: boolean): Plain {
  if (error instanceof DOMException && error.name === "AbortError") {
    return { cancelled: true, shown: shown(error) };
  }
  if (!(error instanceof sessiond.SessiondError)) return usage(error);
  if (isUsage || error.metadata["field"] === "timeoutMs") return usage(error);
  if (error.code === "CANCELLED" && !(error instanceof sessiond.UnavailableError)) {
    return { cancelled: true, shown: shown(error) };
  }
  return { error: told(error), shown: shown(error) };
}

const usage = (error: unknown): Plain => ({
  error: { kind: "usage", text: error instanceof Error ? error.message : String(error) },
  shown: shown(error),
});

const told = (error: sessiond.SessiondError): Plain => ({
  kind: KINDS.find(([type]) => error instanceof type)?.[1] ?? "other",
  code: error.code,
  reason: error.reason,
  metadata: error.metadata,
  retry_after: error.retryAfterMs ? error.retryAfterMs / 1_000 : null,
  text: error.message,
  ...(error instanceof sessiond.RefreshRefusedError && { session_lives: error.sessionLives }),
});
