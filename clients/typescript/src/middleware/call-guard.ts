import type { Policy } from "../policy.js";
import type { Validator } from "../validator.js";
import { ask, type Decision } from "./asking.js";
import { callRules, type Methods, type Required } from "./call-rules.js";
import { fromAuthorization, InvalidRequestError } from "./credentials.js";
import {
  complain,
  type Denial,
  type Kind,
  type Log,
  logToConsole,
  ofError,
  ofInvalid,
  ofMissing,
  ofNoPolicy,
} from "./denial.js";
import { checkOrigin, proofsOf } from "./proofs.js";

/** How calls are judged. */
export interface CallOptions<Call> {
  /** Requires a policy of every method that nothing is said about, instead of denying it. */
  readonly others?: Policy;
  /**
   * Takes DPoP proofs (RFC 9449) from the metadata `dpop`, for calls to this origin, such as
   * https://api.example: the one that clients know, which a proxy may have changed on the way. Without this
   * option a token under the scheme DPoP is never good.
   */
  readonly dpopOrigin?: string;
  /**
   * Takes the client certificate of a call in DER for the proof of a token that is bound to one (RFC 8705). A
   * server is asked with it each time.
   */
  readonly certificate?: (call: Call) => Uint8Array | undefined;
  /** Is told of what only an operator can mend; by default it goes to `console.error`. */
  readonly log?: Log;
}

/** All values under a name of the metadata of a call. */
export type Values = (name: string) => readonly string[];

/** How a denial is told by a status of gRPC; `text` is for people. */
export interface CallAnswer {
  readonly code: "UNAUTHENTICATED" | "PERMISSION_DENIED" | "UNAVAILABLE" | "INTERNAL";
  readonly text: string;
  readonly challenges: readonly string[];
  readonly retryAfterMs: number | undefined;
}

const STATUSES: Record<Kind, readonly [code: CallAnswer["code"], text: string]> = {
  noCredentials: ["UNAUTHENTICATED", "the call has no token"],
  invalidRequest: ["UNAUTHENTICATED", "the call has several tokens, or none of a token's form"],
  crossSite: ["PERMISSION_DENIED", "another site caused the call"],
  noPolicy: ["PERMISSION_DENIED", "nothing says who may call this method"],
  insufficient: ["PERMISSION_DENIED", "the token may not do this"],
  rejected: ["UNAUTHENTICATED", "the token is not accepted"],
  unavailable: ["UNAVAILABLE", "there is no verdict on the token for now"],
  misconfigured: ["INTERNAL", "the call could not be judged"],
};

/** Decides on calls of gRPC, whatever carries them. */
export class CallGuard<Call> {
  readonly #requiredFor: (method: string) => Required | undefined;

  constructor(
    readonly validator: Validator,
    methods: Methods,
    readonly options: CallOptions<Call>,
  ) {
    this.#requiredFor = callRules(methods, options.others);
    if (options.dpopOrigin !== undefined) checkOrigin("dpopOrigin", options.dpopOrigin);
  }

  /** It does not reject. */
  async admit(method: string, values: Values, call: Call): Promise<Decision> {
    const required = this.#requiredFor(method);
    if (required === undefined) return { denial: ofNoPolicy() };
    if (required.isPublic) return { session: undefined };
    const { policy, consistency } = required;
    const { dpopOrigin, certificate } = this.options;
    try {
      const credential = fromAuthorization(values("authorization"));
      if (credential === undefined) return { denial: ofMissing(policy, dpopOrigin !== undefined) };
      // A call is a POST to the path that its method has.
      const shown = {
        dpop: values("dpop"),
        method: "POST",
        path: method,
        certificate: certificate?.(call),
      };
      const proofs = proofsOf(credential, shown, dpopOrigin);
      return await ask(this.validator, { credential, policy, proofs, consistency });
    } catch (error) {
      return { denial: error instanceof InvalidRequestError ? ofInvalid(error) : ofError(error) };
    }
  }

  /** What a call is answered that does not get through; what the operator has to mend is logged. */
  answerTo(denial: Denial, method: string): CallAnswer {
    complain(this.options.log ?? logToConsole, denial, method);
    const [code, text] = STATUSES[denial.kind];
    const { challenges, retryAfterMs } = denial;
    return { code, text: `${text}: ${denial.reason}`, challenges, retryAfterMs };
  }
}
