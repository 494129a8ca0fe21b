import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import {
  type Call,
  InvalidArgumentError,
  policy,
  Session,
  SessiondClient,
  SessiondError,
  type Validation,
  type WatchState,
} from "../src/index.js";
import { fakeSessiond } from "../src/testing.js";

/** Asks until an answer comes from memory. */
async function untilKept(client: SessiondClient, token: string): Promise<void> {
  while (client.peek(token) === undefined) assert.ok((await client.validate(token)).ok);
}

test("an answer from memory makes no call, and is the same session", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const { accessToken } = await fake.login("alice", "orders:read");
  await untilKept(client, accessToken);
  const { length } = fake.calls;
  const [one, other] = [await client.validate(accessToken), await client.validate(accessToken)];
  assert.ok(one.ok && other.ok);
  assert.equal(one.session, other.session);
  assert.ok(one.cacheForMs > 0 && one.cacheForMs <= 1_000);
  assert.equal(fake.calls.length, length);
  assert.equal(client.peek(accessToken, policy({ scopes: ["orders:read"] })), undefined);
});

test("callers with other keys share nothing of a client", async () => {
  await using fake = await fakeSessiond();
  let key = "key-of-one";
  const client = fake.client({ key: () => key });
  const { accessToken } = await fake.login("alice");
  await untilKept(client, accessToken);
  key = "key-of-another";
  assert.equal(client.peek(accessToken), undefined);
  key = "key-of-one";
  assert.ok(client.peek(accessToken));
});

test("what is asked at the same time is one call, and one for many tokens", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const logins = await Promise.all(Array.from({ length: 20 }, (_, i) => fake.login(`user ${i}`)));
  const tokens = logins.flatMap(({ accessToken }) => [accessToken, accessToken, accessToken]);
  const verdicts = await Promise.all(tokens.map((token) => client.validate(token)));
  const subjects = verdicts.map((verdict) => verdict.ok && verdict.session.subject);
  assert.deepEqual(
    subjects,
    logins.flatMap((_, i) => Array<string>(3).fill(`user ${i}`)),
  );
  assert.deepEqual(
    fake.calls.map(({ method, tokens: asked }) => [method, asked.length]),
    [["ValidateTokens", 20]],
  );
  const { misses, joined } = client.numbers;
  assert.deepEqual({ misses, joined }, { misses: 20, joined: 40 });
});

test("who leaves gets the reason of their signal, and ends nobody else's call", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const { accessToken } = await fake.login("alice");
  const leaving = new AbortController();
  const reason = new Error("the request was closed");
  const left = client.validate(accessToken, undefined, { signal: leaving.signal });
  const stayed = client.validate(accessToken);
  leaving.abort(reason);
  await assert.rejects(left, reason);
  assert.ok((await stayed).ok);
  await assert.rejects(client.validate(accessToken, undefined, { signal: leaving.signal }), reason);
  await assert.rejects(client.refresh("sdr1_", {}, { signal: leaving.signal }), reason);
});

/** What whoever waits is told where the client is closed. */
const isOver = (error: unknown) => error instanceof SessiondError && error.code === "CANCELLED";

test("a client that is closed ends its calls, and makes no more", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const waiting = client.validate("token");
  client.close();
  client.close();
  await assert.rejects(waiting, isOver);
  await assert.rejects(client.validate("token"), isOver);
  await assert.rejects(client.refresh("sdr1_"), isOver);
  await assert.rejects(client.ready(100), isOver);
});

test("a client that is closed ends what is watched, and watches no more", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client({ cache: false });
  const watched = (async () => {
    for await (const { type } of client.watchRevocations()) if (type === "started") client.close();
  })();
  await assert.rejects(watched, isOver);
  await assert.rejects(client.watchRevocations().next(), isOver);
});

test("a call that this client refuses rejects like any other, and throws nothing", async () => {
  await using client = new SessiondClient("127.0.0.1:1");
  const circular: Record<string, unknown> = {};
  circular["itself"] = circular;
  const proofs = {
    certificateSha256: new Uint8Array(32),
    dpop: { proof: "t.o.k", method: "POST", url: "https://api.example/" },
  };
  const code = { code: "code", redirectUri: "https://shop.example/callback", codeVerifier: "verifier" };
  const calls: (() => Promise<unknown>)[] = [
    () => client.createLocalSession("alice", { claims: circular }),
    () => client.createSession("https://id.example", { accessToken: "a", refreshToken: "r" }, proofs),
    () => client.createSessionFromCode("https://id.example", code, proofs),
    () => client.refresh("sdr1_", proofs),
  ];
  for (const call of calls) {
    const refused = call(); // what is thrown here fails the test
    await assert.rejects(refused, InvalidArgumentError);
  }
});

