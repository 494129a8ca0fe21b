import type { Consistency } from "../consistency.js";
import type { Proofs } from "../login.js";
import type { Policy } from "../policy.js";
import type { Session } from "../session.js";
import type { Validator } from "../validator.js";
import type { Rejection } from "../verdict.js";
import type { Credential } from "./credentials.js";
import { type Denial, ofError, ofRejection } from "./denial.js";

/** A request that may go on, with its session, or what it is told instead. */
export type Decision =
  { readonly session: Session | undefined; readonly denial?: undefined } | { readonly denial: Denial };

/** What a middleware asks about a request. */
export interface Question {
  readonly credential: Credential;
  readonly policy: Policy | undefined;
  readonly proofs: Proofs;
  readonly consistency: Consistency | undefined;
}

/** Asks about a request. It does not reject. */
export async function ask(validator: Validator, question: Question): Promise<Decision> {
  const { credential, policy, proofs, consistency } = question;
  const options = { ...proofs, ...(consistency !== undefined && { consistency }) };
  try {
    const verdict = await validator.validate(credential.token, policy, options);
    if (!verdict.ok) return { denial: ofRejection(verdict.rejection) };
    const { session } = verdict;
    return credential.scheme === "DPoP" && !isBoundToKey(session)
      ? { denial: ofRejection(UNBOUND) }
      : { session };
  } catch (error) {
    return { denial: ofError(error) };
  }
}

/** Whether a token names the key of a DPoP proof (RFC 9449 section 6.1). */
function isBoundToKey(session: Session): boolean {
  try {
    const { cnf } = session.claims as { cnf?: { jkt?: unknown } };
    return typeof cnf?.jkt === "string" && cnf.jkt !== "";
  } catch {
    return false;
  }
}

/**
 * For a token under the scheme DPoP that any bearer could use (RFC 9449 section 7.1): its proof says nothing
 * about it.
 */
const UNBOUND: Rejection = {
  reason: "BINDING_MISMATCH",
  message: "the token is bound to no key",
  nextAction: "DENY",
  wwwAuthenticate: `DPoP error="invalid_token", error_description="the token is bound to no key"`,
};
