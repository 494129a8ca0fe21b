/**
 * Keeps browsers' sessions in cookies, and refreshes them within their requests; for Express, and for
 * whatever else takes middleware of Node's own requests.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import { HeldCookies, setCookies, varyByCookie } from "./browser/answer.js";
import { decide } from "./browser/decide.js";
import { wrongHost } from "./browser/errors.js";
import { type Exchange, logout, start } from "./browser/logins.js";
import type { BrowserOptions } from "./browser/options.js";
import { self } from "./browser/self.js";
import { type BrowserClient, Site } from "./browser/site.js";
import { type Route, Visit } from "./browser/visit.js";
import type { Consistency } from "./consistency.js";
import { fromAuthorization } from "./middleware/credentials.js";
import { isCrossSite } from "./middleware/cross-site.js";
import { type Denial, ofCrossSite, ofError, ofMissing } from "./middleware/denial.js";
import { answerTo } from "./middleware/http-answer.js";
import { HttpGuard } from "./middleware/http-guard.js";
import { type HttpRequest, httpRequest } from "./middleware/http-request.js";
import { isPublic, publicPaths } from "./middleware/public-paths.js";
import { findSession, give, requireSessionOf } from "./middleware/session-of.js";
import type { Policy } from "./policy.js";
import type { Device, Session } from "./session.js";
import type { Tokens } from "./tokens.js";

export { AnswerBegunError, CookieTooLargeError, CrossSiteError, NoTokensError } from "./browser/errors.js";
export type { BrowserOptions } from "./browser/options.js";
export type { BrowserClient } from "./browser/site.js";
export type { Complaint, Log } from "./middleware/denial.js";
export type { Denied } from "./middleware/http-guard.js";

/** Middleware of Express, and of whatever else hands a request on by `next`. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** What a route may say beside its policy. */
export interface RouteOptions {
  /** `server` and `strict` ask a server about each request of the route. */
  readonly consistency?: Consistency;
}

/**
 * Makes middleware for the routes of a site whose sessions browsers keep in cookies. One is enough for a
 * site: it spends a refresh token once for all requests that bring it at the same time.
 *
 * The cookies are __Host-session, with the access token, and __Host-session-refresh. Where a request brings
 * the second, and an access token that has expired or none, the session is refreshed within the request,
 * which goes on with the new one. A request with an Authorization header is judged by that alone.
 *
 * Of a request that changes something its Sec-Fetch-Site or Origin has to say that this site caused it, or
 * one of `trustedOrigins`; that is judged before anything is refreshed. So is the opening of a WebSocket,
 * which never refreshes: the new cookies would be lost. A page makes any other request first.
 *
 * A session that has ended is 401 with the reason of the refresh, and takes its cookies along when it is told
 * so for the second time: a request may have been sent before somebody logged in, and a cookie is deleted by
 * its name, whatever its value. A browser that has newer cookies by now is sent back to the same address, once,
 * where a person waits for a page, and otherwise told 401 with `{"error": "session_superseded", "retry":
 * true}`: make the request again.
 *
 * A browser may hold a request back for long, and send it with the cookies of when it was made. Let
 * sessions.grace of the server be 60s: what comes later with a spent refresh token ends its session.
 */
export class BrowserSessions {
  readonly #site: Site;
  readonly #visits = new WeakMap<IncomingMessage, Visit>();

  constructor(client: BrowserClient, options: BrowserOptions = {}) {
    this.#site = new Site(client, options);
    this.require(); // so that a mistake in the options shows at once
  }

  /** Lets only requests through whose token fulfils a policy; without one it has to be good. */
  require(policy?: Policy, { consistency }: RouteOptions = {}): Middleware {
    return this.#route({ policy, consistency, isOptional: false });
  }

  /** Lets requests through too that bring no session, or one that has ended: without a session. */
  optional(policy?: Policy, { consistency }: RouteOptions = {}): Middleware {
    return this.#route({ policy, consistency, isOptional: true });
  }

  /**
   * Requires a policy of everything but what is public by name, such as "GET /healthz", or "/assets/" with
   * all that is below it.
   */
  protect(policy: Policy | undefined, names: readonly string[]): Middleware {
    const open = publicPaths(names);
    const guarded = this.require(policy);
    return (request, response, next) => {
      if (isPublic(read(request), open)) next();
      else guarded(request, response, next);
    };
  }

