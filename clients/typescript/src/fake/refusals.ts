import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Metadata, status } from "@grpc/grpc-js";

import { statusBytes } from "../middleware/status-details.js";

/** What a call is refused with. */
export interface Refusal {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** Ends a call with a refusal. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.details);
  }
}

function refused(
  code: status,
  reason: string,
  details: string,
  about: Record<string, string> = {},
): RefusedError {
  const info = new BinaryWriter();
  const put = (to: BinaryWriter, number: number, value: string) =>
    to.tag(number, WireType.LengthDelimited).string(value);
  put(put(info, 1, reason), 2, "sessiond");
  for (const [name, value] of Object.entries(about)) {
    const entry = put(put(new BinaryWriter(), 1, name), 2, value).finish();
    info.tag(3, WireType.LengthDelimited).bytes(entry);
  }
  const metadata = new Metadata();
  const encoded = statusBytes(code, details, [{ type: "ErrorInfo", value: info.finish() }]);
  metadata.set("grpc-status-details-bin", encoded);
  return new RefusedError({ code, details, metadata });
}

export function fieldInvalid(field: string, found: string, allowed: string): RefusedError {
  const text = `${field}: found ${found}, allowed is ${allowed}`;
  return refused(status.INVALID_ARGUMENT, "FIELD_INVALID", text, { field, found, allowed });
}

export const notASessionId = (field: string): RefusedError =>
  fieldInvalid(
    field,
    "what is no session id",
    "sds_ and 22 base64url characters, as CreateSession gave it out",
  );

export const unsupported = (field: string): RefusedError =>
  refused(status.UNIMPLEMENTED, "FEATURE_UNSUPPORTED", `${field}: this fake does not carry it out`, {
    field,
  });

export const sessionNotFound = (): RefusedError =>
  refused(status.NOT_FOUND, "SESSION_NOT_FOUND", "no live session has this id");

const REFRESH_REFUSALS = {
  REFRESH_TOKEN_INVALID: "this is not a refresh token that sessiond gave out: log in again",
  REFRESH_TOKEN_SUPERSEDED: "a newer refresh token was given out for this one: use that; the session lives",
  REFRESH_TOKEN_REUSED: "the refresh token had been used before, so its session has been ended: log in again",
  SESSION_REVOKED: "the session has been ended: log in again",
  SESSION_IDLE_TIMEOUT: "the session was not used for too long: log in again",
  SESSION_LIFETIME_EXCEEDED: "the session has reached its longest life: log in again",
  BINDING_MISMATCH:
    "the session is bound to a key whose possession was not proven: bring a new proof; the session lives",
};

export const refreshRefused = (reason: keyof typeof REFRESH_REFUSALS): RefusedError =>
  refused(status.UNAUTHENTICATED, reason, REFRESH_REFUSALS[reason]);

/** What gRPC says by itself where it does not get to a server. */
export const NOBODY_THERE: Refusal = { code: status.UNAVAILABLE, details: "nobody is there" };
