import type { HttpRequest } from "./http-request.js";

/** A path that is public by name. */
export interface PublicPath {
  /** Undefined for every method. */
  readonly method: string | undefined;
  readonly path: string;
}

const FORM = /^(?:([A-Z]+) )?(\/\S*)$/;

/** @throws TypeError for what is no path, as that is a mistake in the program. */
export const publicPaths = (names: readonly string[]): readonly PublicPath[] =>
  names.map((name) => {
    const [, method, path] = FORM.exec(name) ?? [];
    if (path === undefined || !isPlain(path)) {
      throw new TypeError(`public: found ${JSON.stringify(name)}, allowed is a path such as "GET /healthz"`);
    }
    return { method, path };
  });

/** Whether a request is for a path that is public by name; what cannot be read is not. */
export function isPublic({ method, path }: HttpRequest, paths: readonly PublicPath[]): boolean {
  if (paths.length === 0) return false;
  const decoded = decode(path);
  if (decoded === undefined || !isPlain(decoded)) return false;
  return paths.some(
    (one) =>
      (one.method === undefined || one.method === method || (one.method === "GET" && method === "HEAD")) &&
      (one.path === decoded || (one.path.endsWith("/") && one.path !== "/" && decoded.startsWith(one.path))),
  );
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Whether a path means the same to whoever routes by it, whether or not its escapes are read first. */
function isPlain(path: string): boolean {
  const segments = path.slice(1).split("/");
  const last = segments.pop() ?? "";
  const isDots = (segment: string) => segment === "." || segment === "..";
  return path.startsWith("/") && !isDots(last) && !segments.some((one) => one === "" || isDots(one));
}
