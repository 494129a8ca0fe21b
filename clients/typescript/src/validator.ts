import type { Consistency } from "./consistency.js";
import type { CallOptions, Proofs } from "./login.js";
import type { Policy } from "./policy.js";
import type { Verdict } from "./verdict.js";

/** How one token is validated. With a proof, or a consistency other than `cached`, a server is asked. */
export interface ValidateOptions extends CallOptions, Proofs {
  readonly consistency?: Consistency;
}

/** How many tokens are validated at once. */
export interface ValidateAllOptions extends CallOptions {
  readonly consistency?: Consistency;
}

/** Gives verdicts on access tokens: what code needs that protects something. A SessiondClient is one. */
export interface Validator {
  /** Without a policy nothing is required beyond a good token. */
  validate(token: string, policy?: Policy, options?: ValidateOptions): Promise<Verdict>;
}
