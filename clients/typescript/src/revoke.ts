import type { CallOptions } from "./login.js";

/** What is to be revoked. */
export type RevokeTarget =
  /** One session. */
  | { readonly sessionId: string }
  /** The session of a refresh token of any generation. */
  | { readonly refreshToken: string }
  /** The session of an access token, expired or not. */
  | { readonly accessToken: string }
  /** Every session of a subject, but for one, if one is named. */
  | {
      readonly subject: {
        readonly issuer: string;
        readonly subject: string;
        readonly exceptSessionId?: string;
      };
    }
  /** A provider's session: its tokens, and the sessions that live by it. */
  | { readonly providerSession: { readonly issuer: string; readonly sessionId: string } }
  /** Every session of a tenant. */
  | { readonly tenant: { readonly issuer: string; readonly tenantId: string } }
  /** Every session of an application. */
  | { readonly client: { readonly issuer: string; readonly clientId: string } }
  /** Every session at an issuer. */
  | { readonly issuer: string }
  /** Every token that a key signed or will sign, for good; sessions go on. */
  | { readonly key: { readonly issuer: string; readonly keyId: string } };

/** Why something is revoked. */
export type Cause = "LOGOUT" | "ADMIN" | "COMPROMISE" | "POLICY";

/** How something is revoked. */
export interface RevokeOptions extends CallOptions {
  /** LOGOUT by default. */
  readonly cause?: Cause;
  /** A remark for the server's log, of at most 256 bytes. */
  readonly note?: string;
}

/** What a revocation did: a validation at `revision` or later is REVOKED. */
export interface RevocationResult {
  readonly revision: string;
  /** Undefined where they were not counted. */
  readonly sessionsEnded: number | undefined;
}
