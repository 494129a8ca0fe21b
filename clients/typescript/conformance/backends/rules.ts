import type { Consistency, Policy, Session } from "../../src/index.js";
import type { HttpOptions } from "../../src/express.js";
import { type Command, consistencyOf, policyOf } from "../commands.js";
import { type Plain, plainSession } from "../plain.js";

/** What a backend requires of a route or of a method. */
export interface Rule {
  readonly path: string;
  readonly access: "required" | "optional" | "public";
  readonly policy?: Command["policy"];
  readonly consistency?: Command["consistency"];
}

/** A backend that is asked for. */
export interface Serving {
  readonly routes: readonly Rule[];
  readonly protects?: Pick<Rule, "policy">;
  readonly cookie?: string;
  readonly trusted_origins?: string[];
  readonly allow_missing_origin?: boolean;
  readonly dpop_origin?: string;
  readonly browser?: { development?: boolean; split?: boolean; refresh_path?: string };
  readonly methods: Readonly<Record<string, Rule>>;
  readonly others?: Pick<Rule, "policy">;
}

/** A backend that listens. */
export interface Backend {
  readonly target: string;
  stop(): void;
}

export const ruledPolicy = (rule: Pick<Rule, "policy">): Policy => policyOf(rule as Command);

export const ruledConsistency = (rule: Rule): { consistency?: Consistency } =>
  rule.consistency === undefined ? {} : { consistency: consistencyOf(rule as unknown as Command) };

export const httpOptions = (serving: Serving): HttpOptions<unknown> => ({
  ...(serving.cookie !== undefined && { cookie: serving.cookie }),
  ...(serving.trusted_origins !== undefined && { trustedOrigins: serving.trusted_origins }),
  ...(serving.allow_missing_origin !== undefined && { allowMissingOrigin: serving.allow_missing_origin }),
  ...(serving.dpop_origin !== undefined && { dpopOrigin: serving.dpop_origin }),
  log: () => {},
});

/** Counts the requests that reach a handler, and says what one of them says. */
export class Handled {
  #count = 0;

  answer(session: Session | undefined): Plain {
    this.#count++;
    return { session: session === undefined ? null : plainSession(session), handled: this.#count };
  }
}
