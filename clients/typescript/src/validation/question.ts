import { digestOf, tokenId } from "../memory/hashed-ids.js";
import { tokenText } from "../messages/texts.js";
import type { Policy } from "../policy.js";

/** Policies are compiled once for a program; one that compiles them for each call fills no memory. */
const MOST_GROUPS = 1_000;

/** One token, by one policy, of one caller. */
export interface Question {
  readonly token: string;
  readonly policy: Policy;
  /** The header that shows who calls; empty for none. */
  readonly authorization: string;
  /** The SHA-256 of the token, or of as much of it as a server is asked about. */
  readonly digest: string;
  /** What goes together: the same demand, of the same caller. */
  readonly group: string;
  /** Under what an acceptance is kept: each part of it has a fixed length. */
  readonly key: string;
}

/** Makes questions. Callers are told apart by digests, so that no key of one stays in memory. */
export class Questions {
  #authorization = "";
  /** Of this caller, by the policy: a key of few characters costs less to look up. */
  #groups = new Map<string, string>();

  ask(token: string, policy: Policy, authorization: string): Question {
    const digest = digestOf(tokenText(token));
    const group = this.#group(policy, authorization);
    return { token, policy, authorization, digest, group, key: group + digest };
  }

  #group(policy: Policy, authorization: string): string {
    if (authorization !== this.#authorization || this.#groups.size >= MOST_GROUPS) {
      this.#authorization = authorization;
      this.#groups = new Map();
    }
    let group = this.#groups.get(policy.id);
    if (group === undefined) {
      group = tokenId(digestOf(policy.id + digestOf(authorization)));
      this.#groups.set(policy.id, group);
    }
    return group;
  }
}
