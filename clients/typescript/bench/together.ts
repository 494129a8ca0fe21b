import { SessiondClient } from "../src/index.js";
import { unlessUnavailable } from "./filling.js";
import { sinceThen } from "./hits.js";

const MS = 500;
const TIMEOUT_MS = 10_000;

/** What validations cost that are made by many callers at the same time. */
export async function together(
  address: string,
  tokens: readonly string[],
  callers: number,
  batching: boolean,
): Promise<unknown> {
  await using client = new SessiondClient(address, { timeoutMs: TIMEOUT_MS, cache: false, batching });
  await client.ready(TIMEOUT_MS);
  const latencies: number[] = [];
  const until = performance.now() + MS;

  const caller = async (first: number) => {
    for (let i = first; performance.now() < until; i += callers) {
      const began = performance.now();
      const verdict = await client.validate(tokens[i % tokens.length] as string).catch(unlessUnavailable);
      if (verdict?.ok === false) throw new Error("a token is not accepted");
      if (verdict !== undefined) latencies.push(performance.now() - began);
    }
  };

  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: callers }, (_, first) => caller(first)));
  const cpu = sinceThen(before) / latencies.length;
  latencies.sort((one, other) => one - other);
  return { validations: latencies.length, cpu, latency: latencies[latencies.length >> 1] };
}
