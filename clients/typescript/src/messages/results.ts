import { create } from "@bufbuild/protobuf";

import { miscounted, ownFailure } from "../calls/failures.js";
import type { Lasting } from "../memory/memory.js";
import { type Actor, Session, type SessionRecord } from "../session.js";
import { ErrorReason } from "../sessiond/v1/error_reason_pb.js";
import {
  type Actor as ActorMessage,
  type Rejection as RejectionMessage,
  Rejection_NextAction,
  Rejection_Reason,
  type Session as SessionMessage,
  SessionSchema,
  type SessionRecord as RecordMessage,
  type Tokens as TokensMessage,
  type Undecided as UndecidedMessage,
} from "../sessiond/v1/session_pb.js";
import type {
  RevokeSessionResponse,
  ValidateTokenResponse,
  ValidateTokensResponse,
} from "../sessiond/v1/session_service_pb.js";
import type { RevocationResult } from "../revoke.js";
import { Tokens } from "../tokens.js";
import type { NextAction, Reason, Rejected, Undecided, Verdict } from "../verdict.js";
import { dateOf, spanMs } from "./spans.js";

/**
 * What was said of a token. A verdict that is not set, or of a kind that this client does not know, is a
 * rejection.
 */
export function toVerdict(response: ValidateTokenResponse): Verdict {
  const { verdict } = response;
  if (verdict.case !== "session") {
    return toRejected(verdict.case === "rejection" ? verdict.value : undefined);
  }
  return Object.freeze({
    ok: true,
    session: toSession(verdict.value),
    cacheForMs: spanMs(response.cacheFor),
    isStale: response.stale,
  });
}

/** What an answer says of being kept. */
export const toLasting = (response: ValidateTokenResponse): Lasting => ({
  revisionAgeMs: spanMs(response.revisionAge),
  cacheForMs: spanMs(response.cacheFor),
  watchedCacheForMs: spanMs(response.watchedCacheFor),
  configuration: response.configuration,
});

function toRejected(message: RejectionMessage | undefined): Rejected {
  const rejection = Object.freeze({
    reason: nameOf(Rejection_Reason, message?.reason) as Reason,
    message: message?.message ?? "",
    nextAction: nameOf(Rejection_NextAction, message?.nextAction) as NextAction,
    wwwAuthenticate: message?.wwwAuthenticate ?? "",
  });
  return Object.freeze({ ok: false, rejection });
}

function toUndecided(message: UndecidedMessage): Undecided {
  const reason = nameOf(ErrorReason, message.reason);
  return { ok: false, undecided: { reason, retryAfterMs: spanMs(message.retryAfter) } };
}

/**
 * What was said of each of many tokens; of too few or too many is an InternalError: whoever pairs them would
 * take one user for another.
 */
export function toVerdicts(response: ValidateTokensResponse, tokens: number): (Verdict | Undecided)[] {
  if (response.results.length !== tokens) throw miscounted();
  return response.results.map((result) =>
    result.verdict.case === "undecided" ? toUndecided(result.verdict.value) : toVerdict(result),
  );
}

export function toSession(message: SessionMessage = create(SessionSchema)): Session {
  return new Session({
    principal: message.principal,
    issuer: message.issuer,
    subject: message.subject,
    sessionId: message.sessionId,
    providerSessionId: message.providerSessionId,
    tenantId: message.tenantId,
    clientId: message.clientId,
    tokenId: message.tokenId,
    keyId: message.keyId,
    audiences: message.audiences,
    scopes: message.scopes,
    roles: message.roles,
    permissions: message.permissions,
    issueTime: dateOf(message.issueTime),
    expireTime: dateOf(message.expireTime),
    authTime: dateOf(message.authTime),
    acr: message.acr,
    amr: message.amr,
    actor: message.actor && toActor(message.actor),
    claimsJson: message.claimsJson,
  });
}

const toActor = (message: ActorMessage): Actor =>
  Object.freeze({
    issuer: message.issuer,
    subject: message.subject,
    ...(message.actor && { actor: toActor(message.actor) }),
  });

/** @throws InternalError where there are none. */
export function toTokens(message: TokensMessage | undefined, isReplayed: boolean): Tokens {
  if (message === undefined) throw ownFailure("INTERNAL", "the answer has no tokens");
  return new Tokens({
    accessToken: message.accessToken,
    accessExpireTime: dateOf(message.accessExpireTime),
    refreshToken: message.refreshToken,
    refreshExpireTime: dateOf(message.refreshExpireTime),
    session: toSession(message.session),
    isReplayed,
  });
}

export const toRecord = (message: RecordMessage): SessionRecord => ({
  session: toSession(message.session),
  createTime: dateOf(message.createTime),
  lastRefreshTime: dateOf(message.lastRefreshTime),
  idleExpireTime: dateOf(message.idleExpireTime),
  absoluteExpireTime: dateOf(message.absoluteExpireTime),
  device: {
    ipAddress: message.device?.ipAddress ?? "",
    userAgent: message.device?.userAgent ?? "",
    label: message.device?.label ?? "",
  },
  attributes: { ...message.attributes },
});

export const toRevocationResult = (message: RevokeSessionResponse): RevocationResult => ({
  revision: message.revision,
  sessionsEnded: message.sessionsEnded,
});

/** The name of an enumeration's value; of one that is newer than this client UNSPECIFIED. */
const nameOf = (names: Readonly<Record<number, string>>, value: number | undefined): string =>
  names[value ?? 0] ?? "UNSPECIFIED";
