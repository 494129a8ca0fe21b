import { cookiePairs, cookieValues, isToken68 } from "../middleware/credentials.js";
import { fingerprint, joined, MOST_PARTS } from "./parts.js";
import { LARGEST_COOKIE, type Style } from "./style.js";

/**
 * How many cookies of a name a request has. With several it is not clear which one is meant: no browser sends
 * two of a name for one host and path, so that one of them is somebody else's.
 */
export type Count = "none" | "one" | "several";

/** The cookies of a session that a request brought. */
export interface Cookies {
  readonly access: Count;
  readonly refresh: Count;
  /** Empty unless there is one. */
  readonly accessToken: string;
  readonly refreshToken: string;
  /** The numbers of the parts of an access token. */
  readonly parts: readonly number[];
  /** Tells which refresh token the browser has had an answer about; empty for none. */
  readonly mark: string;
}

/**
 * Finds the cookies in the values of Cookie headers. An empty one is none, and so is an access token of which
 * parts are missing.
 */
export function readCookies(headers: readonly string[], style: Style): Cookies {
  const pairs = cookiePairs(headers);
  const parts = Array.from({ length: MOST_PARTS }, (_, i) => only(pairs, style.partName(i + 1)));
  const refresh = only(pairs, style.refreshName);
  const isSeveral = parts.some(({ count }) => count === "several");
  const accessToken = isSeveral ? "" : joined(parts.map(({ value }) => value));
  const access = isSeveral ? "several" : accessToken === "" ? "none" : "one";
  return {
    access,
    accessToken,
    refresh: refresh.count,
    refreshToken: refresh.value,
    parts: parts.flatMap(({ count }, i) => (count === "none" ? [] : [i + 1])),
    mark: only(pairs, style.markName).value,
  };
}

/**
 * Whether the browser has had an answer about its refresh token, and so has no newer one: what it sent before
 * it had that answer does not bring the mark.
 */
export const isMarked = ({ mark, refreshToken }: Pick<Cookies, "mark" | "refreshToken">): boolean =>
  mark !== "" && refreshToken !== "" && mark === fingerprint(refreshToken);

/** Whether a refresh token is of a form that a server would read at all. */
export const hasRefreshForm = (refreshToken: string): boolean =>
  refreshToken.length <= LARGEST_COOKIE && isToken68(refreshToken);

/**
 * Whether two refresh tokens are of one session. The session's id stands behind four other bytes of a token;
 * tokens of which that is not known are of none.
 */
export function isSameSession(one: string, other: string): boolean {
  const id = sessionOf(one);
  return id !== "" && id === sessionOf(other);
}

const REFRESH_TOKEN = /^sdr1_([A-Za-z0-9_-]{96})$/;

function sessionOf(refreshToken: string): string {
  const text = REFRESH_TOKEN.exec(refreshToken)?.[1] ?? "";
  return Buffer.from(text, "base64url").subarray(4, 20).toString("hex");
}

function only(pairs: readonly string[], name: string): { readonly value: string; readonly count: Count } {
  const values = cookieValues(pairs, name);
  const [value = ""] = values;
  if (values.length > 1) return { value: "", count: "several" };
  return { value, count: value === "" ? "none" : "one" };
}
