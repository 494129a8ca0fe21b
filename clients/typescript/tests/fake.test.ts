import assert from "node:assert/strict";
import { test } from "node:test";

import { policy, SessiondClient, UnavailableError } from "../src/index.js";
import { fakeSessiond } from "../src/testing.js";
import { liveCases, Stage } from "./live-cases.js";

const cases = liveCases();

test("the suite has the cases of a real server", () => assert.ok(cases.length >= 20));

for (const { name, steps } of cases) {
  test(`the fake answers as a real server: ${name}`, async () => {
    await using fake = await fakeSessiond();
    const stage = new Stage(fake);
    for (const [i, step] of steps.entries()) await stage.carryOut(`steps[${i}]`, step);
  });
}

test("what is revoked at the fake is refused by the next question, whatever is kept", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const orders = policy({ scopes: ["orders:read"] });
  for (let round = 0; round < 3; round++) {
    const { accessToken, refreshToken } = await fake.login("alice", "orders:read");
    while (client.peek(accessToken, orders) === undefined) {
      assert.ok((await client.validate(accessToken, orders)).ok);
    }
    await fake.revoke(refreshToken);
    const verdict = await client.validate(accessToken, orders);
    assert.equal(verdict.ok ? "" : verdict.rejection.reason, "REVOKED");
  }
});

test("a fake that is away answers nobody, and afterwards as before", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client({ timeoutMs: 2_000 });
  const { accessToken } = await fake.login("alice");
  await fake.away();
  await assert.rejects(client.validate(accessToken), UnavailableError);
  fake.back();
  assert.ok((await client.validate(accessToken)).ok);
});

test("time passes as it is told to", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const { accessToken, refreshToken } = await fake.login("alice");
  const { accessToken: other } = await fake.login("bob");
  await fake.expire(accessToken);
  const reason = async (token: string) => (await client.validate(token)).rejection?.reason;
  assert.equal(await reason(accessToken), "EXPIRED");
  assert.equal(await reason(other), undefined);
  await fake.advance(5 * 60 * 1_000);
  assert.equal(await reason(other), "EXPIRED");
  await client.refresh(refreshToken);
});

test("calls are told with the key of who called, and none of the fake's own", async () => {
  await using fake = await fakeSessiond();
  const { accessToken } = await fake.login("alice");
  const client = new SessiondClient(fake.target, { key: "key-of-the-backend", cache: false });
  await client.validate(accessToken, policy({ scopes: ["a"], maxAuthAge: 60 }));
  client.close();
  assert.deepEqual(fake.calls, [
    {
      method: "ValidateToken",
      key: "key-of-the-backend",
      tokens: [accessToken],
      requirements: { scopes: ["a"], maxAuthAge: 60 },
    },
  ]);
});
