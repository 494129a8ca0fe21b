import { readFileSync, statSync } from "node:fs";

/** Who calls: the text of a key, a file that is read anew when it changes, or a function that gives it. */
export type Key = string | { readonly file: string } | (() => string);

/** Gives the header that shows who calls; empty for none. */
export type Identify = () => string;

/**
 * How long a look at a file is trusted: of a million answers from memory in a second one in a hundred looks.
 */
const FILE_REST_MS = 0.1;
/** Within what time a file may be written twice under one time of modification. */
const FILE_DOUBT_MS = 100;

/** Gives who calls, asked anew for every call. */
export function identifyBy(key: Key | undefined): Identify {
  if (typeof key === "function") return () => authorization(key());
  if (typeof key === "object") return keyFile(key.file);
  const known = authorization(key ?? "");
  return () => known;
}

function authorization(key: string): string {
  const trimmed = key.trim();
  if (!/^[\x21-\x7e]*$/.test(trimmed)) throw new TypeError("the caller's key is no text of printable ASCII");
  return trimmed === "" ? "" : `Bearer ${trimmed}`;
}

function keyFile(path: string): Identify {
  let known = "";
  let lookedAt = -Infinity;
  let seen: string | undefined;
  return () => {
    const now = performance.now();
    if (now - lookedAt < FILE_REST_MS) return known;
    const { ino, dev, size, mtimeMs } = statSync(path);
    const found = `${dev} ${ino} ${size} ${mtimeMs}`;
    if (found !== seen) {
      known = authorization(readFileSync(path, "utf8"));
      seen = Date.now() - mtimeMs < FILE_DOUBT_MS ? undefined : found;
    }
    lookedAt = now;
    return known;
  };
}
