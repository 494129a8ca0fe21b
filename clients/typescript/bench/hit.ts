/**
 * What an answer from memory costs, beside the SHA-256 of the token that is in it: `node build/bench/hit.js`.
 * With distinct tokens, so that none is at hand for the processor: `node build/bench/hit.js 10000`.
 */
import { hash } from "node:crypto";

import { policy } from "../src/index.js";
import { fakeSessiond } from "../src/testing.js";

const ENTRIES = Number(process.argv[2] ?? 1);
const ROUNDS = 50_000;
const TIMES = 20;

await using fake = await fakeSessiond();
const client = fake.client({ cache: { maxEntries: 2 * ENTRIES } });
const orders = policy({ scopes: ["orders:read"] });
// Claims make a token as long as a provider's.
const claims = { name: "x".repeat(300), scope: "orders:read" };
const tokens = Array.from({ length: ENTRIES }, (_, i) =>
  fake.sign({ claims: { ...claims, sub: `user ${i}` } }),
);
for (let i = 0; i < ENTRIES;) {
  const some = tokens.slice(i, i + 100);
  await Promise.all(some.map((token) => client.validate(token, orders)));
  if (some.every((token) => client.peek(token, orders))) i += 100;
}

/**
 * Microseconds of this process for one of many, the best of so many times: others on the machine do not
 * count.
 */
async function measure(rounds: () => unknown): Promise<number> {
  let best = Infinity;
  for (let time = 0; time < TIMES; time++) {
    const before = process.cpuUsage();
    await rounds();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return best / ROUNDS;
}

const each = (one: (token: string) => unknown) => () => {
  for (let i = 0; i < ROUNDS; i++) one(tokens[i % ENTRIES] as string);
};

const eachAwaited = (one: (token: string) => unknown) => async () => {
  for (let i = 0; i < ROUNDS; i++) await one(tokens[i % ENTRIES] as string);
};

const digest = await measure(each((token) => hash("sha256", token, "binary")));
const peek = await measure(each((token) => client.peek(token, orders)));
const awaiting = await measure(eachAwaited(() => undefined));
const validate = (await measure(eachAwaited((token) => client.validate(token, orders)))) - awaiting;
const told = (name: string, cost: number) =>
  console.log(`${name.padEnd(22)} ${cost.toFixed(2)} µs, ${(cost / digest).toFixed(2)} × the digest`);
console.log(`${ENTRIES} tokens of ${tokens[0]?.length} characters`);
told("SHA-256", digest);
told("peek", peek);
told("await validate", validate);
