import { createHash, hash } from "node:crypto";

import type { SessionFields } from "../session.js";

/**
 * 16 bytes by which a revocation is told, as a text of as many characters: what can be looked up in a map.
 */
export type HashedId = string;

/** What can be revoked. */
export type Kind =
  "session" | "provider_session" | "token" | "subject" | "tenant" | "client" | "issuer" | "key";

/** What a session says of itself that can be revoked. */
type Revocable = Pick<
  SessionFields,
  "issuer" | "sessionId" | "providerSessionId" | "tokenId" | "subject" | "tenantId" | "clientId" | "keyId"
>;

const HASHED_ID_BYTES = 16;

/** SHA-256(kind, issuer, id)[:16], each part behind its length as 4 bytes big-endian. */
export function hashedId(kind: Kind, issuer: string, id: string): HashedId {
  const digest = createHash("sha256");
  for (const part of [kind, issuer, id]) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    digest.update(length).update(bytes);
  }
  return short(digest.digest("binary"));
}

/** The SHA-256 of a token, as 32 characters: what is kept in the place of the token. */
export const digestOf = (token: string): string => hash("sha256", token, "binary");

/**
 * The first half of a digest: the id of a token itself, for what a client learns about it. No server tells of
 * it.
 */
export const tokenId = (digest: string): HashedId => short(digest);

/** The id of the key that signed a session's token; one without a kid has the key without a name. */
export const keyId = (session: Revocable): HashedId => hashedId("key", session.issuer, session.keyId);

/** All that can revoke a session's token, as far as the session says it, but for its key. */
export function sessionIds(session: Revocable): HashedId[] {
  const { issuer } = session;
  const ids = [hashedId("issuer", issuer, "")];
  const add = (kind: Kind, id: string, of = issuer) => id !== "" && ids.push(hashedId(kind, of, id));
  add("session", session.sessionId, "");
  add("provider_session", session.providerSessionId);
  add("token", session.tokenId);
  add("subject", session.subject);
  add("tenant", session.tenantId);
  add("client", session.clientId);
  return ids;
}

/** An id as it came over the wire; undefined for what is none that this client knows. */
export const wireId = (bytes: Uint8Array): HashedId | undefined =>
  bytes.length === HASHED_ID_BYTES ? Buffer.from(bytes).toString("latin1") : undefined;

/** A copy of its own: a part of a text keeps all of it in memory. */
const short = (digest: string): HashedId =>
  Buffer.from(digest.slice(0, HASHED_ID_BYTES), "latin1").toString("latin1");
