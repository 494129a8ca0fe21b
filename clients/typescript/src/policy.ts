import { hash } from "node:crypto";
import { inspect } from "node:util";

import { checkRequirements } from "./policy-rules.js";

/**
 * What is required of a token beyond being good; all of it must hold. Neither order nor repetition counts.
 */
export interface Requirements {
  /** Any one must have issued the token; none means all of this caller's. */
  readonly issuers?: readonly string[];
  /** Any one must match; none means the issuer's configured ones. */
  readonly audiences?: readonly string[];
  /** All must be there. */
  readonly scopes?: readonly string[];
  /** All must be there. */
  readonly permissions?: readonly string[];
  /** Each must have one of its values. */
  readonly claims?: Readonly<Record<string, readonly string[]>>;
  /** How long ago the user may have proved who they are (RFC 9470), in seconds. */
  readonly maxAuthAge?: number;
  /** Any one will do (RFC 9470); none means any. */
  readonly acrValues?: readonly string[];
}

/** Those of a SHA-256 in base64url. */
const DIGEST_CHARACTERS = 43;

/** The requirements of a route, compiled once; two that require the same share what a client keeps. */
export class Policy {
  /** Sorted, without repetition. */
  readonly requirements: Requirements;
  /** Tells policies apart that require different things. */
  readonly id: string;

  /** @internal Use {@link policy}. */
  constructor(requirements: Requirements) {
    checkRequirements(requirements);
    this.requirements = sorted(requirements);
    this.id = hash("sha256", JSON.stringify(this.requirements), "base64url");
    Object.freeze(this);
  }

  [inspect.custom](): string {
    return `Policy ${inspect(this.requirements)}`;
  }
}

/**
 * Compiles what is required of a token, once, for all the calls that use it.
 *
 * @throws InvalidArgumentError for what a server would refuse; it names the field.
 */
export const policy = (requirements: Requirements): Policy => new Policy(requirements);

/** @throws TypeError for what was not compiled: it would be taken for another policy, or for none. */
export function checkPolicy(given: Policy): Policy {
  if (typeof given.id !== "string" || given.id.length !== DIGEST_CHARACTERS) {
    throw new TypeError("policy: found what was not compiled, allowed is what policy() gives");
  }
  return given;
}

/** A copy that shares nothing, in which neither order nor repetition is left, nor what requires nothing. */
function sorted(given: Requirements): Requirements {
  const claims = Object.keys(given.claims ?? {})
    .sort()
    .map((name): [string, string[]] => [name, asSet(given.claims?.[name])]);
  return Object.freeze({
    ...list("issuers", given.issuers),
    ...list("audiences", given.audiences),
    ...list("scopes", given.scopes),
    ...list("permissions", given.permissions),
    ...(claims.length > 0 && { claims: Object.freeze(fromEntries(claims)) }),
    ...(given.maxAuthAge !== undefined && { maxAuthAge: given.maxAuthAge }),
    ...list("acrValues", given.acrValues),
  });
}

const list = (name: keyof Requirements, values: readonly string[] | undefined): Requirements =>
  values === undefined || values.length === 0 ? {} : { [name]: Object.freeze(asSet(values)) };

const asSet = (values: readonly string[] = []): string[] => [...new Set(values)].sort();

/** A claim may have any name, `__proto__` among them. */
const fromEntries = (entries: [string, string[]][]): Record<string, readonly string[]> =>
  Object.assign(Object.create(null) as object, Object.fromEntries(entries));

/** Nothing is required beyond a good token. */
export const NOTHING = policy({});
