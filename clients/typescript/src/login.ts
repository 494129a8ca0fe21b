import type { Device } from "./session.js";

/** A DPoP proof and the request that it is for (RFC 9449). */
export interface DpopProof {
  /** The proof JWT, as in the DPoP header. */
  readonly proof: string;
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
}

/** What shows that a bearer has the key to which a token or a session is bound; at most one of the two. */
export interface Proofs {
  /** The SHA-256 of the client certificate of a request, in DER (RFC 8705). */
  readonly certificateSha256?: Uint8Array;
  readonly dpop?: DpopProof;
}

/** How a call is made. */
export interface CallOptions {
  /** The time of this call, with all its attempts, instead of the client's. */
  readonly timeoutMs?: number;
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Who presents a refresh token. Within the grace the same bearer gets the same successor again. A session
 * that is bound to a key needs a proof every time.
 */
export interface Bearer extends Proofs {
  readonly device?: Device;
}

/** What may be said of any login. The session is bound to the key that a proof shows. */
export interface Login extends Bearer {
  /** Kept with the session: at most 16, of 64 and 256 bytes. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What may be said of a login that the caller vouches for. */
export interface LocalLogin extends Login {
  /** The issuer's default if it is left out. */
  readonly clientId?: string;
  readonly tenantId?: string;
  /** Within the issuer's configured ones, which are the default. */
  readonly audiences?: readonly string[];
  readonly scopes?: readonly string[];
  /** Further claims of the access tokens. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** When the user proved who they are. */
  readonly authTime?: Date;
  readonly acr?: string;
  readonly amr?: readonly string[];
}

/**
 * What a login at a provider gave out. Providers give a refresh token for the scope offline_access alone.
 */
export interface ProviderTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly idToken?: string;
}

/** What a login at a provider gave out, for the server to exchange. */
export interface AuthorizationCode {
  readonly code: string;
  readonly redirectUri: string;
  /** RFC 7636. */
  readonly codeVerifier: string;
  /** If given, the ID token must carry it. */
  readonly nonce?: string;
}
