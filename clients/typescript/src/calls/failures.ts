import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema, DurationSchema } from "@bufbuild/protobuf/wkt";

import {
  type Failure,
  InternalError,
  InvalidArgumentError,
  LoginRefusedError,
  NotFoundError,
  PermissionDeniedError,
  RefreshRefusedError,
  SessiondError,
  UnavailableError,
  UnsupportedError,
} from "../errors.js";
import { spanMs } from "../messages/spans.js";
import { nameOfCode } from "./status-codes.js";

const DOMAIN = "sessiond";
const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";
/** After what time a failure is worth a repeat of which nobody says when. */
const PASSING_PAUSE_MS = 500;

/** What a call ended with, as gRPC tells it. */
export interface Status {
  readonly code: number;
  readonly details: string;
  /** The encoded google.rpc.Status, if one came with it. */
  readonly encoded: Uint8Array | undefined;
}

/** What a status means. */
export function toError(status: Status): SessiondError {
  const told = readDetails(status.encoded);
  const failure: Failure = { code: nameOfCode(status.code), ...told };
  return byMeaning(failure, status.details);
}

/** A failure of this side, or of the way, that no server told of. */
export function ownFailure(code: Failure["code"], message: string): SessiondError {
  return byMeaning({ code, ...NOTHING }, message);
}

/** This side ended the call: it tells nothing of a server. */
export function givenUp(): SessiondError {
  return new SessiondError({ code: "CANCELLED", ...NOTHING }, "the client was closed");
}

/** There is an answer, and not one result for each token. */
export const miscounted = (): SessiondError =>
  ownFailure("INTERNAL", "the answer has not one result for each token");

/** What a call about one token fails with where rejected tokens are too many. */
export const tooOften = (retryAfterMs: number): SessiondError =>
  byMeaning(
    { code: "RESOURCE_EXHAUSTED", reason: "RATE_LIMITED", metadata: {}, retryAfterMs, saysWhen: true },
    "this was done too often",
  );

/** Somebody's time is over. */
export const tooLate = (): SessiondError => ownFailure("DEADLINE_EXCEEDED", "the time of the call is over");

function byMeaning(failure: Failure, message: string): SessiondError {
  switch (failure.code) {
    case "CANCELLED": // of the server, or of gRPC where too many calls come at once
    case "UNAVAILABLE":
      return new UnavailableError(
        { ...failure, retryAfterMs: failure.retryAfterMs ?? PASSING_PAUSE_MS },
        message,
      );
    case "DEADLINE_EXCEEDED":
    case "RESOURCE_EXHAUSTED":
      return new UnavailableError(failure, message);
    case "UNAUTHENTICATED":
      // A proxy's word is about the caller's own credentials: it logs nobody out.
      return failure.reason === ""
        ? new SessiondError(failure, message)
        : new RefreshRefusedError(failure, message);
    case "INVALID_ARGUMENT":
      return new InvalidArgumentError(failure, message);
    case "FAILED_PRECONDITION":
      return new LoginRefusedError(failure, message);
    case "NOT_FOUND":
      return new NotFoundError(failure, message);
    case "PERMISSION_DENIED":
      return new PermissionDeniedError(failure, message);
    case "UNIMPLEMENTED":
      return new UnsupportedError(failure, message);
    case "INTERNAL":
      return new InternalError(failure, message);
    default:
      return new SessiondError(failure, message);
  }
}

type Told = Omit<Failure, "code">;

const NOTHING: Told = { reason: "", metadata: {}, retryAfterMs: undefined, saysWhen: false };

/** What details say, as far as they can be read; nothing where the status as a whole cannot. */
function readDetails(encoded: Uint8Array | undefined): Told {
  if (encoded === undefined) return NOTHING;
  const details = attempt(() =>
    fieldsOf(encoded)
      .filter(({ number }) => number === 3)
      .map(({ bytes }) => fromBinary(AnySchema, bytes)),
  );
  let told = NOTHING;
  for (const detail of details ?? []) {
    if (detail.typeUrl === ERROR_INFO) told = { ...told, ...attempt(() => readErrorInfo(detail.value)) };
    if (detail.typeUrl === RETRY_INFO) told = { ...told, ...attempt(() => readRetryInfo(detail.value)) };
  }
  return told;
}

/** A google.rpc.ErrorInfo, if it is sessiond's own. */
function readErrorInfo(encoded: Uint8Array): Partial<Told> {
  let reason = "";
  let domain = "";
  const metadata: Record<string, string> = {};
  for (const { number, bytes } of fieldsOf(encoded)) {
    if (number === 1) reason = text(bytes);
    if (number === 2) domain = text(bytes);
    if (number === 3) {
      const [name, value] = readEntry(bytes);
      metadata[name] = value;
    }
  }
  return domain === DOMAIN ? { reason, metadata } : {};
}

function readEntry(encoded: Uint8Array): [name: string, value: string] {
  const entry: [string, string] = ["", ""];
  for (const { number, bytes } of fieldsOf(encoded)) {
    if (number === 1) entry[0] = text(bytes);
    if (number === 2) entry[1] = text(bytes);
  }
  return entry;
}

/** A google.rpc.RetryInfo. */
function readRetryInfo(encoded: Uint8Array): Partial<Told> {
  const delay = fieldsOf(encoded).find(({ number }) => number === 1);
  if (delay === undefined) return {};
  return { retryAfterMs: spanMs(fromBinary(DurationSchema, delay.bytes)), saysWhen: true };
}

/** The fields of a message that have a length; the packages of google.rpc are not needed for these few. */
function fieldsOf(encoded: Uint8Array): { number: number; bytes: Uint8Array }[] {
  const reader = new BinaryReader(encoded);
  const fields = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) {
      fields.push({ number, bytes: reader.bytes() });
    } else {
      reader.skip(wireType, number);
    }
  }
  return fields;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Undefined for what cannot be read: what a library says about it shows parts of it. */
function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
