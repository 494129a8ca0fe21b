/** Lets requests through to handlers of Fastify only with a good access token. */
import type { FastifyReply, FastifyRequest } from "fastify";

import { answerTo } from "./middleware/http-answer.js";
import { type Access, HttpGuard, type HttpOptions } from "./middleware/http-guard.js";
import { httpRequest } from "./middleware/http-request.js";
import { findSession, give, requireSessionOf } from "./middleware/session-of.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";
import type { Validator } from "./validator.js";

export type { Complaint, Log } from "./middleware/denial.js";
export type { Denied, HttpOptions } from "./middleware/http-guard.js";

/** A hook for `onRequest`, of a route or of all of them. */
export type OnRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Lets only requests through whose token fulfils a policy; without one it has to be good. */
export const requireSession = (
  validator: Validator,
  policy?: Policy,
  options: HttpOptions<FastifyRequest> = {},
): OnRequest => guarded(validator, { policy }, options);

/** Lets requests without a token through too. One whose token is not good is denied all the same. */
export const optionalSession = (
  validator: Validator,
  policy?: Policy,
  options: HttpOptions<FastifyRequest> = {},
): OnRequest => guarded(validator, { policy, isOptional: true }, options);

/**
 * For `app.addHook("onRequest", ...)`: requires a policy of everything but what is public by name, such as
 * "GET /healthz", or "/assets/" with all that is below it. A route that nobody thought of is protected.
 */
export const protect = (
  validator: Validator,
  policy: Policy | undefined,
  publicPaths: readonly string[],
  options: HttpOptions<FastifyRequest> = {},
): OnRequest => guarded(validator, { policy, publicPaths }, options);

/**
 * The session of a request whose route requires one.
 *
 * @throws TypeError on any other route.
 */
export const sessionOf = (request: FastifyRequest): Session => requireSessionOf(request);

/** The session of a request; undefined where nobody had to be known. */
export const optionalSessionOf = (request: FastifyRequest): Session | undefined => findSession(request);

function guarded(validator: Validator, access: Access, options: HttpOptions<FastifyRequest>): OnRequest {
  const guard = new HttpGuard(validator, access, options);
  return async (request, reply) => {
    const decision = await guard.admit(httpRequest(request.raw, request.originalUrl), request);
    if (decision.denial === undefined) return give(request, decision.session);
    const { status, headers, body } = answerTo(guard, decision.denial, request.routeOptions.url ?? "");
    return reply.code(status).headers(headers).send(body);
  };
}
