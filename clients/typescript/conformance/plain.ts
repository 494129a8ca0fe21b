import { inspect } from "node:util";

import type { Actor, Session, SessionRecord, Tokens, Undecided, Verdict } from "../src/index.js";

/** A line of the protocol. */
export type Plain = Record<string, unknown>;

/** A value as programs print it. */
export const shown = (value: unknown): string =>
  [String(value), inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value), stackOf(value)].join(
    " ",
  );

const stackOf = (value: unknown): string => (value instanceof Error ? `${value.stack}` : "");

export function plainVerdict(verdict: Verdict | Undecided, readsClaims = false): Plain {
  if (verdict.ok) {
    const { cacheForMs, isStale: stale } = verdict;
    const claims = readsClaims && { claims: claimsOf(verdict.session) };
    return {
      session: { ...plainSession(verdict.session), cache_for: seconds(cacheForMs), stale, ...claims },
    };
  }
  if (verdict.undecided) {
    const { reason, retryAfterMs } = verdict.undecided;
    return { undecided: { reason, retry_after: retryAfterMs / 1_000 } };
  }
  const { reason, message, nextAction, wwwAuthenticate } = verdict.rejection;
  return { rejection: { reason, message, next_action: nextAction, www_authenticate: wwwAuthenticate } };
}

function claimsOf(session: Session): unknown {
  try {
    return session.claims;
  } catch {
    return "unreadable";
  }
}

export const plainSession = (session: Session): Plain => ({
  principal: session.principal,
  issuer: session.issuer,
  subject: session.subject,
  session_id: session.sessionId,
  provider_session_id: session.providerSessionId,
  tenant_id: session.tenantId,
  client_id: session.clientId,
  token_id: session.tokenId,
  key_id: session.keyId,
  audiences: session.audiences,
  scopes: session.scopes,
  roles: session.roles,
  permissions: session.permissions,
  issue_time: plainTime(session.issueTime),
  expire_time: plainTime(session.expireTime),
  auth_time: plainTime(session.authTime),
  acr: session.acr,
  amr: session.amr,
  actor: plainActor(session.actor),
  claims_json: session.claimsJson,
  cache_for: null,
  stale: false,
});

const plainActor = (actor: Actor | undefined): Plain | null =>
  actor === undefined
    ? null
    : { issuer: actor.issuer, subject: actor.subject, actor: plainActor(actor.actor) };

export const plainTokens = (tokens: Tokens): Plain => ({
  access_token: tokens.accessToken,
  access_expire_time: plainTime(tokens.accessExpireTime),
  refresh_token: tokens.refreshToken,
  refresh_expire_time: plainTime(tokens.refreshExpireTime),
  session: plainSession(tokens.session),
  replayed: tokens.isReplayed,
});

export const plainRecord = (record: SessionRecord): Plain => ({
  session: plainSession(record.session),
  create_time: plainTime(record.createTime),
  last_refresh_time: plainTime(record.lastRefreshTime),
  idle_expire_time: plainTime(record.idleExpireTime),
  absolute_expire_time: plainTime(record.absoluteExpireTime),
  device: {
    ip_address: record.device.ipAddress,
    user_agent: record.device.userAgent,
    label: record.device.label,
  },
  attributes: record.attributes,
});

/** Seconds since 1970, and nothing where it is not known. */
const plainTime = (time: Date | undefined): number | null =>
  time === undefined ? null : time.getTime() / 1_000;

/** Seconds; nothing for none. */
const seconds = (milliseconds: number): number | null => (milliseconds === 0 ? null : milliseconds / 1_000);
