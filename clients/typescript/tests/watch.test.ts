import assert from "node:assert/strict";
import { test } from "node:test";

import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { Knowledge } from "../src/memory/knowledge.js";
import { toDuration } from "../src/messages/spans.js";
import { WatchRevocationsResponseSchema } from "../src/sessiond/v1/session_service_pb.js";
import { receive } from "../src/watch/receiving.js";
import type { Stream } from "../src/watch/stream.js";
import { Watch } from "../src/watch/watch.js";

const NOW = 1_000_000;
const at = (steady: number, wall = steady) => ({ steady, wall });

type Event = MessageInitShape<typeof WatchRevocationsResponseSchema>["event"];

function watching() {
  const knowledge = new Knowledge();
  const watch = new Watch(knowledge, () => 0.5);
  const tell = (stream: Stream, event: Event, now: number, wall = now) =>
    receive(watch, stream, create(WatchRevocationsResponseSchema, event ? { event } : {}), at(now, wall));
  const started = (revision = "r0", configuration = "c"): Event => ({
    case: "started",
    value: { revision, maxStaleness: toDuration(1_000), configuration, server: "s" },
  });
  const beat = (sinceStartMs: number, revision = "r1", ageMs = 0): Event => ({
    case: "freshness",
    value: { revision, age: toDuration(ageMs), sinceStart: toDuration(sinceStartMs) },
  });
  const begin = (now = NOW): Stream => {
    const stream = watch.due(at(now));
    assert.ok(stream, "no stream is due");
    tell(stream, started(), now);
    return stream;
  };
  return { knowledge, watch, tell, started, beat, begin };
}

test("a heartbeat counts from when its stream was opened, however late it comes", () => {
  const { knowledge, tell, beat, begin } = watching();
  const stream = begin();
  tell(stream, beat(100, "r1", 30), NOW + 900);
  assert.equal(knowledge.freshness.known, NOW + 70);
  assert.equal(knowledge.freshness.until, NOW + 1_070);
});

test("a heartbeat of the future, or clocks that disagree, void the anchor", () => {
  for (const [since, wall] of [
    [600, 0],
    [100, 1_500],
    [100, -1_500],
  ] as const) {
    const { knowledge, watch, tell, beat, begin } = watching();
    const stream = begin();
    tell(stream, beat(50), NOW + 100);
    tell(stream, beat(since), NOW + 500, NOW + 500 + wall);
    assert.equal(knowledge.freshness.until, -Infinity);
    assert.equal(watch.streams.length, 0);
    assert.ok(watch.due(at(NOW + 500)), "no stream is due");
  }
});

test("the next stream goes on where the last has come to", () => {
  const { watch, tell, beat, begin } = watching();
  const stream = begin();
  tell(stream, beat(10, "r7"), NOW + 10);
  watch.end(stream, undefined, NOW + 20);
  assert.equal(watch.due(at(NOW + 20)), undefined);
  assert.equal(watch.due(at(NOW + 20 + 50))?.revision, "r7");
  assert.equal(watch.reconnects, 1);
});

test("a revision that is refused is not asked for again", () => {
  const { watch, tell, beat, begin } = watching();
  const stream = begin();
  tell(stream, beat(10, "of another store"), NOW + 10);
  const failure = {
    code: "INVALID_ARGUMENT",
    reason: "FIELD_INVALID",
    retryAfterMs: undefined,
    saysWhen: false,
  };
  watch.end(stream, failure, NOW + 20);
  assert.equal(watch.due(at(NOW + 1_000))?.revision, "");
});

test("pauses grow up to a second, and begin anew after a heartbeat", () => {
  const { watch, beat, tell, started } = watching();
  let now = NOW;
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) {
    const stream = watch.due(at(now));
    assert.ok(stream);
    watch.end(stream, undefined, now);
    pauses.push(watch.wakeAt() - now);
    now = watch.wakeAt();
  }
  assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
  const stream = watch.due(at(now));
  assert.ok(stream);
  tell(stream, started(), now);
  tell(stream, beat(0), now);
  watch.end(stream, undefined, now);
  assert.equal(watch.wakeAt() - now, 50);
});

test("who is refused comes again in half a minute, and says so", () => {
  for (const failure of [
    { code: "UNIMPLEMENTED", reason: "" },
    { code: "PERMISSION_DENIED", reason: "CALLER_NOT_PERMITTED" },
    { code: "RESOURCE_EXHAUSTED", reason: "WATCHERS_EXHAUSTED" },
  ]) {
    const { watch } = watching();
    const stream = watch.due(at(NOW));
    assert.ok(stream);
    watch.end(stream, { ...failure, retryAfterMs: undefined, saysWhen: false }, NOW);
    assert.equal(watch.state, "REFUSED");
    assert.equal(watch.wakeAt(), NOW + 31_500);
  }
});

test("a server that says when is asked no earlier", () => {
  const { watch } = watching();
  const stream = watch.due(at(NOW));
  assert.ok(stream);
  const failure = { code: "UNAVAILABLE", reason: "SHUTTING_DOWN", retryAfterMs: 5_000, saysWhen: true };
  watch.end(stream, failure, NOW);
  assert.equal(watch.wakeAt(), NOW + 5_000);
});

test("a stream that says nothing for three seconds is given up", () => {
  const { watch, begin } = watching();
  const stream = begin();
  assert.equal(watch.due(at(NOW + 2_999)), undefined);
  assert.ok(watch.isWanted(stream));
  watch.due(at(NOW + 3_000));
  assert.ok(!watch.isWanted(stream));
});

test("a stream is replaced in time by one that is opened before it is closed", () => {
  const { watch, tell, started, beat, begin } = watching();
  const stream = begin();
  const life = 150_000;
  for (let passed = 1_000; passed < life; passed += 1_000) tell(stream, beat(passed), NOW + passed);
  const next = watch.due(at(NOW + life));
  assert.ok(next && watch.isWanted(stream));
  tell(next, started(), NOW + life);
  tell(next, beat(10), NOW + life + 10);
  assert.deepEqual(watch.streams, [next]);
});

test("a stream that is late three times running is replaced, with pauses that grow", () => {
  const { watch, tell, beat, begin } = watching();
  const stream = begin();
  for (const passed of [1_000, 1_200]) tell(stream, beat(passed - 700), NOW + passed);
  assert.equal(watch.due(at(NOW + 1_200)), undefined);
  tell(stream, beat(700), NOW + 1_400);
  const next = watch.due(at(NOW + 1_400));
  assert.ok(next);
  assert.ok(watch.isWanted(stream));
});

test("what cannot be read drops everything, and what is newer too", () => {
  const revocation = (type: number, bytes: number): Event => ({
    case: "revocation",
    value: { type, hashedId: new Uint8Array(bytes), revision: "r2" },
  });
  for (const event of [
    { case: undefined } as Event,
    revocation(1, 15),
    revocation(0, 16),
    revocation(99, 16),
  ]) {
    const { knowledge, tell, begin } = watching();
    const stream = begin();
    const { epoch } = knowledge;
    tell(stream, event, NOW + 1);
    assert.notEqual(knowledge.epoch, epoch);
  }
});

test("a stream that begins with anything but its beginning is given up", () => {
  const { watch, tell, beat } = watching();
  const stream = watch.due(at(NOW));
  assert.ok(stream);
  tell(stream, beat(10), NOW + 10);
  assert.ok(!watch.isWanted(stream));
});
