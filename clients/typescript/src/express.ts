/** Lets requests through to handlers of Express 4 and 5 only with a good access token. */
import type { NextFunction, Request, RequestHandler, Response } from "express";

import { answerTo } from "./middleware/http-answer.js";
import { type Access, HttpGuard, type HttpOptions } from "./middleware/http-guard.js";
import { httpRequest } from "./middleware/http-request.js";
import { findSession, give, requireSessionOf } from "./middleware/session-of.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";
import type { Validator } from "./validator.js";

export type { Complaint, Log } from "./middleware/denial.js";
export type { Denied, HttpOptions } from "./middleware/http-guard.js";

/** Lets only requests through whose token fulfils a policy; without one it has to be good. */
export const requireSession = (
  validator: Validator,
  policy?: Policy,
  options: HttpOptions<Request> = {},
): RequestHandler => guarded(validator, { policy }, options);

/** Lets requests without a token through too. One whose token is not good is denied all the same. */
export const optionalSession = (
  validator: Validator,
  policy?: Policy,
  options: HttpOptions<Request> = {},
): RequestHandler => guarded(validator, { policy, isOptional: true }, options);

/**
 * For `app.use`: requires a policy of everything that comes after it but for what is public by name, such as
 * "GET /healthz", or "/assets/" with all that is below it. A route that nobody thought of is protected.
 */
export const protect = (
  validator: Validator,
  policy: Policy | undefined,
  publicPaths: readonly string[],
  options: HttpOptions<Request> = {},
): RequestHandler => guarded(validator, { policy, publicPaths }, options);

/**
 * The session of a request whose route requires one.
 *
 * @throws TypeError on any other route.
 */
export const sessionOf = (request: Request): Session => requireSessionOf(request);

/** The session of a request; undefined where nobody had to be known. */
export const optionalSessionOf = (request: Request): Session | undefined => findSession(request);

function guarded(validator: Validator, access: Access, options: HttpOptions<Request>): RequestHandler {
  const guard = new HttpGuard(validator, access, options);
  return (request, response, next) => {
    // Express 4 does not wait for a promise.
    void admit(guard, request, response, next).catch(next);
  };
}

async function admit(
  guard: HttpGuard<Request>,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const decision = await guard.admit(httpRequest(request, request.originalUrl), request);
  if (decision.denial === undefined) {
    give(request, decision.session);
    return next();
  }
  const { status, headers, body } = answerTo(guard, decision.denial, `${request.method} ${request.baseUrl}`);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.status(status);
  if (typeof body === "string") response.send(body);
  else response.json(body);
}
