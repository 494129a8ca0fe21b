import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** What a decision needs of a request. */
export interface HttpRequest {
  readonly method: string;
  /** As it was sent, with its query, if only its path. */
  readonly target: string;
  /** The same without query. */
  readonly path: string;
  /** All values under a name in small letters: Node gives the first of several Authorization headers. */
  header(name: string): readonly string[];
}

/** What a request of Node says; `target` is the whole of its path where a framework has cut it. */
export function httpRequest(
  raw: IncomingMessage | Http2ServerRequest,
  target: string = raw.url ?? "",
): HttpRequest {
  const relative = withoutAuthority(target);
  return {
    method: raw.method ?? "",
    target: relative,
    path: relative.split(/[?#]/, 1)[0] ?? "/",
    header: (name) => valuesOf(raw.rawHeaders, name),
  };
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const found = rawHeaders[i] ?? "";
    const isNamed = found.length === name.length && found.toLowerCase() === name;
    // HTTP/2 has its host among the pseudo-headers.
    if (isNamed || (name === "host" && found === ":authority")) values.push(rawHeaders[i + 1] ?? "");
  }
  return values;
}

/** What stands behind the host in a target, which may be an absolute one (RFC 9112 section 3.2.2). */
function withoutAuthority(target: string): string {
  const relative = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return relative.startsWith("/") ? relative : `/${relative}`;
}
