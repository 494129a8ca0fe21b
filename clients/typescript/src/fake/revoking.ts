import { create } from "@bufbuild/protobuf";

import { hashedId } from "../memory/hashed-ids.js";
import { type Revocation, RevocationType } from "../sessiond/v1/session_pb.js";
import {
  type RevokeSessionRequest,
  type RevokeSessionResponse,
  RevokeSessionResponseSchema,
  type Subject,
} from "../sessiond/v1/session_service_pb.js";
import { isSessionId } from "./claims.js";
import { ISSUER } from "./identifiers.js";
import { verify } from "./judge.js";
import { fieldInvalid, notASessionId } from "./refusals.js";
import type { FakeState } from "./state.js";

/** Carries out a revocation. */
export function revoke(state: FakeState, request: RevokeSessionRequest): RevokeSessionResponse {
  const { target } = request;
  switch (target.case) {
    case "sessionId":
      if (!isSessionId(target.value)) throw notASessionId("session_id");
      return revokeOne(state, target.value);
    case "refreshToken": {
      const of = state.sessionOf(target.value);
      return of === undefined ? ended(state, 0, []) : revokeOne(state, of.id);
    }
    case "accessToken": {
      const claims = verify(state, target.value);
      return "reason" in claims ? ended(state, 0, []) : revokeOne(state, claims.session.sessionId);
    }
    case "subject":
      return revokeSubject(state, target.value, request.exceptSessionId);
    default:
      return ended(state, undefined, [revokeShared(state, target)]);
  }
}

/** Ends a session, whether or not it was opened here: a token that was signed for a test has one too. */
function revokeOne(state: FakeState, id: string): RevokeSessionResponse {
  const of = state.sessions.get(id);
  if (of === undefined) {
    return ended(state, 0, [state.end(RevocationType.SESSION, hashedId("session", "", id))]);
  }
  return ended(state, state.isLive(of) ? 1 : 0, [state.endSession(of)]);
}

function revokeSubject(
  state: FakeState,
  { issuer, subject }: Subject,
  except: string,
): RevokeSessionResponse {
  if (issuer !== ISSUER) throw fieldInvalid("subject.issuer", "another issuer", ISSUER);
  const own = [...state.sessions.values()].filter((of) => of.opening.login.subject === subject);
  if (except !== "" && !own.some((of) => of.id === except)) {
    throw fieldInvalid("except_session_id", "no session of the subject", "one of its sessions");
  }
  const told = own.filter((of) => of.id !== except && state.isLive(of)).map((of) => state.endSession(of));
  const count = told.length;
  if (except === "") {
    told.push(state.cutOff(RevocationType.SUBJECT, hashedId("subject", ISSUER, subject)));
  }
  return ended(state, count, told);
}

/** Revokes what many sessions share; how many these are is not counted. */
function revokeShared(state: FakeState, target: RevokeSessionRequest["target"]): Revocation {
  switch (target.case) {
    case "providerSession": {
      const { issuer, sessionId } = target.value;
      return state.end(RevocationType.PROVIDER_SESSION, hashedId("provider_session", issuer, sessionId));
    }
    case "tenant":
      return state.cutOff(
        RevocationType.TENANT,
        hashedId("tenant", target.value.issuer, target.value.tenantId),
      );
    case "client":
      return state.cutOff(
        RevocationType.CLIENT,
        hashedId("client", target.value.issuer, target.value.clientId),
      );
    case "issuer":
      return state.cutOff(RevocationType.ISSUER, hashedId("issuer", target.value, ""));
    case "key":
      return state.end(RevocationType.KEY, hashedId("key", target.value.issuer, target.value.keyId));
    default:
      throw fieldInvalid("target", "nothing", "exactly one target");
  }
}

const ended = (
  { log }: FakeState,
  sessionsEnded: number | undefined,
  revocations: Revocation[],
): RevokeSessionResponse =>
  create(RevokeSessionResponseSchema, {
    revision: log.revision,
    revocations,
    ...(sessionsEnded !== undefined && { sessionsEnded }),
  });
