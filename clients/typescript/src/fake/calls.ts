import type { MessageShape } from "@bufbuild/protobuf";

import type { Requirements } from "../policy.js";
import type { Requirements as RequirementsMessage } from "../sessiond/v1/session_pb.js";
import type { SessionService } from "../sessiond/v1/session_service_pb.js";
import { spanMs } from "../messages/spans.js";

/** A call that reached the fake. */
export interface FakeCall {
  /** Such as ValidateToken. */
  readonly method: string;
  /** The tokens that it is about. */
  readonly tokens: readonly string[];
  /** What a validation requires. */
  readonly requirements: Requirements;
  /** Of who called; empty without one. */
  readonly key: string;
}

type Method = (typeof SessionService.method)[keyof typeof SessionService.method];
type Request = MessageShape<Method["input"]>;

/** What is noted of a request. */
export function noteOf(method: string, request: Request, authorization: string): FakeCall {
  const key = authorization.replace(/^Bearer /, "");
  return { method, key, tokens: tokensOf(request), requirements: requirementsOf(request) };
}

function tokensOf(request: Request): string[] {
  switch (request.$typeName) {
    case "sessiond.v1.ValidateTokenRequest":
      return [request.token];
    case "sessiond.v1.ValidateTokensRequest":
      return request.tokens;
    case "sessiond.v1.RefreshSessionRequest":
      return [request.refreshToken];
    case "sessiond.v1.RevokeSessionRequest": {
      const { target } = request;
      return target.case === "accessToken" || target.case === "refreshToken" ? [target.value] : [];
    }
    default:
      return [];
  }
}

function requirementsOf(request: Request): Requirements {
  const isValidation =
    request.$typeName === "sessiond.v1.ValidateTokenRequest" ||
    request.$typeName === "sessiond.v1.ValidateTokensRequest";
  return isValidation && request.requirements ? toRequirements(request.requirements) : {};
}

function toRequirements({ claims, maxAuthAge, ...message }: RequirementsMessage): Requirements {
  const { issuers, audiences, scopes, permissions, acrValues } = message;
  const lists = Object.entries({ issuers, audiences, scopes, permissions, acrValues });
  const values = Object.entries(claims).map(([name, one]) => [name, one.values]);
  return {
    ...Object.fromEntries(lists.filter(([, list]) => list.length > 0)),
    ...(values.length > 0 && { claims: Object.fromEntries(values) as Record<string, string[]> }),
    ...(maxAuthAge && { maxAuthAge: spanMs(maxAuthAge) / 1_000 }),
  };
}
