import type { CreateSessionRequest, LocalLogin } from "../sessiond/v1/session_service_pb.js";
import { isIdentifier } from "./claims.js";
import { AUDIENCE } from "./identifiers.js";
import { fieldInvalid, unsupported } from "./refusals.js";
import type { Opening } from "./session.js";
import { parseObject, type Part } from "./token.js";

/** What a server gives itself. */
const RESERVED = new Set(
  "iss sub aud exp nbf iat jti sid sct client_id scope tenant_id cnf act auth_time acr amr".split(" "),
);

/** What a login that the caller vouches for gives a session. */
export function openingOf({ source, device, attributes, proof }: CreateSessionRequest): Opening {
  if (source.case === "providerTokens") throw unsupported("provider_tokens");
  if (source.case === "authorizationCode") throw unsupported("authorization_code");
  if (source.case === undefined) throw fieldInvalid("source", "nothing", "exactly one source");
  if (proof?.proof.case === "dpop") throw unsupported("proof.dpop");
  const login = completed(source.value);
  const certificate = proof?.proof.case === "certificateSha256" ? proof.proof.value : undefined;
  return { login, further: furtherClaims(login.claimsJson), device, attributes, certificate };
}

function completed(login: LocalLogin): LocalLogin {
  if (!isIdentifier(login.subject)) {
    throw fieldInvalid("local_login.subject", "no identifier", "1 to 255 characters");
  }
  return {
    ...login,
    clientId: login.clientId || AUDIENCE,
    audiences: login.audiences.length > 0 ? login.audiences : [AUDIENCE],
  };
}

function furtherClaims(json: string): Part {
  const claims = parseObject(json || "{}");
  if (claims === undefined) {
    throw fieldInvalid("local_login.claims_json", "what is no object", "a JSON object");
  }
  const reserved = Object.keys(claims).find((name) => RESERVED.has(name));
  if (reserved !== undefined) {
    throw fieldInvalid("local_login.claims_json", reserved, "names that the server does not give itself");
  }
  return claims;
}
