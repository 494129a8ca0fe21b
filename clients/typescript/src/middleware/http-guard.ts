import type { Consistency } from "../consistency.js";
import { checkPolicy, type Policy } from "../policy.js";
import type { Validator } from "../validator.js";
import type { NextAction } from "../verdict.js";
import { ask, type Decision } from "./asking.js";
import { type Credential, fromAuthorization, fromCookies, InvalidRequestError } from "./credentials.js";
import { type CrossSiteRules, isCrossSite } from "./cross-site.js";
import { type Denial, type Log, logToConsole, ofCrossSite, ofError, ofInvalid, ofMissing } from "./denial.js";
import type { HttpRequest } from "./http-request.js";
import { checkOrigin, proofsOf } from "./proofs.js";
import { isPublic, type PublicPath, publicPaths } from "./public-paths.js";

/** What a request is told that is denied: for a renderer of one's own. */
export interface Denied {
  readonly status: number;
  /**
   * That of a rejection or, for a browser, of a refresh; or one of NO_CREDENTIALS, INVALID_REQUEST,
   * CROSS_SITE, session_superseded, UNAVAILABLE and INTERNAL.
   */
  readonly reason: string;
  /** Undefined where the client can do nothing but repeat the request. */
  readonly nextAction: NextAction | undefined;
  /** The same request, made again once, may get through: a browser has newer cookies by now. */
  readonly retry: boolean;
  /** Why, and not for the client; undefined where no validator failed. */
  readonly error: unknown;
}

/** Where a middleware takes tokens and proofs from, and how it answers. */
export interface HttpOptions<Request> extends CrossSiteRules {
  /** `server` and `strict` ask a server about each request of the route. */
  readonly consistency?: Consistency;
  /**
   * Takes the token of a browser's session from the cookie of this name, where a request has none in its
   * Authorization header. A token there that is not good is never made up for by a cookie.
   *
   * A browser sends cookies with requests that another site makes it send. Such requests are denied, unless
   * their method changes nothing: only those get through that say by Sec-Fetch-Site, or else by Origin, that
   * this site or one of `trustedOrigins` made them. An upgrade, such as to WebSocket, counts as a change.
   */
  readonly cookie?: string;
  /**
   * Takes DPoP proofs (RFC 9449) for requests to this origin, such as https://api.example: the one that
   * clients know, which a proxy may have changed on the way. What a request says of its own host is not
   * taken: a proof that was made for another service could be used here with it. Without this option a token
   * under the scheme DPoP is never good.
   */
  readonly dpopOrigin?: string;
  /**
   * Takes the client certificate of a request in DER for the proof of a token that is bound to one (RFC
   * 8705): that of its connection, or one that a proxy hands on. A server is asked with it each time.
   */
  readonly certificate?: (request: Request) => Uint8Array | undefined;
  /** Makes the body of the answer to a request that is denied. */
  readonly render?: (denied: Denied) => unknown;
  /** Is told of what only an operator can mend; by default it goes to `console.error`. */
  readonly log?: Log;
}

/** Whom a guard lets through. */
export interface Access {
  readonly policy: Policy | undefined;
  /** A request without a token gets through, without a session. */
  readonly isOptional?: boolean;
  /**
   * Paths that are public by name, such as "GET /healthz", "/docs", or "/assets/" with all that is below it.
   */
  readonly publicPaths?: readonly string[];
}

/** Decides on the requests of a route, whatever the framework. */
export class HttpGuard<Request> {
  readonly #public: readonly PublicPath[];

  constructor(
    readonly validator: Validator,
    readonly access: Access,
    readonly options: HttpOptions<Request>,
  ) {
    if (access.policy !== undefined) checkPolicy(access.policy);
    if (options.dpopOrigin !== undefined) checkOrigin("dpopOrigin", options.dpopOrigin);
    for (const origin of options.trustedOrigins ?? []) checkOrigin("trustedOrigins", origin);
    if (options.cookie !== undefined) checkCookieName(options.cookie);
    this.#public = publicPaths(access.publicPaths ?? []);
  }

  get log(): Log {
    return this.options.log ?? logToConsole;
  }

  /** It does not reject. */
  async admit(request: HttpRequest, original: Request): Promise<Decision> {
    if (isPublic(request, this.#public)) return { session: undefined };
    try {
      const credential = this.#credential(request);
      const denial = this.#refusal(request, credential);
      if (denial !== undefined) return { denial };
      return credential === undefined
        ? { session: undefined }
        : await this.#ask(request, original, credential);
    } catch (error) {
      return { denial: error instanceof InvalidRequestError ? ofInvalid(error) : ofError(error) };
    }
  }

  #ask(request: HttpRequest, original: Request, credential: Credential): Promise<Decision> {
    const { consistency, dpopOrigin } = this.options;
    const { method, path } = request;
    const certificate = this.options.certificate?.(original);
    const shown = { dpop: request.header("dpop"), method, path, certificate };
    const proofs = proofsOf(credential, shown, dpopOrigin);
    return ask(this.validator, { credential, policy: this.access.policy, proofs, consistency });
  }

  #credential(request: HttpRequest): Credential | undefined {
    const { cookie } = this.options;
    const found = fromAuthorization(request.header("authorization"));
    return found ?? (cookie === undefined ? undefined : fromCookies(request.header("cookie"), cookie));
  }

  /** What a request is told before anybody is asked about its token. */
  #refusal(request: HttpRequest, credential: Credential | undefined): Denial | undefined {
    const { policy, isOptional } = this.access;
    if (credential === undefined) {
      return isOptional ? undefined : ofMissing(policy, this.options.dpopOrigin !== undefined);
    }
    const isForbidden = credential.scheme === "cookie" && isCrossSite(request, this.options);
    return isForbidden ? ofCrossSite() : undefined;
  }
}

function checkCookieName(name: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
    throw new TypeError(`cookie: found ${JSON.stringify(name)}, allowed is the name of a cookie`);
  }
}
