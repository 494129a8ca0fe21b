import type { ServerResponse } from "node:http";

import type { Style } from "./style.js";

/**
 * Adds cookies to the head of an answer when that is written, whatever its handler does to the headers until
 * then.
 */
export class HeldCookies {
  #isWritten = false;

  constructor(
    response: ServerResponse,
    style: Style,
    public lines: readonly string[],
  ) {
    const write = response.writeHead.bind(response) as (status: number, message?: string) => ServerResponse;
    response.writeHead = (status: number, reason?: unknown, headers?: unknown) => {
      const message = typeof reason === "string" ? reason : undefined;
      applyHeaders(response, headers ?? (message === undefined ? reason : undefined));
      if (!this.#isWritten) setCookies(response, style, this.lines);
      this.#isWritten = true;
      return message === undefined ? write(status) : write(status, message);
    };
  }

  /** Whether no cookie can be changed any more. */
  get isWritten(): boolean {
    return this.#isWritten;
  }
}

/** Sets what is given with a head as any other header: an object, or names and values in turn. */
function applyHeaders(response: ServerResponse, headers: unknown): void {
  if (Array.isArray(headers)) {
    const pairs = headers.flat() as string[];
    const names = pairs.filter((_, i) => i % 2 === 0);
    for (const name of names) response.removeHeader(name);
    names.forEach((name, i) => response.appendHeader(name, pairs[2 * i + 1] ?? ""));
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== undefined) response.setHeader(name, value as string);
    }
  }
}

/**
 * Gives an answer cookies of a session in place of any that it has; such an answer is for nobody else (RFC
 * 9111 section 7.3).
 */
export function setCookies(response: ServerResponse, style: Style, lines: readonly string[]): void {
  const others = valuesOf(response, "Set-Cookie").filter((line) => !style.isOurs(line));
  response.setHeader("Set-Cookie", [...others, ...lines]);
  response.setHeader("Cache-Control", "no-store");
  varyByCookie(response);
}

export function varyByCookie(response: ServerResponse): void {
  const values = valuesOf(response, "Vary");
  const names = values.flatMap((value) => value.split(",")).map((name) => name.trim().toLowerCase());
  if (!names.includes("cookie")) response.setHeader("Vary", [...values, "Cookie"]);
}

function valuesOf(response: ServerResponse, name: string): string[] {
  const found = response.getHeader(name);
  return found === undefined ? [] : [found].flat().map(String);
}
