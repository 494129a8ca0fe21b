/** Lets requests through to handlers of Nest, on Express or on Fastify, only with a good access token. */
import "reflect-metadata";

import {
  type CanActivate,
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  HttpException,
  SetMetadata,
} from "@nestjs/common";
import type { IncomingMessage } from "node:http";

import type { Consistency } from "./consistency.js";
import { ofNoPolicy } from "./middleware/denial.js";
import { answerTo } from "./middleware/http-answer.js";
import { type Access, HttpGuard, type HttpOptions } from "./middleware/http-guard.js";
import { httpRequest } from "./middleware/http-request.js";
import { findSession, give } from "./middleware/session-of.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";
import type { Validator } from "./validator.js";

export type { Complaint, Log } from "./middleware/denial.js";
export type { Denied, HttpOptions } from "./middleware/http-guard.js";

/** What Express and Fastify have in common. */
export interface NestRequest {
  readonly raw?: IncomingMessage;
  readonly originalUrl?: string;
}

interface NestResponse {
  header(name: string, value: string | string[]): unknown;
}

interface Required {
  readonly access: Access | "public";
  readonly consistency?: Consistency | undefined;
}

const REQUIRED = "@sessiond/client/required";

const required = (value: Required): CustomDecorator => SetMetadata(REQUIRED, value);

/** Requires a policy of a handler, or of all those of a controller. */
export const RequirePolicy = (policy: Policy, consistency?: Consistency): CustomDecorator =>
  required({ access: { policy }, consistency });

/**
 * Lets requests without a token through to a handler too. One whose token is not good is denied all the same.
 */
export const OptionalSession = (policy?: Policy, consistency?: Consistency): CustomDecorator =>
  required({ access: { policy, isOptional: true }, consistency });

/** Lets everybody through to a handler; no token is looked at. */
export const Public = (): CustomDecorator => required({ access: "public" });

/** A handler's parameter: the session of its request; undefined where nobody had to be known. */
export const CurrentSession: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext): Session | undefined =>
    findSession(context.switchToHttp().getRequest<object>()),
);

/**
 * For `app.useGlobalGuards`: a handler that says nothing else requires a good token, or what `policy`
 * requires.
 */
export class SessionGuard implements CanActivate {
  readonly #validator: Validator;
  readonly #policy: Policy | undefined;
  readonly #options: HttpOptions<NestRequest>;
  readonly #guards = new Map<Required | undefined, HttpGuard<NestRequest>>();

  constructor(validator: Validator, options: HttpOptions<NestRequest> & { readonly policy?: Policy } = {}) {
    const { policy, ...others } = options;
    this.#validator = validator;
    this.#policy = policy;
    this.#options = others;
    this.#guard(undefined); // so that a mistake shows at the start
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const wanted = requiredBy(context);
    if (wanted?.access === "public") return true;
    const guard = this.#guard(wanted);
    const route = `${context.getClass().name}.${context.getHandler().name}`;
    if (context.getType() !== "http") return refuse(guard, ofNoPolicy(), route, undefined);
    const http = context.switchToHttp();
    const request = http.getRequest<NestRequest & IncomingMessage>();
    const decision = await guard.admit(httpRequest(request.raw ?? request, request.originalUrl), request);
    if (decision.denial !== undefined) {
      return refuse(guard, decision.denial, route, http.getResponse<NestResponse>());
    }
    give(request, decision.session);
    return true;
  }

  #guard(wanted: Required | undefined): HttpGuard<NestRequest> {
    let guard = this.#guards.get(wanted);
    if (guard === undefined) {
      const access =
        wanted === undefined || wanted.access === "public" ? { policy: this.#policy } : wanted.access;
      const consistency = wanted?.consistency;
      const options = { ...this.#options, ...(consistency !== undefined && { consistency }) };
      guard = new HttpGuard(this.#validator, access, options);
      this.#guards.set(wanted, guard);
    }
    return guard;
  }
}

const requiredBy = (context: ExecutionContext): Required | undefined =>
  (Reflect.getMetadata(REQUIRED, context.getHandler()) ??
    Reflect.getMetadata(REQUIRED, context.getClass())) as Required | undefined;

/** @throws HttpException always: Nest has no other way to answer. */
function refuse(
  guard: HttpGuard<NestRequest>,
  denial: Parameters<typeof answerTo>[1],
  route: string,
  response: NestResponse | undefined,
): never {
  const { status, headers, body } = answerTo(guard, denial, route);
  for (const [name, value] of Object.entries(headers)) response?.header(name, value);
  throw new HttpException(body as Record<string, unknown>, status);
}