  /**
   * Denies what another site made a browser send, whatever it brings: for the form of a login, which has no
   * cookies yet. Otherwise somebody could be logged in as somebody else.
   */
  sameSite(): Middleware {
    const guard = new HttpGuard<IncomingMessage>(
      this.#site.client,
      { policy: undefined },
      this.#site.options,
    );
    return (original, response, next) => {
      const request = read(original);
      if (isCrossSite(request, this.#site.options)) {
        deny(guard, ofCrossSite(), request, response);
      } else next();
    };
  }

  /** What is told of the device that a request comes from: say it at the login too. */
  device(request: IncomingMessage): Device {
    return this.#site.device(request);
  }

  /**
   * Gives a browser the tokens of a login. Where it had a session before, that is ended: whoever knew its
   * cookies has nothing of the new one. Call it before the answer begins; where it rejects nothing has been
   * set.
   */
  start(request: IncomingMessage, response: ServerResponse, tokens: Tokens): Promise<void> {
    return start(this.#site, this.#exchange(request, response), tokens);
  }

  /**
   * Ends the session that a browser brings, and takes its cookies away. Call it before the answer begins. It
   * needs none of the middleware around it: judged here, as there, is whether another site has caused the
   * request, which is a CrossSiteError. Where the session could not be ended it rejects and the cookies stay,
   * so that the browser can try again.
   */
  logout(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return logout(this.#site, this.#exchange(request, response));
  }

  #exchange(original: IncomingMessage, response: ServerResponse): Exchange {
    return { request: read(original), original, response, visit: this.#visits.get(original) };
  }

  #route({ policy, isOptional, consistency }: Omit<Route, "missing">): Middleware {
    const options = { ...this.#site.options, ...(consistency !== undefined && { consistency }) };
    const guard = new HttpGuard<IncomingMessage>(this.#site.client, { policy, isOptional }, options);
    const missing = ofMissing(policy, options.dpopOrigin !== undefined);
    const route = { policy, isOptional, consistency, missing };
    return (original, response, next) => {
      const request = read(original);
      varyByCookie(response);
      const admitted = hasToken(request)
        ? this.#admitBearer(guard, request, original, response)
        : this.#admitVisit(guard, route, request, original, response);
      admitted.then((isAdmitted) => isAdmitted && next(), next);
    };
  }

  async #admitBearer(
    guard: HttpGuard<IncomingMessage>,
    request: HttpRequest,
    original: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    const decision = await guard.admit(request, original);
    if (decision.denial !== undefined) return deny(guard, decision.denial, request, response);
    give(original, decision.session);
    return true;
  }

  async #admitVisit(
    guard: HttpGuard<IncomingMessage>,
    route: Route,
    request: HttpRequest,
    original: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    const site = this.#site;
    if (!site.style.allowsHost(request.header("host")[0] ?? "")) {
      return deny(guard, ofError(wrongHost()), request, response);
    }
    const visit = new Visit(site, route, request, original, response, this.#visits.get(original));
    const decision = await decide(visit.presented(), visit);
    const lines = visit.lines(decision.change);
    switch (decision.outcome) {
      case "denied":
        this.#put(visit, lines);
        return deny(guard, decision.denial, request, response);
      case "sentBack":
        this.#put(visit, lines);
        return sendBack(visit);
      default:
        this.#visits.set(original, visit);
        this.#hold(visit, lines);
        give(original, visit.session);
        return true;
    }
  }

  /**
   * Cookies are added when the answer begins, so that the handler cannot drop them, nor let a cache keep them
   * for others.
   */
  #hold(visit: Visit, lines: readonly string[] | undefined): void {
    if (lines === undefined) return;
    if (visit.held === undefined) visit.held = new HeldCookies(visit.response, this.#site.style, lines);
    else visit.held.lines = lines;
  }

  /** Has an answer bring cookies, in place of those that it was to bring. */
  #put(visit: Visit, lines: readonly string[] | undefined): void {
    if (lines === undefined) return;
    if (visit.held === undefined) setCookies(visit.response, this.#site.style, lines);
    else visit.held.lines = lines;
  }
}

/**
 * The session of a request whose route requires one.
 *
 * @throws TypeError on any other route.
 */
export const sessionOf = (request: IncomingMessage): Session => requireSessionOf(request);

/** The session of a request; undefined where nobody had to be known. */
export const optionalSessionOf = (request: IncomingMessage): Session | undefined => findSession(request);

/** A framework may have cut the path of a request, and kept the whole. */
const read = (request: IncomingMessage & { readonly originalUrl?: string }): HttpRequest =>
  httpRequest(request, request.originalUrl);

/** Whether a request is to be judged by its Authorization header, good or not. */
function hasToken(request: HttpRequest): boolean {
  try {
    return fromAuthorization(request.header("authorization")) !== undefined;
  } catch {
    return true;
  }
}

function deny(
  guard: HttpGuard<IncomingMessage>,
  denial: Denial,
  { method, path }: HttpRequest,
  response: ServerResponse,
): false {
  const { status, headers, body } = answerTo(guard, denial, `${method} ${path}`);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  const isText = typeof body === "string";
  if (!isText) response.setHeader("Content-Type", "application/json");
  response.end(isText ? body : JSON.stringify(body));
  return false;
}

function sendBack({ request, response }: Visit): false {
  response.setHeader("Location", self(request.target));
  response.statusCode = 307;
  response.end();
  return false;
}
