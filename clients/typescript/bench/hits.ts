import { hash } from "node:crypto";

import { importJWK, type JWK, jwtVerify } from "jose";

import type { SessiondClient } from "../src/index.js";
import { unlessUnavailable } from "./filling.js";

const TIMES = 20_000;
const VERIFICATIONS = 300;
/** A prime: tokens follow upon each other as they do not in memory. */
const STRIDE = 7_919;

/** Tokens, their issuer, and the key that signed them. */
export interface Given {
  readonly issuer: string;
  readonly jwk: JWK;
  readonly tokens: readonly string[];
}

/** What one of each costs: a digest, an answer from memory, and a verification. */
export class Hits {
  private constructor(
    readonly client: SessiondClient,
    readonly given: Given,
    readonly key: Awaited<ReturnType<typeof importJWK>>,
  ) {}

  static async of(client: SessiondClient, given: Given): Promise<Hits> {
    return new Hits(client, given, await importJWK(given.jwk, "ES256"));
  }

  async measure(): Promise<unknown> {
    const { client, key } = this;
    const { issuer } = this.given;
    const { hits } = client.numbers;
    const digest = this.#each((token) => hash("sha256", token, "binary"));
    // Where the server was unavailable, not all were hits.
    const validate = await this.#eachAwaited(TIMES, (token) => client.validate(token)).catch(
      unlessUnavailable,
    );
    const misses = TIMES - (client.numbers.hits - hits);
    const peek = this.#each((token) => client.peek(token));
    const verify = await this.#eachAwaited(VERIFICATIONS, (token) => jwtVerify(token, key, { issuer }));
    return { digest, hits: { validate, peek }, verify, misses };
  }

  /** Microseconds of this process for one of many, the tokens in turn. */
  #each(one: (token: string) => unknown): number {
    const before = process.cpuUsage();
    for (let i = 0; i < TIMES; i++) one(this.#token(i));
    return sinceThen(before) / TIMES;
  }

  async #eachAwaited(times: number, one: (token: string) => Promise<unknown>): Promise<number> {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) await one(this.#token(i));
    return sinceThen(before) / times;
  }

  #token(i: number): string {
    const { tokens } = this.given;
    return tokens[(i * STRIDE) % tokens.length] as string;
  }
}

/** Microseconds of the processor that this process used: its garbage collector and compiler included. */
export function sinceThen(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
