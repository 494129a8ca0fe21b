import type { Session } from "../session.js";

/**
 * Where a session stands in what it belongs to. The name `session` is taken by others, such as
 * express-session; and the copies of this package for `import` and for `require` share this one.
 */
const SESSION = Symbol.for("@sessiond/client/session");

/** Gives a request its session. It does not show where the request is printed. */
export function give(request: object, session: Session | undefined): void {
  if (session === undefined) return;
  Object.defineProperty(request, SESSION, { value: session, configurable: true });
}

/** The session that a request was given; undefined where nobody had to be known. */
export const findSession = (request: object): Session | undefined =>
  (request as { [SESSION]?: Session })[SESSION];

/** @throws TypeError where there is none: what asks for it has to be protected. */
export function requireSessionOf(request: object): Session {
  const session = findSession(request);
  if (session === undefined) throw new TypeError("the request has no session: its route requires none");
  return session;
}
