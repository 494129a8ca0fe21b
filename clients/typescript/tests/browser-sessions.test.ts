import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { RefreshFlights } from "../src/browser/flights.js";
import { type BrowserClient, BrowserSessions, NoTokensError, sessionOf } from "../src/browser.js";
import { type RevokeTarget, Session, UnavailableError } from "../src/index.js";
import { Tokens } from "../src/tokens.js";

const OLD = `sdr1_${"A".repeat(96)}`;
const NEWER_OF_THE_SAME = `sdr1_${"A".repeat(95)}B`;

const tokens = (refreshToken: string, accessToken = "n.e.w") =>
  new Tokens({
    accessToken,
    refreshToken,
    accessExpireTime: undefined,
    refreshExpireTime: undefined,
    session: Session.example(),
    isReplayed: false,
  });

/** A client for which every token is good, and what it was asked. */
function willing() {
  const refreshed: string[] = [];
  const revoked: RevokeTarget[] = [];
  const client: BrowserClient = {
    validate: async (token) => ({
      ok: true,
      session: Session.example({ sessionId: `session of ${token}` }),
      cacheForMs: 0,
      isStale: false,
    }),
    refresh: async (refreshToken) => {
      refreshed.push(refreshToken);
      return tokens(NEWER_OF_THE_SAME);
    },
    revoke: async (target) => {
      revoked.push(target);
      return { revision: "", sessionsEnded: 1 };
    },
  };
  return { client, refreshed, revoked };
}

/** Has a server that listens for this alone answer a request of one's own site. */
async function ask(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sent = send({ port, method: "POST", headers: { "sec-fetch-site": "same-origin", ...headers } });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.resume();
  server.close();
  server.closeAllConnections();
  return answer;
}

const never = () => new Promise<Tokens>(() => {});
const cookieOf = (refreshToken: string) => `__Host-session-refresh=${refreshToken}`;

test("the same token of the same device is spent once, and by another device it is another matter", () => {
  const flights = new RefreshFlights();
  const first = flights.refresh("token", { device: { userAgent: "one" } }, never);
  assert.equal(flights.refresh("token", { device: { userAgent: "one" } }, never), first);
  for (const other of [{ userAgent: "other" }, { userAgent: "one", label: "other" }, {}]) {
    assert.notEqual(flights.refresh("token", { device: other }, never), first);
  }
  assert.notEqual(flights.refresh("token", { certificateSha256: new Uint8Array(32) }, never), first);
});

test("no more refreshes are under way than there is room for", async () => {
  const flights = new RefreshFlights();
  for (let i = 0; i < 1_024; i++) void flights.refresh(`token-${i}`, {}, never);
  const refused = flights.refresh("one more", {}, () => Promise.reject(new Error("it was made")));
  await assert.rejects(refused, UnavailableError);
});

test("a route within a route refreshes once", async () => {
  const { client, refreshed } = willing();
  const site = new BrowserSessions(client);
  const answer = await ask(
    (request, response) =>
      site.require()(request, response, () =>
        site.require()(request, response, () => {
          assert.equal(sessionOf(request).sessionId, "session of n.e.w");
          response.end();
        }),
      ),
    { cookie: cookieOf(OLD) },
  );
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(refreshed, [OLD]);
});

test("a login of the same session does not end it", async () => {
  const { client, revoked } = willing();
  const site = new BrowserSessions(client);
  const login = async (given: Tokens) =>
    ask(
      async (request, response) => {
        await site.start(request, response, given);
        response.end();
      },
      { cookie: cookieOf(OLD) },
    );
  await login(tokens(NEWER_OF_THE_SAME));
  assert.deepEqual(revoked, []);
  await login(tokens(`sdr1_${"B".repeat(96)}`));
  assert.deepEqual(revoked, [{ refreshToken: OLD }]);
});

test("what a cookie cannot hold comes into none", async () => {
  const { client } = willing();
  const site = new BrowserSessions(client);
  for (const given of [tokens(OLD, "a; Domain=example"), tokens("a\r\nSet-Cookie: b"), tokens(OLD, "")]) {
    let refused: unknown;
    const answer = await ask(async (request, response) => {
      await site.start(request, response, given).catch((error: unknown) => (refused = error));
      response.end();
    }, {});
    assert.ok(refused instanceof NoTokensError);
    assert.equal(answer.headers["set-cookie"], undefined);
  }
});

test("a logout ends the session of the cookies, and not that of a bearer", async () => {
  const { client, revoked } = willing();
  const site = new BrowserSessions(client);
  const logout = async (headers: Record<string, string>) =>
    ask(
      (request, response) =>
        site.optional()(request, response, () => {
          void site.logout(request, response).finally(() => response.end());
        }),
      headers,
    );
  await logout({ cookie: cookieOf(OLD), authorization: "Bearer b.e.a" });
  await logout({ cookie: `__Host-session=c.o.o; ${cookieOf(OLD)}` });
  assert.deepEqual(revoked, [{ refreshToken: OLD }, { sessionId: "session of c.o.o" }]);
});
