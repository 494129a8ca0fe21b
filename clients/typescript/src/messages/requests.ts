import { create, type MessageInitShape } from "@bufbuild/protobuf";

import type { Consistency } from "../consistency.js";
import { invalid } from "../errors.js";
import type { Bearer, LocalLogin, Login, Proofs } from "../login.js";
import type { Policy } from "../policy.js";
import type { Cause, RevokeOptions, RevokeTarget } from "../revoke.js";
import type { Device } from "../session.js";
import {
  type ConsistencySchema,
  type DeviceSchema,
  type PossessionProofSchema,
  type Requirements,
  RequirementsSchema,
  RevocationCause,
} from "../sessiond/v1/session_pb.js";
import type {
  CreateSessionRequestSchema,
  LocalLoginSchema,
  RefreshSessionRequestSchema,
  RevokeSessionRequestSchema,
  ValidateTokenRequestSchema,
} from "../sessiond/v1/session_service_pb.js";
import { toDuration, toTimestamp } from "./spans.js";
import { readable, tokenText, userAgentText } from "./texts.js";

const compiled = new WeakMap<Policy, Requirements>();

/** What a policy requires; undefined where that is nothing: a question without it is cheaper to read. */
export function toRequirements(policy: Policy): Requirements | undefined {
  const { claims, maxAuthAge, ...lists } = policy.requirements;
  if (Object.keys(policy.requirements).length === 0) return undefined;
  let message = compiled.get(policy);
  if (message === undefined) {
    message = create(RequirementsSchema, copyOf(lists));
    for (const [name, values] of Object.entries(claims ?? {})) {
      message.claims[name] = { $typeName: "sessiond.v1.ClaimValues", values: [...values] };
    }
    if (maxAuthAge !== undefined) {
      message.maxAuthAge = { $typeName: "google.protobuf.Duration", ...toDuration(maxAuthAge * 1_000) };
    }
    compiled.set(policy, message);
  }
  return message;
}

const copyOf = (lists: object): object =>
  Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, [...(values as string[])]]));

export const toValidateRequest = (
  token: string,
  policy: Policy,
  proofs: Proofs = {},
  consistency: Consistency = "cached",
): MessageInitShape<typeof ValidateTokenRequestSchema> => ({
  token: readable(tokenText(token)),
  requirements: toRequirements(policy),
  proof: toProof(proofs),
  consistency: toConsistency(consistency),
});

export function toConsistency(
  consistency: Consistency,
): MessageInitShape<typeof ConsistencySchema> | undefined {
  switch (consistency) {
    case "cached":
    case "server":
      return undefined;
    case "strict":
      return { requirement: { case: "fullyConsistent", value: {} } };
    default:
      if (typeof consistency.atLeast !== "string") {
        throw invalid("consistency", "another value", "cached, server, strict or { atLeast: revision }");
      }
      return { requirement: { case: "atLeastAsFresh", value: { revision: consistency.atLeast } } };
  }
}

export function toProof(proofs: Proofs): MessageInitShape<typeof PossessionProofSchema> | undefined {
  const { certificateSha256, dpop } = proofs;
  if (certificateSha256 !== undefined && dpop !== undefined) {
    throw invalid("proof", "a certificate and a DPoP proof", "one of the two");
  }
  if (dpop !== undefined) {
    const { proof, method, url } = dpop;
    return {
      proof: {
        case: "dpop",
        value: { proof: readable(proof), method: readable(method), url: readable(url) },
      },
    };
  }
  return certificateSha256 && { proof: { case: "certificateSha256", value: certificateSha256 } };
}

function toDevice(device: Device = {}): MessageInitShape<typeof DeviceSchema> | undefined {
  const { ipAddress = "", userAgent = "", label = "" } = device;
  if (ipAddress === "" && userAgent === "" && label === "") return undefined;
  return {
    ipAddress: readable(ipAddress),
    userAgent: userAgentText(userAgent),
    label: readable(label),
  };
}

export const toRefreshRequest = (
  refreshToken: string,
  bearer: Bearer,
  issuer = "",
): MessageInitShape<typeof RefreshSessionRequestSchema> => ({
  refreshToken: readable(refreshToken),
  issuer: readable(issuer),
  device: toDevice(bearer.device),
  proof: toProof(bearer),
});

export const toCreateRequest = (
  source: NonNullable<MessageInitShape<typeof CreateSessionRequestSchema>["source"]>,
  login: Login,
): MessageInitShape<typeof CreateSessionRequestSchema> => ({
  source,
  device: toDevice(login.device),
  attributes: { ...login.attributes },
  proof: toProof(login),
});

export const toLocalLogin = (
  subject: string,
  login: LocalLogin,
): MessageInitShape<typeof LocalLoginSchema> => ({
  subject,
  clientId: login.clientId ?? "",
  tenantId: login.tenantId ?? "",
  audiences: [...(login.audiences ?? [])],
  scopes: [...(login.scopes ?? [])],
  claimsJson: login.claims === undefined ? "" : encoded(login.claims),
  authTime: login.authTime && toTimestamp(login.authTime),
  acr: login.acr ?? "",
  amr: [...(login.amr ?? [])],
});

function encoded(claims: object): string {
  if (Object.keys(claims).length === 0) return "";
  try {
    return JSON.stringify(claims);
  } catch {
    throw invalid("claims", "what cannot be encoded", "what is JSON");
  }
}

export const toRevokeRequest = (
  target: RevokeTarget,
  { cause = "LOGOUT", note = "" }: RevokeOptions,
): MessageInitShape<typeof RevokeSessionRequestSchema> => ({
  target: toTarget(target),
  exceptSessionId: ("subject" in target && target.subject.exceptSessionId) || "",
  cause: toCause(cause),
  note,
});

function toCause(cause: Cause): RevocationCause {
  const causes: Record<Cause, RevocationCause> = {
    LOGOUT: RevocationCause.LOGOUT,
    ADMIN: RevocationCause.ADMIN,
    COMPROMISE: RevocationCause.COMPROMISE,
    POLICY: RevocationCause.POLICY,
  };
  if (!Object.hasOwn(causes, cause)) throw invalid("cause", "another value", Object.keys(causes).join(", "));
  return causes[cause];
}

type Target = NonNullable<MessageInitShape<typeof RevokeSessionRequestSchema>["target"]>;

function toTarget(target: RevokeTarget): Target {
  if ("sessionId" in target) return { case: "sessionId", value: target.sessionId };
  if ("refreshToken" in target) return { case: "refreshToken", value: readable(target.refreshToken) };
  if ("accessToken" in target) return { case: "accessToken", value: readable(target.accessToken) };
  if ("subject" in target) {
    const { issuer, subject } = target.subject;
    return { case: "subject", value: { issuer, subject } };
  }
  if ("providerSession" in target) return { case: "providerSession", value: { ...target.providerSession } };
  if ("tenant" in target) return { case: "tenant", value: { ...target.tenant } };
  if ("client" in target) return { case: "client", value: { ...target.client } };
  if ("issuer" in target) return { case: "issuer", value: target.issuer };
  if ("key" in target) return { case: "key", value: { ...target.key } };
  throw invalid("target", "none", "one of those of RevokeTarget");
}
