import assert from "node:assert/strict";
import { test } from "node:test";

import { fastify } from "fastify";

import { requireSession, sessionOf } from "../src/fastify.js";
import { policy, Session, type Validator } from "../src/index.js";

const orders = policy({ scopes: ["orders:read"] });

/** Accepts one token, and takes note of what it is asked. */
const validator = (asked: unknown[][] = []): Validator => ({
  async validate(...question) {
    asked.push(question);
    return { ok: true, session: Session.example(), cacheForMs: 0, isStale: false };
  },
});

test("a request that a test injects into Fastify is judged like any other", async () => {
  const app = fastify();
  const asked: unknown[][] = [];
  const guard = requireSession(validator(asked), orders, { consistency: "strict" });
  app.get("/orders", { onRequest: guard }, async (request) => sessionOf(request).subject);
  const denied = await app.inject({ url: "/orders" });
  assert.equal(denied.statusCode, 401);
  assert.equal(denied.headers["www-authenticate"], 'Bearer scope="orders:read"');
  const admitted = await app.inject({ url: "/orders", headers: { authorization: "bearer t.o.k" } });
  assert.deepEqual([admitted.statusCode, admitted.body], [200, "alice"]);
  assert.deepEqual(asked, [["t.o.k", orders, { consistency: "strict" }]]);
});

test("what a middleware cannot mean is refused at once", () => {
  for (const options of [
    { cookie: "two words" },
    { dpopOrigin: "https://api.example/path" },
    { trustedOrigins: ["app.example"] },
  ]) {
    assert.throws(() => requireSession(validator(), orders, options), TypeError, JSON.stringify(options));
  }
  assert.throws(() => requireSession(validator(), { scopes: ["a"] } as never), TypeError);
});

test("a session is asked for where its route requires none", async () => {
  const app = fastify();
  app.get("/", async (request) => sessionOf(request).subject);
  assert.equal((await app.inject({ url: "/" })).statusCode, 500);
});

test("a denial is told as a renderer says, and to the log where only an operator can mend it", async () => {
  const app = fastify();
  const complaints: unknown[] = [];
  const failing: Validator = { validate: () => Promise.reject(new RangeError("of the token t.o.k")) };
  const onRequest = requireSession(failing, undefined, {
    render: ({ status, reason }) => `${status} ${reason}`,
    log: (complaint) => complaints.push(complaint),
  });
  app.get("/orders", { onRequest }, async () => "orders");
  const { statusCode, body, headers } = await app.inject({
    url: "/orders",
    headers: { authorization: "Bearer t.o.k" },
  });
  assert.deepEqual([statusCode, body, headers["cache-control"]], [500, "500 INTERNAL", "no-store"]);
  assert.deepEqual(complaints, [
    {
      message: "sessiond: a request is refused because of this service's own configuration",
      about: "/orders",
      reason: "INTERNAL",
      error: "RangeError",
    },
  ]);
});
