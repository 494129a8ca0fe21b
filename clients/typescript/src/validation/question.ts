import { digestOf } from "../memory/hashed-ids.js";
import { tokenText } from "../messages/texts.js";
import type { Policy } from "../policy.js";

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
  #caller = digestOf("");

  ask(token: string, policy: Policy, authorization: string): Question {
    if (authorization !== this.#authorization) {
      this.#authorization = authorization;
      this.#caller = digestOf(authorization);
    }
    const digest = digestOf(tokenText(token));
    const group = this.#caller + policy.id;
    return { token, policy, authorization, digest, group, key: group + digest };
  }
}
