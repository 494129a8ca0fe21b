/**
 * Lets calls through to handlers of Connect only with a good access token. A method that nothing is said
 * about is denied, but for health and reflection.
 */
import {
  Code,
  ConnectError,
  type ContextKey,
  type ContextValues,
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";

import { CallGuard, type CallOptions } from "./middleware/call-guard.js";
import type { Methods } from "./middleware/call-rules.js";
import type { Denial } from "./middleware/denial.js";
import { retryInfo } from "./middleware/status-details.js";
import type { Session } from "./session.js";
import type { Validator } from "./validator.js";

export type { CallOptions } from "./middleware/call-guard.js";
export type { CallRule, Methods } from "./middleware/call-rules.js";
export type { Complaint, Log } from "./middleware/denial.js";

type Request = UnaryRequest | StreamRequest;

const CODES = {
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied,
  UNAVAILABLE: Code.Unavailable,
  INTERNAL: Code.Internal,
} as const;

const SESSION: ContextKey<Session | undefined> = createContextKey<Session | undefined>(undefined);

/** An interceptor for the routes of a Connect server. A call that is denied does not get to its handler. */
export function sessionInterceptor(
  validator: Validator,
  methods: Methods,
  options: CallOptions<Request> = {},
): Interceptor {
  const guard = new CallGuard(validator, methods, options);
  return (next) => async (request) => {
    const path = `/${request.service.typeName}/${request.method.name}`;
    const decision = await guard.admit(path, valuesOf(request.header), request);
    if (decision.denial !== undefined) throw toError(guard, decision.denial, path);
    request.contextValues.set(SESSION, decision.session);
    return next(request);
  };
}

/**
 * The session of a call whose method requires one.
 *
 * @throws TypeError for any other method.
 */
export function sessionOf(context: { readonly values: ContextValues }): Session {
  const session = optionalSessionOf(context);
  if (session === undefined) throw new TypeError("the call has no session: its method requires none");
  return session;
}

/** The session of a call; undefined where nobody had to be known. */
export const optionalSessionOf = (context: { readonly values: ContextValues }): Session | undefined =>
  context.values.get(SESSION);

/** Several values of a header come as one, with commas between them, which no token has. */
const valuesOf = (headers: Headers) => (name: string) => {
  const value = headers.get(name);
  return value === null ? [] : [value];
};

function toError(guard: CallGuard<Request>, denial: Denial, path: string): ConnectError {
  const { code, text, challenges, retryAfterMs } = guard.answerTo(denial, path);
  const metadata = new Headers();
  for (const challenge of challenges) metadata.append("www-authenticate", challenge);
  if (retryAfterMs !== undefined) metadata.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  const error = new ConnectError(text, CODES[code], metadata);
  if (retryAfterMs !== undefined) {
    error.details.push({ type: "google.rpc.RetryInfo", value: retryInfo(retryAfterMs) });
  }
  return error;
}
