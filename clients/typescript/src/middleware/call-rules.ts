import type { Consistency } from "../consistency.js";
import { checkPolicy, type Policy } from "../policy.js";

/**
 * What is required for a method: by its full name, /package.Service/Method, or for all other methods of a
 * service, /package.Service/*. `public` is for methods for which nobody has to be known; `signed-in` requires
 * nothing but a good token.
 */
export type Methods = Readonly<Record<string, Policy | CallRule | "public" | "signed-in">>;

/** A policy with a consistency of its own. */
export interface CallRule {
  readonly policy?: Policy;
  readonly consistency: Consistency;
}

/** What is required of a call. */
export type Required =
  | { readonly isPublic: true }
  | {
      readonly isPublic: false;
      readonly policy: Policy | undefined;
      readonly consistency: Consistency | undefined;
    };

const PUBLIC_BY_DEFAULT = [
  "/grpc.health.v1.Health/*",
  "/grpc.reflection.v1.ServerReflection/*",
  "/grpc.reflection.v1alpha.ServerReflection/*",
];

const METHOD_NAME = /^\/[^/*]+\/(?:[^/*]+|\*)$/;

/** Says what is required for a method; undefined where nobody has said it. */
export function callRules(
  methods: Methods,
  others: Policy | undefined,
): (method: string) => Required | undefined {
  const rules = new Map<string, Required>(PUBLIC_BY_DEFAULT.map((name) => [name, { isPublic: true }]));
  for (const [name, wanted] of Object.entries(methods)) {
    if (!METHOD_NAME.test(name)) {
      const allowed = "/package.Service/Method or /package.Service/*";
      throw new TypeError(`methods: found ${JSON.stringify(name)}, allowed is ${allowed}`);
    }
    rules.set(name, toRequired(wanted));
  }
  const rest = others && toRequired(others);
  return (method) => rules.get(method) ?? rules.get(method.replace(/[^/]*$/, "*")) ?? rest;
}

function toRequired(wanted: Policy | CallRule | "public" | "signed-in"): Required {
  if (wanted === "public") return { isPublic: true };
  if (wanted === "signed-in") return { isPublic: false, policy: undefined, consistency: undefined };
  if ("requirements" in wanted) {
    return { isPublic: false, policy: checkPolicy(wanted), consistency: undefined };
  }
  const { policy, consistency } = wanted;
  return { isPublic: false, policy: policy && checkPolicy(policy), consistency };
}
