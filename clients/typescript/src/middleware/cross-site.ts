import type { HttpRequest } from "./http-request.js";

/** Which requests with a cookie another site may have caused. */
export interface CrossSiteRules {
  /** Further origins whose pages may send cookies, such as https://app.example. */
  readonly trustedOrigins?: readonly string[];
  /** Lets requests with a cookie through that say nothing of where they come from, as browsers of old do. */
  readonly allowMissingOrigin?: boolean;
}

/** What changes nothing (RFC 9110 section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Judges by what browsers say of a request, and scripts in them cannot: there is no token to be kept, or to
 * be stolen. That of a sibling domain (same-site) is another's. What changes something has to say where it
 * comes from: who says nothing may be a browser of old, or one whose proxy has dropped what it said.
 */
export function isCrossSite(
  request: HttpRequest,
  { trustedOrigins = [], allowMissingOrigin = false }: CrossSiteRules,
): boolean {
  if (isSafe(request)) return false;
  const sites = request.header("sec-fetch-site");
  const origins = request.header("origin");
  const [site] = sites;
  const [origin] = origins;
  if (sites.length > 1 || origins.length > 1) return true;
  if (origin !== undefined && trustedOrigins.includes(origin)) return false;
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  if (origin !== undefined) return !isHost(origin, request.header("host"));
  return !allowMissingOrigin;
}

/** A WebSocket, and whatever else opens a stream both ways, begins with a method that changes nothing. */
const isSafe = (request: HttpRequest): boolean =>
  SAFE_METHODS.has(request.method) && request.header("upgrade").length === 0;

function isHost(origin: string, hosts: readonly string[]): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)$/i.exec(origin)?.[1];
  const [host] = hosts;
  return hosts.length === 1 && !!host && authority?.toLowerCase() === host.toLowerCase();
}
