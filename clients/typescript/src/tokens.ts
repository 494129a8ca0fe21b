import { inspect } from "node:util";

import type { Session } from "./session.js";

/** What a login or a refresh gives out. No token shows, however it is printed, logged, or encoded as JSON. */
export class Tokens {
  readonly #accessToken: string;
  readonly #refreshToken: string;
  readonly accessExpireTime: Date | undefined;
  readonly refreshExpireTime: Date | undefined;
  readonly session: Session;
  /** An earlier call with the same token got the same tokens. */
  readonly isReplayed: boolean;

  /** @internal What the service answered. */
  constructor(given: {
    readonly accessToken: string;
    readonly accessExpireTime: Date | undefined;
    readonly refreshToken: string;
    readonly refreshExpireTime: Date | undefined;
    readonly session: Session;
    readonly isReplayed: boolean;
  }) {
    this.#accessToken = given.accessToken;
    this.#refreshToken = given.refreshToken;
    this.accessExpireTime = given.accessExpireTime;
    this.refreshExpireTime = given.refreshExpireTime;
    this.session = given.session;
    this.isReplayed = given.isReplayed;
  }

  get accessToken(): string {
    return this.#accessToken;
  }

  get refreshToken(): string {
    return this.#refreshToken;
  }

  toString(): string {
    return `Tokens { of: ${JSON.stringify(this.session.principal)} }`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  toJSON(): string {
    return this.toString();
  }
}
