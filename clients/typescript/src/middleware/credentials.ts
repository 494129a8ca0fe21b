import { inspect } from "node:util";

/** How a token was presented: by RFC 6750, by RFC 9449, or by a browser, whoever made it do so. */
export type Scheme = "Bearer" | "DPoP" | "cookie";

/** A token as it was presented. Printing does not show it. */
export class Credential {
  readonly #token: string;

  constructor(
    readonly scheme: Scheme,
    token: string,
  ) {
    this.#token = token;
  }

  get token(): string {
    return this.#token;
  }

  [inspect.custom](): string {
    return "Credential { hidden }";
  }
}

/** A token was meant, but not which: RFC 6750 section 3.1 calls it invalid_request. */
export class InvalidRequestError extends Error {
  override readonly name = "InvalidRequestError";

  constructor() {
    super("the request has several tokens, or one that is not of the form of a token");
  }
}

/** A scheme, one or more spaces, and what stands behind them (RFC 9110 section 11.4). */
const AUTHORIZATION = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]*)( *)(.*)$/s;
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ["bearer", "Bearer"],
  ["dpop", "DPoP"],
]);

/**
 * The token in the values of Authorization headers; undefined for another scheme, or for none.
 *
 * @throws InvalidRequestError
 */
export function fromAuthorization(values: readonly string[]): Credential | undefined {
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) throw new InvalidRequestError();
  const [, name = "", spaces = "", token = ""] = AUTHORIZATION.exec(value) ?? [];
  const scheme = SCHEMES.get(name.toLowerCase());
  if (scheme === undefined) return undefined;
  if (spaces === "" || !isToken68(token)) throw new InvalidRequestError();
  return new Credential(scheme, token);
}

/**
 * The cookie of a name in the values of Cookie headers. An empty one is none: so a browser says that it was
 * cleared. What it holds is for the server to judge: who has a broken cookie has to log in again.
 *
 * @throws InvalidRequestError where there are several.
 */
export function fromCookies(lines: readonly string[], name: string): Credential | undefined {
  const [value, ...others] = cookieValues(cookiePairs(lines), name);
  if (others.length > 0) throw new InvalidRequestError();
  return value ? new Credential("cookie", value) : undefined;
}

/** The cookies in the values of Cookie headers, each with its name. */
export const cookiePairs = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => line.split(";")).map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""));

/** What all cookies of a name hold. */
export function cookieValues(pairs: readonly string[], name: string): string[] {
  const start = `${name}=`;
  return pairs.filter((pair) => pair.startsWith(start)).map((pair) => pair.slice(start.length));
}

/**
 * Whether a text has the form of a token (RFC 6750 section 2.1): what has a blank or a comma in it could be
 * taken for two.
 */
export const isToken68 = (text: string): boolean => TOKEN68.test(text);
