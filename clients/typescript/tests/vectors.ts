import { readFileSync } from "node:fs";

/** A long text is a list of texts, each with how often it stands there. */
type Text = string | [string, number][];

export const long = (text: Text): string =>
  typeof text === "string" ? text : text.map(([part, times]) => part.repeat(times)).join("");

/** A file of the vectors that clients in every language have. */
export const vectors = <File>(name: string): File =>
  JSON.parse(readFileSync(new URL(`../../../../tests/vectors/${name}`, import.meta.url), "utf8")) as File;

export type { Text };