test("an observer is told what is done, and harms nobody where it throws", async () => {
  await using fake = await fakeSessiond();
  const validations: Validation[] = [];
  const calls: Call[] = [];
  const states: WatchState[] = [];
  const client = fake.client({
    observer: {
      validated: (one) => void validations.push(one),
      called: (one) => void calls.push(one),
      watchChanged: (one) => void states.push(one),
    },
  });
  const { accessToken } = await fake.login("alice");
  await untilKept(client, accessToken);
  await client.validate(accessToken);
  await client.validate("no token", undefined, { consistency: "strict" });
  assert.equal(validations[0]?.outcome, "MISS");
  const told = validations.slice(-2).map(({ outcome, isAccepted, reason }) => [outcome, isAccepted, reason]);
  assert.deepEqual(told, [
    ["HIT", true, undefined],
    ["BYPASSED", false, "MALFORMED"],
  ]);
  const { method, code, attempts } = calls[0] as Call;
  assert.deepEqual({ method, code, attempts }, { method: "ValidateToken", code: "OK", attempts: 1 });
  assert.equal(states[0], "FRESH");
  const failing = fake.client({ observer: { validated: () => assert.fail("an observer's mistake") } });
  assert.ok((await failing.validate(accessToken)).ok);
});

test("revocations can be watched, until the signal", async () => {
  await using fake = await fakeSessiond();
  const client = fake.client();
  const { accessToken, session } = await fake.login("alice");
  const stop = new AbortController();
  const kinds: string[] = [];
  const watched = (async () => {
    for await (const event of client.watchRevocations("", { signal: stop.signal })) {
      if (event.type === "started") void fake.revoke(accessToken);
      if (event.type !== "revocation") continue;
      kinds.push(event.kind);
      assert.equal(event.hashedId?.length, 32);
      stop.abort();
    }
  })();
  await assert.rejects(watched, { name: "AbortError" });
  assert.deepEqual(kinds, ["SESSION"]);
  assert.equal((await client.revocationStatus()).revocations, 1);
  assert.ok(session.sessionId.startsWith("sds_"));
});

test("a thousand clients that were made and closed leave no connection", async () => {
  await using fake = await fakeSessiond();
  // Those of the fake: a client does not count among what keeps a process alive.
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  for (let i = 0; i < 1_000; i++) {
    const client = fake.client({ cache: false });
    if (i % 100 === 0) await client.validate("no token");
    client.close();
  }
  const giveUp = performance.now() + 10_000;
  while (sockets() > 4 && performance.now() < giveUp) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(sockets() <= 4, `${sockets()} are left`);
});

test("tokens are shown nowhere", async () => {
  await using fake = await fakeSessiond();
  const tokens = await fake.login("alice");
  const client = fake.client({ key: "key-of-the-backend" });
  const verdict = await client.validate(tokens.accessToken);
  const refused = await client.refresh("sdr1_not-a-token").catch((error: unknown) => error);
  const texts = [tokens, [tokens], verdict, refused, client, fake].flatMap((value) => [
    inspect(value, { depth: 20, showHidden: true }),
    JSON.stringify(value),
    String(value),
    refused instanceof Error ? String(refused.stack) : "",
  ]);
  for (const secret of [tokens.accessToken, tokens.refreshToken, "sdr1_not-a-token", "key-of-the-backend"]) {
    assert.ok(!texts.some((text) => text.includes(secret)), `${secret} is shown`);
  }
});

test("a session is frozen, and parses its claims when they are asked for", () => {
  const session = Session.example({ claimsJson: '{"roles": ["a"], "n": 1}', scopes: ["orders:read"] });
  assert.deepEqual(session.claims, { roles: ["a"], n: 1 });
  assert.equal(session.claims, session.claims);
  assert.throws(() => (session.claims["roles"] as string[]).push("b"), TypeError);
  assert.throws(() => (session.scopes as string[]).push("b"), TypeError);
  assert.throws(() => Object.assign(session, { subject: "mallory" }), TypeError);
  assert.deepEqual(Session.example().claims, {});
  for (const claimsJson of ["[1]", "null", '{"secret-of-the-payload']) {
    assert.throws(
      () => Session.example({ claimsJson }).claims,
      (error) => error instanceof TypeError && !error.message.includes("secret"),
    );
  }
});
