import { create } from "@bufbuild/protobuf";

import { type HashedId, hashedId, keyId, sessionIds } from "../memory/hashed-ids.js";
import { toTimestamp } from "../messages/spans.js";
import {
  type Revocation,
  RevocationType,
  type Session,
  type Tokens,
  TokensSchema,
} from "../sessiond/v1/session_pb.js";
import type { RefreshSessionRequest } from "../sessiond/v1/session_service_pb.js";
import { EventLog } from "./event-log.js";
import { verify } from "./judge.js";
import { refreshRefused } from "./refusals.js";
import { FakeSession, type Opening, type Spender } from "./session.js";
import { KEY_ID, Signer } from "./token.js";

const GRACE_MS = 10_000;

/** The header of access tokens. */
export const ACCESS_HEADER = { alg: "EdDSA", kid: KEY_ID, typ: "at+jwt" };

/** What a fake knows; times are milliseconds since 1970. */
export class FakeState {
  readonly signer = new Signer();
  readonly log = new EventLog();
  readonly sessions = new Map<string, FakeSession>();
  /** By the id of the token. */
  readonly expired = new Set<string>();
  /** How far the clock is ahead. */
  aheadMs = 0;
  /** When the clock stands still; undefined while it runs. */
  stoppedAt: number | undefined;
  /** Nobody answers. */
  isAway = false;

  readonly #refreshTokens = new Map<string, { readonly of: FakeSession; readonly generation: number }>();
  readonly #revoked = new Set<HashedId>();
  /** Sessions that began by then are revoked. */
  readonly #cutoffs = new Map<HashedId, number>();
  #latestStart = 0;

  now(): number {
    return this.stoppedAt ?? Date.now() + this.aheadMs;
  }

  /** When a session begins: no two at the same time, so that a cutoff stands between any two. */
  nextStart(): number {
    this.#latestStart = Math.max(this.#latestStart + 1, this.now());
    return this.#latestStart;
  }

  hasRevoked(session: Session, since: number): boolean {
    return idsOf(session).some((id) => this.#revoked.has(id) || since <= (this.#cutoffs.get(id) ?? -1));
  }

  end(type: RevocationType, id: HashedId): Revocation {
    this.#revoked.add(id);
    return this.log.revoke(type, id, this.now());
  }

  cutOff(type: RevocationType, id: HashedId): Revocation {
    this.#cutoffs.set(id, this.nextStart());
    return this.log.revoke(type, id, this.now());
  }

  open(opening: Opening): FakeSession {
    const opened = new FakeSession(opening, this.now(), this.nextStart());
    this.sessions.set(opened.id, opened);
    this.#remember(opened);
    return opened;
  }

  /** Makes an access token for a session, beside its refresh token. */
  issue(of: FakeSession): Tokens {
    const accessToken = this.signer.sign(ACCESS_HEADER, of.claims(this.now()));
    const claims = verify(this, accessToken);
    if ("reason" in claims) throw new TypeError(`a token of its own is not accepted: ${claims.message}`);
    return create(TokensSchema, {
      accessToken,
      accessExpireTime: toTimestamp(new Date(claims.expire)),
      refreshToken: of.current,
      refreshExpireTime: toTimestamp(new Date(of.idleExpire)),
      session: claims.session,
    });
  }

  /** The session of a refresh token of any generation. */
  sessionOf(refreshToken: string): FakeSession | undefined {
    return this.#refreshTokens.get(refreshToken)?.of;
  }

  /** Whether a session can still be refreshed. */
  isLive(of: FakeSession): boolean {
    return !of.hasEnded && !this.#hasCutOff(of) && this.now() < of.idleExpire;
  }

  endSession(of: FakeSession): Revocation {
    of.hasEnded = true;
    return this.end(RevocationType.SESSION, hashedId("session", "", of.id));
  }

  /**
   * The session of a refresh token that may be spent now, and whether it had been before: in the order of the
   * server's table of rotation.
   */
  spend(request: RefreshSessionRequest, by: Spender): { of: FakeSession; isReplayed: boolean } {
    const found = this.#refreshTokens.get(request.refreshToken);
    if (found === undefined) throw refreshRefused("REFRESH_TOKEN_INVALID");
    const { of, generation } = found;
    const now = this.now();
    if (of.hasEnded || this.#hasCutOff(of)) throw refreshRefused("SESSION_REVOKED");
    if (now >= of.absoluteExpire) throw refreshRefused("SESSION_LIFETIME_EXCEEDED");
    if (now >= of.idleExpire) throw refreshRefused("SESSION_IDLE_TIMEOUT");
    if (!isProven(of, request)) throw refreshRefused("BINDING_MISMATCH");
    const spending = of.spent[generation];
    if (spending === undefined) {
      of.rotate(now, by);
      this.#remember(of);
      return { of, isReplayed: false };
    }
    if (now - spending.at >= GRACE_MS) {
      this.endSession(of);
      throw refreshRefused("REFRESH_TOKEN_REUSED");
    }
    if (generation !== of.spent.length - 1 || !isSame(spending.by, by)) {
      throw refreshRefused("REFRESH_TOKEN_SUPERSEDED");
    }
    return { of, isReplayed: true };
  }

  #remember(of: FakeSession): void {
    this.#refreshTokens.set(of.current, { of, generation: of.spent.length });
  }

  #hasCutOff(of: FakeSession): boolean {
    const { session } = of.record();
    return session !== undefined && idsOf(session).some((id) => of.start <= (this.#cutoffs.get(id) ?? -1));
  }
}

/** All that can revoke a token. */
const idsOf = (session: Session): HashedId[] => [...sessionIds(session), keyId(session)];

function isProven({ opening }: FakeSession, { proof }: RefreshSessionRequest): boolean {
  if (opening.certificate === undefined) return true;
  const shown = proof?.proof;
  return shown?.case === "certificateSha256" && Buffer.compare(shown.value, opening.certificate) === 0;
}

const isSame = (one: Spender, other: Spender): boolean =>
  one.caller === other.caller && one.label === other.label && one.userAgent === other.userAgent;
