import { create } from "@bufbuild/protobuf";

import { spanMs, toDuration } from "../messages/spans.js";
import {
  type PossessionProof,
  type Rejection,
  Rejection_Reason as Reason,
  type Requirements,
  RequirementsSchema,
} from "../sessiond/v1/session_pb.js";
import {
  type ValidateTokenResponse,
  ValidateTokenResponseSchema,
} from "../sessiond/v1/session_service_pb.js";
import { ClaimError, type Claims, readClaims, REQUIRED_CLAIMS } from "./claims.js";
import { CONFIGURATION } from "./event-log.js";
import { AUDIENCE, ISSUER } from "./identifiers.js";
import { insufficient, malformed, reject, stepUp, unproven } from "./rejections.js";
import type { FakeState } from "./state.js";
import { KEY_ID, parse, type Part } from "./token.js";

const LARGEST_TOKEN = 8 * 1024;
const LONGEST_LIFETIME_MS = 24 * 60 * 60 * 1_000;
const CLOCK_SKEW_MS = 2_000;
const WATCHED_CACHE_FOR_MS = 60_000;

const NOTHING = create(RequirementsSchema);

/** Gives the verdict on a token, in the order and in the words of a server. */
export function judge(
  state: FakeState,
  token: string,
  wanted: Requirements = NOTHING,
  proof?: PossessionProof,
): ValidateTokenResponse {
  const claims = verify(state, token, wanted);
  if (isRejection(claims)) return answer(state, { case: "rejection", value: claims });
  const now = state.now();
  const rejection =
    judgeCall(state, claims, wanted, proof, now) ??
    judgeRequirements(claims, wanted) ??
    judgeLogin(claims, wanted, now);
  if (rejection !== undefined) return answer(state, { case: "rejection", value: rejection });
  const { authTime } = claims.session;
  const authUntil = wanted.maxAuthAge ? timeOf(authTime) + spanMs(wanted.maxAuthAge) : Infinity;
  const remaining = Math.min(claims.expire - now, authUntil - now, WATCHED_CACHE_FOR_MS);
  const lasting = { watchedCacheFor: toDuration(remaining), configuration: CONFIGURATION };
  return answer(state, { case: "session", value: claims.session }, lasting);
}

const answer = (
  { log }: FakeState,
  verdict: ValidateTokenResponse["verdict"],
  lasting: object = {},
): ValidateTokenResponse =>
  create(ValidateTokenResponseSchema, {
    verdict,
    revision: log.revision,
    revisionAge: toDuration(0),
    ...lasting,
  });

const isRejection = (found: Claims | Rejection): found is Rejection => "reason" in found;

/** What a token says that this fake has signed, or why it is not taken, whatever the time. */
export function verify(
  { signer }: FakeState,
  token: string,
  { issuers }: Pick<Requirements, "issuers"> = NOTHING,
): Claims | Rejection {
  if (Buffer.byteLength(token) > LARGEST_TOKEN) {
    return reject(Reason.TOO_LARGE, `the token is larger than ${LARGEST_TOKEN} bytes`);
  }
  const parsed = parse(token);
  if (parsed === undefined) return malformed(token);
  const { header, claims } = parsed;
  if (claims["iss"] !== ISSUER) {
    return reject(Reason.ISSUER_NOT_TRUSTED, "the token's issuer is not one of the configured ones");
  }
  if (!isAny(issuers, ISSUER)) {
    return reject(Reason.ISSUER_NOT_TRUSTED, "the token's issuer is not one of the wanted ones");
  }
  const wrong = judgeHeader(header) ?? (signer.hasSigned(parsed) ? undefined : forged());
  if (wrong !== undefined) return wrong;
  if (!isAccessToken(header["typ"])) {
    return reject(Reason.TYPE_NOT_ALLOWED, "the token is not an access token of its issuer");
  }
  const missing = REQUIRED_CLAIMS.find((name) => claims[name] === undefined);
  if (missing !== undefined) return reject(Reason.CLAIM_MISSING, `the token lacks the claim ${missing}`);
  try {
    return judgeLifetime(readClaims(parsed));
  } catch (error) {
    if (!(error instanceof ClaimError)) throw error;
    const text = `the claim ${error.message} is not of the form that its specification gives it`;
    return reject(Reason.CLAIM_INVALID, text);
  }
}

