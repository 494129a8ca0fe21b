import { create } from "@bufbuild/protobuf";

import { isToken68 } from "../middleware/credentials.js";
import {
  type Rejection,
  Rejection_NextAction as NextAction,
  Rejection_Reason as Reason,
  RejectionSchema,
  type Requirements,
} from "../sessiond/v1/session_pb.js";

const ACTIONS = new Map([
  [Reason.ISSUER_NOT_TRUSTED, NextAction.DENY],
  [Reason.ALGORITHM_NOT_ALLOWED, NextAction.DENY],
  [Reason.TYPE_NOT_ALLOWED, NextAction.DENY],
  [Reason.AUDIENCE_MISMATCH, NextAction.DENY],
  [Reason.EXPIRED, NextAction.REFRESH],
]);

/** A rejection in the words that a server has for it. */
export function reject(reason: Reason, message: string): Rejection {
  const nextAction = ACTIONS.get(reason) ?? NextAction.REAUTHENTICATE;
  const told = reason === Reason.EXPIRED ? described(message) : "";
  return create(RejectionSchema, {
    reason,
    message,
    nextAction,
    wwwAuthenticate: `Bearer error="invalid_token"${told}`,
  });
}

const described = (message: string): string => `, error_description="${message}"`;

export function malformed(token: string): Rejection {
  if (token.split(".").length === 3 || !isToken68(token)) {
    return reject(Reason.MALFORMED, "this is not a signed JWT in compact form");
  }
  const message =
    "this is no JWT, but an opaque or encrypted token: have its provider issue access tokens as JWTs";
  return { ...reject(Reason.MALFORMED, message), nextAction: NextAction.DENY };
}

export function unproven(isByDpop: boolean): Rejection {
  const message = "the token is bound to a key whose possession was not proven";
  const wwwAuthenticate = `${isByDpop ? "DPoP" : "Bearer"} error="invalid_token"${described(message)}`;
  return denied(Reason.BINDING_MISMATCH, message, wwwAuthenticate, NextAction.DENY);
}

export function insufficient(lacks: string, scopes: readonly string[] = []): Rejection {
  const message = `the token lacks a required ${lacks}`;
  const wanted = scopes.length > 0 ? `, scope="${scopes.join(" ")}"` : "";
  const wwwAuthenticate = `Bearer error="insufficient_scope"${described(message)}${wanted}`;
  return denied(Reason.SCOPE_INSUFFICIENT, message, wwwAuthenticate, NextAction.DENY);
}

export function stepUp(how: string, { acrValues, maxAuthAge }: Requirements): Rejection {
  const message = `the user must prove who they are ${how}`;
  const acr = acrValues.length > 0 ? `, acr_values="${acrValues.join(" ")}"` : "";
  const age = maxAuthAge ? `, max_age="${maxAuthAge.seconds}"` : "";
  const wwwAuthenticate = `Bearer error="insufficient_user_authentication"${described(message)}${acr}${age}`;
  return denied(Reason.STEP_UP_REQUIRED, message, wwwAuthenticate, NextAction.STEP_UP);
}

const denied = (
  reason: Reason,
  message: string,
  wwwAuthenticate: string,
  nextAction: NextAction,
): Rejection => create(RejectionSchema, { reason, message, nextAction, wwwAuthenticate });
