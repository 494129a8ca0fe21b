import { createHash } from "node:crypto";

/**
 * An access token that is too large for one cookie is in two or three. The first has the name of all, and its
 * value is COUNT:CHECK:TEXT; the others are called -2 and -3 behind that name, and have the rest of the text.
 * CHECK is that of the whole: parts of different tokens are never taken for one. No token has a colon.
 */
export const MOST_PARTS = 3;

/**
 * The values of the cookies that have a token, as few as there is room for; undefined where it does not fit.
 */
export function splitValue(token: string, room: (number: number) => number): string[] | undefined {
  for (let count = 2; count <= MOST_PARTS; count++) {
    let rest = `${count}:${fingerprint(token)}:${token}`;
    const values: string[] = [];
    for (let number = 1; number <= count; number++) {
      values.push(rest.slice(0, room(number)));
      rest = rest.slice(room(number));
    }
    if (rest === "") return values;
  }
  return undefined;
}

/**
 * The token in the values of cookies, of which the first may be all; empty where the set is not complete.
 */
export function joined(values: readonly string[]): string {
  const [first = "", second = "", third = ""] = values;
  if (!first.includes(":")) return first;
  const [count, check, ...texts] = first.split(":");
  const text = texts.join(":");
  const token = count === "2" ? text + second : count === "3" ? text + second + third : "";
  return token !== "" && fingerprint(token) === check ? token : "";
}

/** Tells tokens apart, and nothing else of them. */
export const fingerprint = (token: string): string =>
  createHash("sha256").update(token).digest("hex").slice(0, 16);
