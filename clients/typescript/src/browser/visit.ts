import type { IncomingMessage, ServerResponse } from "node:http";

import type { Consistency } from "../consistency.js";
import type { Proofs } from "../login.js";
import { ask } from "../middleware/asking.js";
import { Credential } from "../middleware/credentials.js";
import { isCrossSite } from "../middleware/cross-site.js";
import type { Denial } from "../middleware/denial.js";
import type { HttpRequest } from "../middleware/http-request.js";
import { certificateProof } from "../middleware/proofs.js";
import type { Policy } from "../policy.js";
import type { Session } from "../session.js";
import type { Tokens } from "../tokens.js";
import type { HeldCookies } from "./answer.js";
import { type Cookies, hasRefreshForm, isMarked, readCookies } from "./cookies.js";
import type { Change, Presented } from "./decide.js";
import { NoTokensError } from "./errors.js";
import { ofNoForm, ofRefreshError, type Refreshed } from "./refusals.js";
import type { Site } from "./site.js";
import { areTokens } from "./tokens.js";

/** What is wanted of the requests of a route. */
export interface Route {
  readonly policy: Policy | undefined;
  readonly consistency: Consistency | undefined;
  readonly isOptional: boolean;
  /** What a request without a token is told. */
  readonly missing: Denial;
}

/** One request of a browser. */
export class Visit {
  readonly arrivedAt: number;
  readonly brought: Cookies;
  /** Of a refresh. */
  tokens: Tokens | undefined;
  /** The session of the request, as the access token of its cookie says. */
  session: Session | undefined;
  /** What brings cookies with the answer; undefined where none are changed. */
  held: HeldCookies | undefined;

  readonly #site: Site;
  readonly #route: Route;
  readonly #proofs: Proofs;
  /** The access token that is judged. */
  #token: string;

  /** Where one route is around another, the inner one goes on with what the outer one has refreshed. */
  constructor(
    site: Site,
    route: Route,
    readonly request: HttpRequest,
    readonly original: IncomingMessage,
    readonly response: ServerResponse,
    outer: Visit | undefined,
  ) {
    this.#site = site;
    this.#route = route;
    this.arrivedAt = outer?.arrivedAt ?? performance.now();
    this.held = outer?.held;
    this.tokens = outer?.tokens;
    const brought = readCookies(request.header("cookie"), site.style);
    this.brought = this.tokens === undefined ? brought : { ...brought, ...refreshed(this.tokens) };
    this.#token = this.brought.accessToken;
    this.#proofs = certificateProof(site.options.certificate?.(original));
  }

  presented(): Presented {
    const { request, brought } = this;
    return {
      access: brought.access,
      refresh: brought.refresh,
      isCrossSite: isCrossSite(request, this.#site.options),
      isOptional: this.#route.isOptional,
      isUpgrade: request.header("upgrade").length > 0 || request.method === "CONNECT",
      isRefreshedElsewhere: !this.#site.style.refreshes(request.path),
      isNavigation: request.method === "GET" && request.header("sec-fetch-mode")[0] === "navigate",
      isMarked: isMarked(brought),
      missing: this.#route.missing,
    };
  }

  async validate(): Promise<Denial | undefined> {
    const decision = await ask(this.#site.client, {
      credential: new Credential("cookie", this.#token),
      policy: this.#route.policy,
      proofs: this.#proofs,
      consistency: this.#route.consistency,
    });
    if (decision.denial !== undefined) return decision.denial;
    this.session = decision.session;
    return undefined;
  }

  async refresh(): Promise<Refreshed> {
    const { refreshToken } = this.brought;
    if (!hasRefreshForm(refreshToken)) return ofNoForm();
    const bearer = { device: this.#site.device(this.original), ...this.#proofs };
    try {
      const tokens = await this.#site.spend(refreshToken, bearer);
      if (!areTokens(tokens)) throw new NoTokensError();
      this.tokens = tokens;
      this.#token = tokens.accessToken;
      return {};
    } catch (error) {
      return ofRefreshError(error);
    }
  }

  elapsedMs(): number {
    return performance.now() - this.arrivedAt;
  }

  /** The values of Set-Cookie of a change; undefined where there is none. */
  lines(change: Change): readonly string[] | undefined {
    const { style } = this.#site;
    if (change === "clear") return style.clear(this.brought);
    if (change === "mark") return [style.mark(this.brought)];
    if (change === "keep" || this.tokens === undefined) return undefined;
    const { lines, fits } = style.set(this.tokens, new Date(), this.brought);
    if (!fits) this.#site.tellTooLarge(this.tokens.accessToken.length);
    return lines;
  }
}

const refreshed = ({ accessToken, refreshToken }: Tokens) => ({
  access: "one" as const,
  accessToken,
  refresh: "one" as const,
  refreshToken,
});