function judgeHeader({ alg, kid }: Part): Rejection | undefined {
  if (alg !== "EdDSA") {
    return reject(Reason.ALGORITHM_NOT_ALLOWED, "the token's algorithm is not allowed for its issuer");
  }
  return kid === KEY_ID
    ? undefined
    : reject(Reason.KEY_UNKNOWN, "the token's key is not in its issuer's key set");
}

const forged = (): Rejection => reject(Reason.SIGNATURE_INVALID, "the token was not signed by its issuer");

const isAccessToken = (type: unknown): boolean =>
  typeof type === "string" && type.toLowerCase().replace(/^application\//, "") === "at+jwt";

function judgeLifetime(claims: Claims): Claims | Rejection {
  const lifetime = claims.expire - claims.issue;
  return lifetime > 0 && lifetime <= LONGEST_LIFETIME_MS
    ? claims
    : reject(Reason.CLAIM_INVALID, "the token's lifetime is not one that its issuer may give out");
}

function judgeCall(
  state: FakeState,
  claims: Claims,
  wanted: Requirements,
  proof: PossessionProof | undefined,
  now: number,
): Rejection | undefined {
  const { session } = claims;
  const audiences = wanted.audiences.length > 0 ? wanted.audiences : [AUDIENCE];
  if (now >= claims.expire || state.expired.has(session.tokenId)) {
    return reject(Reason.EXPIRED, "the token has expired");
  }
  if (Math.max(claims.issue, claims.notBefore) > now + CLOCK_SKEW_MS) {
    return reject(Reason.NOT_YET_VALID, "the token is not valid yet");
  }
  if (!session.audiences.some((one) => audiences.includes(one))) {
    return reject(Reason.AUDIENCE_MISMATCH, "the token is meant for another audience");
  }
  if (claims.isBound && !isProven(claims, proof)) return unproven(claims.isByDpop);
  return state.hasRevoked(session, claims.since)
    ? reject(Reason.REVOKED, "the token's session has been ended")
    : undefined;
}

function isProven({ certificate }: Claims, proof: PossessionProof | undefined): boolean {
  const shown = proof?.proof;
  return (
    shown?.case === "certificateSha256" && Buffer.from(shown.value).toString("base64url") === certificate
  );
}

function judgeRequirements({ session, all }: Claims, wanted: Requirements): Rejection | undefined {
  const lacks = (required: string[], found: string[]) => required.some((one) => !found.includes(one));
  if (lacks(wanted.scopes, session.scopes)) return insufficient("scope", wanted.scopes);
  if (lacks(wanted.permissions, session.permissions)) return insufficient("permission");
  const misses = Object.entries(wanted.claims).some(([name, { values }]) => {
    const said = all[name];
    const found: unknown[] = Array.isArray(said) ? said : [said];
    return !found.some((one) => typeof one === "string" && values.includes(one));
  });
  return misses ? insufficient("claim") : undefined;
}

function judgeLogin({ session }: Claims, wanted: Requirements, now: number): Rejection | undefined {
  if (!isAny(wanted.acrValues, session.acr)) return stepUp("by stronger means", wanted);
  if (wanted.maxAuthAge === undefined) return undefined;
  const at = timeOf(session.authTime);
  const isRecent = at >= now - spanMs(wanted.maxAuthAge) && at <= now + CLOCK_SKEW_MS;
  return session.authTime !== undefined && isRecent ? undefined : stepUp("again", wanted);
}

const timeOf = (time: { seconds: bigint } | undefined): number => Number(time?.seconds ?? 0) * 1_000;

/** Whether a value is one of those that are wanted, where any are. */
const isAny = (wanted: readonly string[], value: string): boolean =>
  wanted.length === 0 || wanted.includes(value);
