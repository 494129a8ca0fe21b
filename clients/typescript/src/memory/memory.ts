import type { Session } from "../session.js";
import type { RevokeSessionRequest, RevokeSessionResponse } from "../sessiond/v1/session_service_pb.js";
import type { Verdict } from "../verdict.js";
import type { Clock } from "./clock.js";
import { digestOf, type HashedId, hashedId, keyId, sessionIds, tokenId, wireId } from "./hashed-ids.js";
import { type Answer, type Asked, Knowledge } from "./knowledge.js";
import { type Bounds, VerdictCache } from "./verdict-cache.js";

/** How much a server tells of one revocation where there is more. */
const MOST_TOLD = 4_096;
const SESSION_BYTES = 1_000;
const ITEM_BYTES = 32;

/** What is kept of an acceptance. */
export interface Kept {
  readonly session: Session;
  readonly isStale: boolean;
}

/** What an answer says of being kept, beside its verdict; spans in milliseconds. */
export interface Lasting {
  readonly revisionAgeMs: number;
  readonly cacheForMs: number;
  readonly watchedCacheForMs: number;
  readonly configuration: string;
}

/** What a client keeps and knows. */
export class Memory {
  readonly knowledge = new Knowledge();
  readonly cache: VerdictCache<Kept>;

  constructor(
    bounds: Bounds,
    readonly clock: Clock,
  ) {
    this.cache = new VerdictCache(bounds, this.knowledge);
  }

  /** Keeps an acceptance that may be kept. The answer is for whoever joins the call. */
  keep(key: string, digest: string, kept: Kept, lasting: Lasting, asked: Asked): Answer {
    const { session } = kept;
    const signedBy = keyId(session);
    const ids = [...sessionIds(session), signedBy, tokenId(digest)];
    const answer: Answer = { ...lasting, asked, ids, key: signedBy };
    this.cache.insert(key, kept, answer, bytesOf(session), this.clock.exact().steady);
    return answer;
  }

  /** Has nothing of a token repeated that was revoked, whatever was required of it. */
  learn(digest: string, verdict: Verdict): void {
    if (verdict.ok || verdict.rejection.reason !== "REVOKED") return;
    this.knowledge.hearOnce(tokenId(digest), this.clock.exact().steady);
  }

  /** Carries out here what this client has just revoked, before it is told that it has. */
  end(target: RevokeSessionRequest["target"], response: RevokeSessionResponse): void {
    const told = response.revocations;
    const hasEnded = response.sessionsEnded === undefined || response.sessionsEnded > 0;
    const isSilent = told.length === 0 && (hasEnded || !this.knowledge.isWatched);
    if (isSilent || told.length >= MOST_TOLD) {
      this.knowledge.forget(); // what stands now is not known, or not all of it
    }
    const ids = told.map((one) => wireId(one.hashedId)).filter((id) => id !== undefined);
    this.knowledge.end([...revokedBy(target), ...ids], this.clock.exact().steady);
  }
}

/** About how many bytes a session takes; its claims take twice those of their text once they are parsed. */
function bytesOf(session: Session): number {
  let bytes = SESSION_BYTES + 3 * session.claimsJson.length;
  for (const list of [session.audiences, session.scopes, session.roles, session.permissions, session.amr]) {
    for (const item of list) bytes += ITEM_BYTES + item.length;
  }
  return bytes;
}

/** What the target of a revocation tells by itself. */
function revokedBy(target: RevokeSessionRequest["target"]): HashedId[] {
  switch (target.case) {
    case "sessionId":
      return [hashedId("session", "", target.value)];
    case "accessToken":
      return [tokenId(digestOf(target.value))];
    case "providerSession":
      return [hashedId("provider_session", target.value.issuer, target.value.sessionId)];
    case "subject":
      return [hashedId("subject", target.value.issuer, target.value.subject)];
    case "tenant":
      return [hashedId("tenant", target.value.issuer, target.value.tenantId)];
    case "client":
      return [hashedId("client", target.value.issuer, target.value.clientId)];
    case "issuer":
      return [hashedId("issuer", target.value, "")];
    case "key":
      return [hashedId("key", target.value.issuer, target.value.keyId)];
    default:
      return [];
  }
}
