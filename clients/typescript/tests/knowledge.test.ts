import assert from "node:assert/strict";
import { test } from "node:test";

import { hashedId } from "../src/memory/hashed-ids.js";
import { type Answer, freshFor, Knowledge, MOST_EVENTS, RETENTION_MS } from "../src/memory/knowledge.js";

const NOW = 1_000_000;
const ALICE = hashedId("subject", "https://id.example", "alice");
const KEY = hashedId("key", "https://id.example", "k1");

const at = (moment: number) => ({ steady: moment, wall: moment });

/** An answer that was asked for at a moment, by what is known then. */
const answer = (knowledge: Knowledge, moment: number, more: Partial<Answer> = {}): Answer => ({
  asked: { at: at(moment), epoch: knowledge.epoch },
  revisionAgeMs: 0,
  cacheForMs: 1_000,
  watchedCacheForMs: 60_000,
  configuration: "c",
  ids: [ALICE],
  key: KEY,
  ...more,
});

test("one's own revocations are of another generation, and forget nothing", () => {
  const knowledge = new Knowledge();
  const { generation, epoch } = knowledge;
  knowledge.end([ALICE], NOW);
  assert.notEqual(knowledge.generation, generation);
  assert.equal(knowledge.epoch, epoch);
});

test("what was asked before a stream began is not covered", () => {
  const knowledge = new Knowledge();
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW), NOW)?.isCovered, false);
  knowledge.follow("c");
  knowledge.cover(NOW);
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW - 1), NOW)?.isCovered, false);
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW), NOW)?.isCovered, true);
  const older = answer(knowledge, NOW, { revisionAgeMs: 1 });
  assert.equal(knowledge.mayKeep(older, NOW)?.isCovered, false);
});

test("an answer is not kept that an event hits", () => {
  const knowledge = new Knowledge();
  knowledge.hear(ALICE, NOW);
  for (const asked of [NOW - 1, NOW]) {
    assert.equal(knowledge.mayKeep(answer(knowledge, asked), NOW + 1), undefined);
  }
  assert.ok(knowledge.mayKeep(answer(knowledge, NOW + 1), NOW + 1));
});

test("what was asked before everything had to be forgotten is neither kept nor shared", () => {
  const knowledge = new Knowledge();
  const before = answer(knowledge, NOW);
  knowledge.forget();
  assert.equal(knowledge.mayKeep(before, NOW + 1), undefined);
  assert.equal(knowledge.mayAnswer(before, { at: at(NOW + 1), epoch: knowledge.epoch }), false);
});

test("nothing is kept that was decided by another configuration", () => {
  const knowledge = new Knowledge();
  knowledge.follow("another");
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW), NOW), undefined);
});

test("a crowd of events costs everything that is kept, and not the memory", () => {
  const knowledge = new Knowledge();
  const before = answer(knowledge, NOW);
  for (let i = 0; i < MOST_EVENTS; i++) knowledge.hear(`event ${i}`, NOW);
  assert.ok(knowledge.mayKeep(before, NOW));
  knowledge.hear("one more", NOW + 1);
  assert.equal(knowledge.remembered, 1);
  assert.equal(knowledge.mayKeep(before, NOW + 1), undefined);
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW), NOW + 1), undefined);
});

test("events are forgotten in time", () => {
  const knowledge = new Knowledge();
  knowledge.withdraw(KEY, NOW);
  knowledge.hear("1", NOW + RETENTION_MS);
  assert.equal(knowledge.remembered, 2);
  knowledge.hear("2", NOW + RETENTION_MS + 2_000);
  assert.equal(knowledge.remembered, 2);
  const later = NOW + RETENTION_MS + 2_000;
  assert.ok(knowledge.mayKeep(answer(knowledge, later), later));
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW), NOW + RETENTION_MS), undefined);
});

test("an event that came again is remembered from then on", () => {
  const knowledge = new Knowledge();
  knowledge.hear(ALICE, NOW);
  knowledge.hear("1", NOW + 1);
  knowledge.hear(ALICE, NOW + 5_000);
  knowledge.hear("2", NOW + RETENTION_MS + 3_000);
  const asked = answer(knowledge, NOW + 5_000);
  assert.equal(knowledge.mayKeep(asked, NOW + RETENTION_MS), undefined);
});

test("what is known is heard once", () => {
  const knowledge = new Knowledge();
  knowledge.hearOnce(ALICE, NOW);
  const { sequence } = knowledge;
  knowledge.hearOnce(ALICE, NOW + 1);
  assert.equal(knowledge.sequence, sequence);
});

test("a key that has gone forbids keeping as long as it is remembered", () => {
  const knowledge = new Knowledge();
  knowledge.withdraw(KEY, NOW);
  assert.equal(knowledge.mayKeep(answer(knowledge, NOW + 10_000), NOW + 10_000), undefined);
});

test("freshness goes only forward, unless the clocks are doubted", () => {
  const knowledge = new Knowledge();
  knowledge.refresh({ known: NOW, until: NOW + 2, skew: 0 });
  knowledge.refresh({ known: NOW - 1, until: NOW + 1, skew: 0 });
  assert.equal(knowledge.freshness.until, NOW + 2);
  knowledge.doubt();
  assert.ok(freshFor(knowledge.freshness, at(NOW)) <= 0);
});

test("who joins a call gets nothing old", () => {
  const knowledge = new Knowledge();
  knowledge.maxStalenessMs = 1_000;
  const flight = answer(knowledge, NOW, { cacheForMs: 0, revisionAgeMs: 300 });
  const may = (moment: number) => knowledge.mayAnswer(flight, { at: at(moment), epoch: knowledge.epoch });
  assert.deepEqual([NOW - 1, NOW, NOW + 699, NOW + 700].map(may), [true, true, true, false]);
  knowledge.hear(ALICE, NOW);
  assert.equal(may(NOW + 1), false);
});
