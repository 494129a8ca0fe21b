import type { Tokens } from "../tokens.js";
import type { Cookies } from "./cookies.js";
import { fingerprint, MOST_PARTS, splitValue } from "./parts.js";

/**
 * What browsers take of a cookie's name, value and attributes together (RFC 6265 section 6.1). They drop a
 * larger one, and tell nobody.
 */
export const LARGEST_COOKIE = 4_096;

/** Longer than whoever is told that a session has ended takes to make another request, in seconds. */
const MARK_LIFETIME = 60 * 60;
const AT_ONCE = "; Max-Age=0";

/** How the cookies of a site are made. */
export interface StyleOptions {
  /** For http://localhost: without __Host- and Secure, which not every browser takes there. */
  readonly isDevelopment: boolean;
  /** The one path to which the refresh token is sent; empty for all. */
  readonly refreshPath: string;
  /** An access token that is too large for one cookie goes into several. */
  readonly splits: boolean;
}

/** What the cookies of a session look like. */
export class Style {
  /**
   * The name of the cookie with the access token. The prefix binds it to its host: no subdomain can set it
   * (RFC 6265bis section 4.1.3.2).
   */
  readonly accessName: string;
  /** A path of its own costs the refresh token's the better prefix, which wants the path to be /. */
  readonly refreshName: string;
  /** The cookie that says about which refresh token a browser has had an answer. */
  readonly markName: string;
  readonly #refreshPath: string;

  constructor(readonly options: StyleOptions) {
    const { isDevelopment, refreshPath } = options;
    // A browser has one cookie of a name for all ports of localhost, and frameworks call their own session.
    const prefix = isDevelopment ? "dev-" : "__Host-";
    this.accessName = `${prefix}session`;
    this.markName = `${prefix}session-mark`;
    const refreshPrefix = refreshPath !== "" && !isDevelopment ? "__Secure-" : prefix;
    this.refreshName = `${refreshPrefix}session-refresh`;
    this.#refreshPath = refreshPath || "/";
  }

  /** The name of the cookie with a part of the access token; the first has the name of all. */
  partName(number: number): string {
    return number === 1 ? this.accessName : `${this.accessName}-${number}`;
  }

  /** Whether cookies may be set for the host of a request: those of development for this machine alone. */
  allowsHost(host: string): boolean {
    if (!this.options.isDevelopment) return true;
    const name = host.toLowerCase().replace(/:\d*$/, "");
    return /^(?:(?:.*\.)?localhost|127\.0\.0\.1|\[::1\])$/.test(name) || host === "::1";
  }

  /** Whether a browser sends the refresh token along with requests for a path (RFC 6265 section 5.1.4). */
  refreshes(path: string): boolean {
    const { refreshPath } = this.options;
    return refreshPath === "" || path === refreshPath || path.startsWith(`${refreshPath}/`);
  }

  /**
   * The values of Set-Cookie that give a browser its tokens, and take away the parts of an access token that
   * it brought and needs no more. They are in the order in which a browser takes them: a request in between
   * has the new access token, and so does not spend the new refresh token.
   *
   * The access token is left as it is where it does not fit.
   */
  set(tokens: Tokens, now: Date, brought: Cookies): { readonly lines: string[]; readonly fits: boolean } {
    const access = this.#accessLines(tokens.accessToken, maxAge(tokens.accessExpireTime, now));
    const refresh = this.#line(
      this.refreshName,
      tokens.refreshToken,
      maxAge(tokens.refreshExpireTime, now),
      this.#refreshPath,
    );
    if (access === undefined) return { lines: [refresh], fits: false };
    return { lines: [...access, ...this.#clearParts(brought, access.length), refresh], fits: true };
  }

  /** The values of Set-Cookie that take everything from a browser. */
  clear(brought: Cookies): string[] {
    return [
      this.#line(this.accessName, "", AT_ONCE),
      ...this.#clearParts(brought, 1),
      this.#line(this.refreshName, "", AT_ONCE, this.#refreshPath),
      ...(brought.mark === "" ? [] : [this.#line(this.markName, "", AT_ONCE)]),
    ];
  }

  /**
   * The value of Set-Cookie that says about which refresh token this is an answer. Who brings both again has
   * had it, and has nothing newer.
   */
  mark({ refreshToken }: Cookies): string {
    return this.#line(this.markName, fingerprint(refreshToken), `; Max-Age=${MARK_LIFETIME}`);
  }

  /** Whether a value of Set-Cookie is one of a session's own. */
  isOurs(line: string): boolean {
    const [name = ""] = line.split("=", 1);
    const parts = Array.from({ length: MOST_PARTS }, (_, i) => this.partName(i + 1));
    return name === this.refreshName || name === this.markName || parts.includes(name);
  }

  /** Undefined for a token that does not fit. */
  #accessLines(token: string, age: string): string[] | undefined {
    const whole = this.#line(this.accessName, token, age);
    if (Buffer.byteLength(whole) <= LARGEST_COOKIE) return [whole];
    if (!this.options.splits) return undefined;
    const room = (number: number) => LARGEST_COOKIE - this.#line(this.partName(number), "", age).length;
    const values = splitValue(token, room);
    return values?.map((value, i) => this.#line(this.partName(i + 1), value, age));
  }

  /** Takes away the parts behind so many that a request brought. */
  #clearParts(brought: Cookies, kept: number): string[] {
    return brought.parts
      .filter((number) => number > kept)
      .map((number) => this.#line(this.partName(number), "", AT_ONCE));
  }

  #line(name: string, value: string, age: string, path = "/"): string {
    const secure = this.options.isDevelopment ? "" : "; Secure";
    return `${name}=${value}; Path=${path}${age}; HttpOnly${secure}; SameSite=Lax`;
  }
}

/**
 * The attribute of what expires: whole seconds, so that a cookie goes before its token does. It is a second
 * at least: a clock that is wrong deletes nothing. What expires nobody knows when goes with the browser.
 */
function maxAge(expires: Date | undefined, now: Date): string {
  if (expires === undefined) return "";
  const seconds = Math.trunc((expires.getTime() - now.getTime()) / 1_000);
  return `; Max-Age=${Math.max(1, seconds)}`;
}
