import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { toTimestamp } from "../messages/spans.js";
import { type Device, type SessionRecord, SessionRecordSchema } from "../sessiond/v1/session_pb.js";
import type { LocalLogin } from "../sessiond/v1/session_service_pb.js";
import { ISSUER, principalOf, random } from "./identifiers.js";
import type { Part } from "./token.js";

const DAY_MS = 24 * 60 * 60 * 1_000;
export const ACCESS_LIFETIME_MS = 5 * 60 * 1_000;
const IDLE_LIFETIME_MS = 7 * DAY_MS;
const ABSOLUTE_LIFETIME_MS = 30 * DAY_MS;

/** Who spent a refresh token. */
export interface Spender {
  readonly caller: string;
  readonly label: string;
  readonly userAgent: string;
}

/** What a login gives a session. */
export interface Opening {
  readonly login: LocalLogin;
  readonly further: Part;
  readonly device: Device | undefined;
  readonly attributes: Record<string, string>;
  /** The digest of the certificate that it is bound to. */
  readonly certificate: Uint8Array | undefined;
}

/** A session that was opened at the fake; times are milliseconds since 1970. */
export class FakeSession {
  readonly id = `sds_${random(16)}`;
  refreshed: number;
  hasEnded = false;
  /** The refresh token that is good. */
  current = newRefreshToken();
  /** When those before it were spent, and by whom, by generation. */
  readonly spent: { readonly at: number; readonly by: Spender }[] = [];

  constructor(
    readonly opening: Opening,
    readonly created: number,
    /** For cutoffs: no two sessions begin at the same time. */
    readonly start: number,
  ) {
    this.refreshed = created;
  }

  get absoluteExpire(): number {
    return this.created + ABSOLUTE_LIFETIME_MS;
  }

  get idleExpire(): number {
    return Math.min(this.refreshed + IDLE_LIFETIME_MS, this.absoluteExpire);
  }

  /** Takes note that the refresh token was spent, and makes its successor. */
  rotate(at: number, by: Spender): void {
    this.spent.push({ at, by });
    this.refreshed = at;
    this.current = newRefreshToken();
  }

  /** The claims of an access token. */
  claims(now: number): Part {
    const { login, further, certificate } = this.opening;
    const seconds = Math.floor(now / 1_000);
    return {
      ...further,
      iss: ISSUER,
      sub: login.subject,
      aud: login.audiences,
      client_id: login.clientId,
      iat: seconds,
      exp: seconds + ACCESS_LIFETIME_MS / 1_000,
      jti: random(16),
      sid: this.id,
      sct: this.start,
      scope: login.scopes.join(" ") || undefined,
      tenant_id: login.tenantId || undefined,
      acr: login.acr || undefined,
      amr: login.amr.length > 0 ? login.amr : undefined,
      auth_time: login.authTime && Number(login.authTime.seconds),
      cnf: certificate && { "x5t#S256": Buffer.from(certificate).toString("base64url") },
    };
  }

  record(): SessionRecord {
    const { login, device, attributes } = this.opening;
    const { subject, tenantId, clientId, audiences, scopes, acr, amr, authTime } = login;
    const record: MessageInitShape<typeof SessionRecordSchema> = {
      session: {
        principal: principalOf(ISSUER, subject),
        issuer: ISSUER,
        subject,
        sessionId: this.id,
        tenantId,
        clientId,
        audiences,
        scopes,
        acr,
        amr,
        ...(authTime && { authTime }),
      },
      createTime: toTimestamp(new Date(this.created)),
      lastRefreshTime: toTimestamp(new Date(this.refreshed)),
      idleExpireTime: toTimestamp(new Date(this.idleExpire)),
      absoluteExpireTime: toTimestamp(new Date(this.absoluteExpire)),
      ...(device && { device }),
      attributes,
    };
    return create(SessionRecordSchema, record);
  }
}

const newRefreshToken = (): string => `sdr1_${random(72)}`;
