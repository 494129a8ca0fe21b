import { type SessiondClient, UnavailableError } from "../src/index.js";

const AT_ONCE = 128;
const TIMES = 50;
/** What the first has freed may free more. */
const COLLECTIONS = 3;

/** Has a client keep an acceptance of each token, and gives the bytes that it takes. */
export async function fill(client: SessiondClient, tokens: readonly string[]): Promise<{ bytes: number }> {
  await client.validate("none"); // everything is loaded by now, and nothing of this is kept
  const before = heap();
  for (let time = 0; time < TIMES; time++) {
    const { hits } = client.numbers;
    for (let first = 0; first < tokens.length; first += AT_ONCE) {
      const some = tokens.slice(first, first + AT_ONCE);
      await Promise.all(some.map((token) => client.validate(token).catch(unlessUnavailable)));
    }
    if (client.numbers.hits - hits === tokens.length) return { bytes: (heap() - before) / tokens.length };
  }
  throw new Error("the client does not keep all acceptances");
}

/** A server whose machine has much else to do is unavailable at times. */
export function unlessUnavailable(error: unknown): undefined {
  if (error instanceof UnavailableError) return undefined;
  throw error;
}

function heap(): number {
  for (let i = 0; i < COLLECTIONS; i++) gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
