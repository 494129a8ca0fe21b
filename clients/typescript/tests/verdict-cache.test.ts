import assert from "node:assert/strict";
import { test } from "node:test";

import { type Asked, Knowledge, RETENTION_MS } from "../src/memory/knowledge.js";
import { VerdictCache } from "../src/memory/verdict-cache.js";

const NOW = 1_000_000;
const at = (steady: number, wall = steady) => ({ steady, wall });

function filled(bounds = { maxEntries: 3, maxBytes: 1e9 }) {
  const knowledge = new Knowledge();
  const cache = new VerdictCache<string>(bounds, knowledge);
  const insert = (
    key: string,
    more: { asked?: Asked; cacheForMs?: number; watchedCacheForMs?: number; ids?: string[] } = {},
  ) =>
    cache.insert(
      key,
      `of ${key}`,
      {
        asked: { at: at(NOW), epoch: knowledge.epoch },
        revisionAgeMs: 0,
        cacheForMs: 1_000,
        watchedCacheForMs: 0,
        configuration: "c",
        ids: ["alice"],
        key: "k1",
        ...more,
      },
      100,
      NOW,
    );
  return { knowledge, cache, insert };
}

test("an acceptance is repeated as long as it says, by the clock that has gone further", () => {
  const { cache, insert } = filled();
  insert("a");
  assert.deepEqual(cache.find("a", at(NOW + 400)), { value: "of a", cacheForMs: 600 });
  assert.equal(cache.find("a", at(NOW + 1_000)), undefined);
  assert.equal(cache.find("a", at(NOW, NOW + 1_000)), undefined);
  assert.equal(cache.find("b", at(NOW)), undefined);
});

test("how long it is kept counts from before the call", () => {
  const { cache, insert } = filled();
  insert("a", { asked: { at: at(NOW - 300), epoch: 0 } });
  assert.equal(cache.find("a", at(NOW))?.cacheForMs, 700);
});

test("nothing is kept longer than events are remembered", () => {
  const { cache, insert } = filled();
  insert("a", { cacheForMs: 2 * RETENTION_MS });
  assert.equal(cache.find("a", at(NOW + RETENTION_MS - 1))?.cacheForMs, 1);
  assert.equal(cache.find("a", at(NOW + RETENTION_MS)), undefined);
});

test("one that lives by the watch needs it fresh", () => {
  const { knowledge, cache, insert } = filled();
  knowledge.follow("c");
  knowledge.cover(NOW);
  insert("a", { cacheForMs: 0, watchedCacheForMs: 60_000 });
  assert.equal(cache.find("a", at(NOW)), undefined);
  knowledge.refresh({ known: NOW, until: NOW + 1_000, skew: 0 });
  assert.equal(cache.find("a", at(NOW + 300))?.cacheForMs, 700);
  assert.equal(cache.find("a", at(NOW + 1_000)), undefined);
});

test("an event drops what it hits, and nothing else", () => {
  const { knowledge, cache, insert } = filled();
  insert("a");
  insert("b", { ids: ["bob"] });
  knowledge.hear("alice", NOW);
  assert.equal(cache.find("a", at(NOW)), undefined);
  assert.ok(cache.find("b", at(NOW)));
  knowledge.forget();
  assert.equal(cache.find("b", at(NOW)), undefined);
});

test("what was used stays where there is more than may be kept", () => {
  const { cache, insert } = filled();
  for (const key of ["a", "b", "c"]) insert(key);
  cache.find("a", at(NOW));
  insert("d");
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => cache.find(key, at(NOW)) !== undefined),
    [true, false, true, true],
  );
  assert.equal(cache.evicted, 1);
  for (let i = 0; i < 100; i++) insert(`more ${i}`);
  assert.equal(cache.size, 3);
});

test("bytes are bounded too, and what is too large alone is not kept", () => {
  const { cache, insert } = filled({ maxEntries: 100, maxBytes: 4_000 });
  for (const key of ["a", "b", "c"]) insert(key);
  assert.equal(cache.size, 2);
  const small = filled({ maxEntries: 100, maxBytes: 1_000 });
  small.insert("a");
  assert.equal(small.cache.size, 0);
});

test("what has expired goes by itself", () => {
  const { cache, insert } = filled({ maxEntries: 1_000, maxBytes: 1e9 });
  for (let i = 0; i < 100; i++) insert(`a ${i}`);
  const later = NOW + 5_000;
  for (let i = 0; i < 100; i++) {
    cache.insert(
      `b ${i}`,
      "b",
      {
        asked: { at: at(later), epoch: 0 },
        revisionAgeMs: 0,
        cacheForMs: 1_000,
        watchedCacheForMs: 0,
        configuration: "",
        ids: [],
        key: "",
      },
      100,
      later,
    );
  }
  assert.ok(cache.size <= 150, `${cache.size} are kept`);
});

test("nothing is kept that may not be repeated by the time it comes", () => {
  const { cache, insert } = filled();
  insert("a", { cacheForMs: 0 });
  assert.equal(cache.size, 0);
});
