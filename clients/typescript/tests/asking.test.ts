import assert from "node:assert/strict";
import { test } from "node:test";

import { create, type MessageInitShape } from "@bufbuild/protobuf";

import type { Caller } from "../src/calls/caller.js";
import { Clock } from "../src/memory/clock.js";
import { hashedId } from "../src/memory/hashed-ids.js";
import { Memory } from "../src/memory/memory.js";
import { policy } from "../src/index.js";
import {
  ValidateTokenResponseSchema,
  ValidateTokensResponseSchema,
} from "../src/sessiond/v1/session_service_pb.js";
import { Asking } from "../src/validation/asking.js";
import { Questions } from "../src/validation/question.js";
import { SingleCalls } from "../src/validation/single.js";

type Answer =
  | MessageInitShape<typeof ValidateTokenResponseSchema>
  | { readonly results: MessageInitShape<typeof ValidateTokenResponseSchema>[] };

const answered = (answer: Answer) =>
  "results" in answer
    ? create(ValidateTokensResponseSchema, answer)
    : create(ValidateTokenResponseSchema, answer as MessageInitShape<typeof ValidateTokenResponseSchema>);

/** Asks a server that answers when it is told to, by clocks that a test moves. */
function asking() {
  const clock = new Clock();
  const memory = new Memory({ maxEntries: 10, maxBytes: 1e6 }, clock);
  const waiting: ((answer: Answer) => void)[] = [];
  const caller = {
    call: () => new Promise((resolve) => waiting.push((answer) => resolve(answered(answer)))),
  } as unknown as Caller;
  const asked = new Asking(new SingleCalls(caller, memory, clock), 10_000, true);
  const ask = (token = "token", signal?: AbortSignal) =>
    asked.shared(new Questions().ask(token, policy({}), ""), signal);
  /** Lets the calls be made that are to be made at the same time. */
  const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  return { clock, memory, waiting, ask, settle };
}

const accepted = (subject: string, cacheForSeconds = 0n) => ({
  verdict: { case: "session" as const, value: { issuer: "https://id.example", subject } },
  cacheFor: { seconds: cacheForSeconds },
});

test("who joins a call gets no answer that was too old when they asked", async () => {
  const { clock, memory, waiting, ask, settle } = asking();
  memory.knowledge.maxStalenessMs = 1_000;
  const first = ask();
  await settle();
  clock.move(900, 900);
  const inTime = ask();
  clock.move(200, 200);
  const late = ask();
  waiting[0]?.(accepted("alice"));
  assert.equal((await first).outcome, "MISS");
  assert.equal((await inTime).outcome, "JOINED");
  await settle();
  assert.equal(waiting.length, 2);
  waiting[1]?.(accepted("alice"));
  assert.equal((await late).outcome, "MISS");
});

test("who joins a call gets no answer that an event hits", async () => {
  const { clock, memory, waiting, ask, settle } = asking();
  memory.knowledge.maxStalenessMs = 10_000;
  const first = ask();
  await settle();
  clock.move(100, 100);
  const joined = ask();
  memory.knowledge.hear(hashedId("subject", "https://id.example", "alice"), clock.exact().steady);
  waiting[0]?.(accepted("alice"));
  await first;
  await settle();
  assert.equal(waiting.length, 2);
  waiting[1]?.({ verdict: { case: "rejection", value: { reason: 14 } } });
  const { verdict } = await joined;
  assert.equal(verdict.rejection?.reason, "REVOKED");
});

test("how long an answer may be repeated counts from when it was asked for", async () => {
  const { clock, waiting, ask, settle } = asking();
  const first = ask();
  await settle();
  clock.move(1_000, 1_000);
  const joined = ask();
  waiting[0]?.(accepted("alice", 3n));
  const [own, others] = [(await first).verdict, (await joined).verdict];
  assert.ok(own.ok && others.ok);
  assert.equal(own.cacheForMs, 3_000);
  assert.ok(others.cacheForMs > 1_000 && others.cacheForMs <= 2_000, `${others.cacheForMs}`);
});

test("two calls are under way at a time, and what comes meanwhile goes with the next one", async () => {
  const { waiting, ask, settle } = asking();
  const verdicts = [];
  for (const token of ["a", "b", "c", "d"]) {
    verdicts.push(ask(token));
    await settle();
  }
  assert.equal(waiting.length, 2);
  waiting[0]?.(accepted("alice"));
  await settle();
  assert.equal(waiting.length, 3);
  waiting[1]?.(accepted("bob"));
  waiting[2]?.({ results: [accepted("carol"), accepted("dave")] });
  const told = await Promise.all(verdicts);
  const subjects = told.map(({ verdict }) => verdict.ok && verdict.session.subject);
  assert.deepEqual(subjects, ["alice", "bob", "carol", "dave"]);
});

test("nobody is asked for those who have left", async () => {
  const { waiting, ask, settle } = asking();
  const leaving = new AbortController();
  const verdicts = [ask("a")];
  await settle();
  verdicts.push(ask("b"));
  await settle();
  const left = ask("c", leaving.signal);
  await settle();
  leaving.abort();
  await assert.rejects(left, { name: "AbortError" });
  for (const answer of waiting) answer(accepted("alice"));
  await Promise.all(verdicts);
  await settle();
  assert.equal(waiting.length, 2);
});
