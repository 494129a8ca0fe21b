import { create } from "@bufbuild/protobuf";

import { toTimestamp } from "../messages/spans.js";
import { type Actor, ActorSchema, type Session, SessionSchema } from "../sessiond/v1/session_pb.js";
import { principalOf } from "./identifiers.js";
import { KEY_ID, type Parsed, type Part } from "./token.js";

/** Claims without which a token is not accepted, in the order in which they are looked for. */
export const REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"];

const SESSION_ID = /^sds_[A-Za-z0-9_-]{21}[AQgw]$/;
const SCOPE = /^[!#-[\]-~]+$/;
const DEEPEST_ACTOR = 4;
/** The end of the year 9999, in seconds. */
const LATEST = 253_402_300_799;

/** What a token says; times are milliseconds since 1970. */
export interface Claims {
  readonly session: Session;
  readonly all: Part;
  readonly expire: number;
  readonly issue: number;
  readonly notBefore: number;
  /** When the session began. */
  readonly since: number;
  readonly isBound: boolean;
  readonly isByDpop: boolean;
  /** The thumbprint to which the token is bound. */
  readonly certificate: unknown;
}

/** The name of a claim that is not of its form. */
export class ClaimError extends Error {}

/** @throws ClaimError */
export function readClaims({ claims: all, payload }: Parsed): Claims {
  const issuer = identifier(all, "iss");
  const subject = identifier(all, "sub");
  const expire = date(all, "exp");
  const issue = date(all, "iat");
  const authTime = date(all, "auth_time");
  const session = create(SessionSchema, {
    principal: principalOf(issuer, subject),
    issuer,
    subject,
    sessionId: identifier(all, "sid"),
    tenantId: identifier(all, "tenant_id"),
    clientId: identifier(all, "client_id"),
    tokenId: identifier(all, "jti"),
    keyId: KEY_ID,
    audiences: typeof all["aud"] === "string" ? [all["aud"]] : list(all, "aud"),
    scopes: scopes(all),
    roles: list(all, "roles"),
    permissions: list(all, "permissions"),
    acr: text(all, "acr"),
    amr: list(all, "amr"),
    ...actorOf(all["act"], issuer, DEEPEST_ACTOR),
    ...(all["auth_time"] !== undefined && { authTime: toTimestamp(new Date(authTime)) }),
    expireTime: toTimestamp(new Date(expire)),
    issueTime: toTimestamp(new Date(issue)),
    claimsJson: payload,
  });
  if (!isSessionId(session.sessionId)) throw new ClaimError("sid");
  const confirmation = all["cnf"] as { "x5t#S256"?: unknown; jkt?: unknown } | undefined;
  return {
    session,
    all,
    expire,
    issue,
    notBefore: date(all, "nbf"),
    since: Number(all["sct"] ?? 0),
    isBound: confirmation !== undefined,
    isByDpop: confirmation?.jkt !== undefined,
    certificate: confirmation?.["x5t#S256"],
  };
}

export const isSessionId = (id: string): boolean => SESSION_ID.test(id);

export const isIdentifier = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && [...value].length <= 255 && !/\p{Cc}/u.test(value);

function text(all: Part, name: string): string {
  const value = all[name] ?? "";
  if (typeof value !== "string") throw new ClaimError(name);
  return value;
}

function identifier(all: Part, name: string): string {
  const value = text(all, name);
  if (all[name] !== undefined && !isIdentifier(value)) throw new ClaimError(name);
  return value;
}

function list(all: Part, name: string): string[] {
  const values = all[name] ?? [];
  if (!Array.isArray(values) || !values.every((one) => typeof one === "string")) throw new ClaimError(name);
  return values;
}

function scopes(all: Part): string[] {
  const { scope } = all;
  const found = typeof scope === "string" ? scope.split(" ").filter((one) => one !== "") : list(all, "scope");
  if (!found.every((one) => SCOPE.test(one))) throw new ClaimError("scope");
  return [...new Set(found)];
}

/** Milliseconds since 1970; 0 where there is none. */
function date(all: Part, name: string): number {
  const seconds = all[name] ?? 0;
  if (typeof seconds !== "number" || seconds < 0 || seconds > LATEST) throw new ClaimError(name);
  return Math.floor(seconds * 1_000);
}

function actorOf(value: unknown, issuer: string, depth: number): { actor?: Actor } {
  if (value === undefined) return {};
  const { sub, iss, act } = (value ?? {}) as { sub?: unknown; iss?: unknown; act?: unknown };
  if (depth === 0 || !isIdentifier(sub)) throw new ClaimError("act");
  const own = typeof iss === "string" ? iss : issuer;
  const actor = create(ActorSchema, { issuer: own, subject: sub, ...actorOf(act, issuer, depth - 1) });
  return { actor };
}
