/**
 * Lets calls through to handlers of @grpc/grpc-js only with a good access token. A method that nothing is
 * said about is denied, but for health and reflection.
 */
import {
  Metadata,
  type ServerInterceptor,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerListener,
  status,
} from "@grpc/grpc-js";

import { CallGuard, type CallOptions } from "./middleware/call-guard.js";
import type { Methods } from "./middleware/call-rules.js";
import type { Denial } from "./middleware/denial.js";
import { findSession, give, requireSessionOf } from "./middleware/session-of.js";
import { retryStatus } from "./middleware/status-details.js";
import type { Session } from "./session.js";
import type { Validator } from "./validator.js";

export type { CallOptions } from "./middleware/call-guard.js";
export type { CallRule, Methods } from "./middleware/call-rules.js";
export type { Complaint, Log } from "./middleware/denial.js";

/** A call, as handlers and interceptors have it. */
type Interceptable = ServerInterceptingCallInterface;

/**
 * An interceptor for `new Server({ interceptors: [...] })`. A call that is denied does not get to its
 * handler.
 */
export function sessionInterceptor(
  validator: Validator,
  methods: Methods,
  options: CallOptions<Interceptable> = {},
): ServerInterceptor {
  const guard = new CallGuard(validator, methods, options);
  return ({ path }, call) =>
    new ServerInterceptingCall(call, { start: (next) => next(listener(guard, path, call)) });
}

/**
 * The session of a call whose method requires one.
 *
 * @throws TypeError for any other method.
 */
export const sessionOf = (call: { readonly metadata: Metadata }): Session => requireSessionOf(call.metadata);

/** The session of a call; undefined where nobody had to be known. */
export const optionalSessionOf = (call: { readonly metadata: Metadata }): Session | undefined =>
  findSession(call.metadata);

/**
 * The client certificate of the connection that a call came by, for `certificate`; undefined if there is
 * none.
 */
export const peerCertificate = (call: Interceptable): Uint8Array | undefined =>
  call.getAuthContext().sslPeerCertificate?.raw;

/** Holds a call back until there is a verdict: gRPC does so with its messages meanwhile. */
function listener(guard: CallGuard<Interceptable>, path: string, call: Interceptable): ServerListener {
  return {
    onReceiveMetadata(metadata, next) {
      const values = (name: string) => metadata.get(name).map(String);
      void guard.admit(path, values, call).then((decision) => {
        if (decision.denial !== undefined) return refuse(guard, decision.denial, path, call);
        give(metadata, decision.session);
        next(metadata);
      });
    },
  };
}

function refuse(guard: CallGuard<Interceptable>, denial: Denial, path: string, call: Interceptable): void {
  const { code, text, challenges, retryAfterMs } = guard.answerTo(denial, path);
  const metadata = new Metadata();
  for (const challenge of challenges) metadata.add("www-authenticate", challenge);
  if (retryAfterMs !== undefined) {
    metadata.set("grpc-status-details-bin", retryStatus(status[code], text, retryAfterMs));
  }
  call.sendStatus({ code: status[code], details: text, metadata });
}
