import assert from "node:assert/strict";
import { test } from "node:test";

import { InvalidArgumentError, policy, type Requirements, SessiondClient } from "../src/index.js";

const refuses = (requirements: unknown, field: string) =>
  assert.throws(
    () => policy(requirements as Requirements),
    (error) => error instanceof InvalidArgumentError && error.field === field,
    field,
  );

test("policies that require the same are the same, whatever their order", () => {
  const one = policy({ scopes: ["a", "b"], claims: { x: ["1", "2"], y: ["3"] }, audiences: [] });
  const other = policy({ claims: { y: ["3"], x: ["2", "1", "1"] }, scopes: ["b", "a", "b"] });
  assert.equal(one.id, other.id);
  assert.deepEqual(one.requirements.scopes, ["a", "b"]);
});

test("policies that differ in anything are others", () => {
  const all: Requirements[] = [
    {},
    { issuers: ["a"] },
    { audiences: ["a"] },
    { scopes: ["a"] },
    { permissions: ["a"] },
    { acrValues: ["a"] },
    { claims: { a: ["a"] } },
    { claims: { a: ["b"] } },
    { claims: { b: ["a"] } },
    { maxAuthAge: 0 },
    { maxAuthAge: 1 },
    { scopes: ["a", "b"] },
    { scopes: ["a b".slice(0, 1), "c"] },
  ];
  assert.equal(new Set(all.map((one) => policy(one).id)).size, all.length);
});

test("what a server would refuse is refused at once, by the name of its field", () => {
  refuses({ scopes: ["a b"] }, "scopes[0]");
  refuses({ scopes: ["ok", 'a"b'] }, "scopes[1]");
  refuses({ scopes: ["x".repeat(257)] }, "scopes[0]");
  refuses({ scopes: [""] }, "scopes[0]");
  refuses({ scopes: "orders:read" }, "scopes");
  refuses({ scopes: [1] }, "scopes[0]");
  refuses({ acrValues: ["a b"] }, "acr_values[0]");
  refuses({ issuers: [""] }, "issuers[0]");
  refuses({ audiences: ["x".repeat(256)] }, "audiences[0]");
  refuses({ permissions: ["a\u0007"] }, "permissions[0]");
  refuses({ permissions: ["\ud800"] }, "permissions[0]");
  refuses({ permissions: Array.from({ length: 65 }, (_, i) => `p${i}`) }, "permissions");
  refuses({ claims: { a: [] } }, 'claims["a"]');
  refuses({ claims: { "": ["a"] } }, 'claims[""]');
  refuses({ claims: { ["__proto__"]: ["a"] } }, 'claims["__proto__"]');
  refuses({ maxAuthAge: -1 }, "max_auth_age");
  refuses({ maxAuthAge: Number.NaN }, "max_auth_age");
  refuses({ scope: ["misspelt"] }, "scope");
});

test("a policy cannot be changed", () => {
  const given = ["a"];
  const made = policy({ scopes: given });
  given.push("b");
  assert.deepEqual(made.requirements.scopes, ["a"]);
  assert.throws(() => (made.requirements.scopes as string[]).push("b"), TypeError);
});

test("what was not compiled is no policy", async () => {
  await using client = new SessiondClient("127.0.0.1:1");
  for (const given of [{ requirements: { scopes: ["a"] } }, { scopes: ["a"] }]) {
    await assert.rejects(client.validate("token", given as never), TypeError);
    assert.throws(() => client.peek("token", given as never), TypeError);
    await assert.rejects(client.validateAll(["token"], given as never), TypeError);
  }
});
