import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { fingerprint } from "../src/browser/parts.js";
import { type BrowserClient, BrowserSessions, CrossSiteError, optionalSessionOf } from "../src/browser.js";
import {
  type NextAction,
  PermissionDeniedError,
  type Reason,
  RefreshRefusedError,
  Session,
  UnavailableError,
  type Verdict,
} from "../src/index.js";
import { Tokens } from "../src/tokens.js";
import { vectors } from "./vectors.js";

type Said = string | { unavailable: number } | { reason: Reason; next_action: NextAction };

interface Given {
  readonly authorization: string;
  readonly access: string;
  readonly refresh: string;
  readonly cross_site: boolean;
  readonly optional: boolean;
  readonly upgrade: boolean;
  readonly elsewhere: boolean;
  readonly navigation: boolean;
  readonly marked: boolean;
  readonly milliseconds: number;
  readonly verdict?: Said;
  readonly refreshed?: Said;
  readonly new_verdict?: Said;
}

interface Row {
  readonly name: string;
  readonly given: Partial<Given>;
  readonly expect: {
    readonly asks: string[];
    readonly outcome: "session" | "nobody" | "denied" | "sent_back";
    readonly cookies: "keep" | "set" | "clear" | "mark";
    readonly status?: number;
    readonly body?: object;
    readonly retry_after?: number;
  };
}

const file = vectors<{ defaults: Given; decisions: Row[] }>("browser-decisions.json");
const FAILURE = { reason: "", metadata: {}, saysWhen: true } as const;
const RENEWED = new Tokens({
  accessToken: "n.e.w",
  refreshToken: "sdr1_new",
  accessExpireTime: undefined,
  refreshExpireTime: undefined,
  session: Session.example(),
  isReplayed: false,
});

/** What a row has sessiond say. */
function answered(said: Said | undefined): { reason: Reason; next_action: NextAction } | undefined {
  if (said === "accepted" || said === "tokens") return undefined;
  const none = { ...FAILURE, retryAfterMs: undefined };
  if (said === "internal") throw new PermissionDeniedError({ ...none, code: "PERMISSION_DENIED" }, "no");
  if (typeof said === "string") {
    throw new RefreshRefusedError({ ...none, code: "UNAUTHENTICATED", reason: said }, "no");
  }
  assert.ok(said !== undefined, "the row does not say what is answered");
  if ("unavailable" in said) {
    const retryAfterMs = said.unavailable * 1_000;
    throw new UnavailableError({ ...FAILURE, code: "UNAVAILABLE", retryAfterMs }, "no");
  }
  return said;
}

/** A client that gives what a row says, and takes note of what it is asked. */
function scripted(given: Given, asked: string[], pass: (milliseconds: number) => void): BrowserClient {
  return {
    async validate(token: string): Promise<Verdict> {
      asked.push("validate");
      const found = answered(token === RENEWED.accessToken ? given.new_verdict : given.verdict);
      if (found === undefined) {
        return {
          ok: true,
          session: Session.example({ subject: token }),
          cacheForMs: 0,
          isStale: false,
        };
      }
      const { reason, next_action: nextAction } = found;
      return { ok: false, rejection: { reason, message: "", nextAction, wwwAuthenticate: "" } };
    },
    async refresh() {
      asked.push("refresh");
      pass(given.milliseconds);
      answered(given.refreshed);
      return RENEWED;
    },
    revoke: () => Promise.reject(new Error("nothing is revoked")),
  };
}

function headersOf(given: Given): Record<string, string | string[]> {
  const times: Record<string, number> = { one: 1, several: 2, malformed: 1 };
  const refresh = given.refresh === "malformed" ? "no token" : "sdr1_old";
  const cookies = [
    ...Array<string>(times[given.access] ?? 0).fill("__Host-session=h.p.s"),
    ...Array<string>(times[given.refresh] ?? 0).fill(
      `${given.elsewhere ? "__Secure-session" : "__Host-session"}-refresh=${refresh}`,
    ),
    ...(given.marked ? [`__Host-session-mark=${fingerprint(refresh)}`] : []),
  ];
  return {
    host: "shop.example",
    ...(cookies.length > 0 && { cookie: cookies.join("; ") }),
    ...(given.authorization && { authorization: given.authorization }),
    ...(given.upgrade && { upgrade: "websocket", connection: "upgrade", origin: "https://shop.example" }),
    ...(given.cross_site && { "sec-fetch-site": "cross-site" }),
    ...(given.navigation && { "sec-fetch-mode": "navigate" }),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Asks a server that listens for this alone. */
async function ask(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  method: string,
  headers: Record<string, string | string[]>,
): Promise<Answer> {
  const server = createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sent = send({ port, method, path: "/orders?page=2", headers });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  server.close();
  server.closeAllConnections();
  return { status: answer.statusCode ?? 0, headers: answer.headers, body };
}

for (const row of file.decisions) {
  const given = { ...file.defaults, ...row.given };
  test(`a browser's request is decided on as the vectors say: ${row.name}`, async (context) => {
    const asked: string[] = [];
    let now = 1_000;
    context.mock.method(performance, "now", () => now);
    const client = scripted(given, asked, (milliseconds) => (now += milliseconds));
    const site = new BrowserSessions(client, {
      log: () => {},
      ...(given.elsewhere && { refreshPath: "/session" }),
    });
    let handled: string | undefined;
    const guard = given.optional ? site.optional() : site.require();
    const answer = await ask(
      (request, response) =>
        guard(request, response, () => {
          handled = optionalSessionOf(request) === undefined ? "nobody" : "session";
          response.writeHead(200, { "Cache-Control": "public" }).end();
        }),
      given.cross_site && !given.upgrade ? "POST" : "GET",
      headersOf(given),
    );
    check(row, asked, handled, answer);
  });
}

test("another site clears no cookies where nobody has to be known", async () => {
  // A browser leaves the cookies out of its request, but takes those of the answer.
  const site = new BrowserSessions(scripted(file.defaults, [], () => {}));
  let refused: unknown;
  const answer = await ask(
    (request, response) =>
      site.optional()(request, response, () => {
        void site
          .logout(request, response)
          .catch((error: unknown) => (refused = error))
          .finally(() => response.end());
      }),
    "POST",
    { host: "shop.example", "sec-fetch-site": "cross-site" },
  );
  assert.ok(refused instanceof CrossSiteError);
  assert.equal(answer.headers["set-cookie"], undefined);
});

function check(row: Row, asked: string[], handled: string | undefined, answer: Answer): void {
  const { outcome, cookies, asks, status = 200, body, retry_after: retryAfter } = row.expect;
  assert.deepEqual(asked, asks);
  assert.equal(handled, outcome === "session" || outcome === "nobody" ? outcome : undefined);
  assert.equal(answer.status, status);
  if (body !== undefined) assert.deepEqual(JSON.parse(answer.body), body);
  assert.equal(answer.headers["retry-after"], retryAfter === undefined ? undefined : String(retryAfter));
  assert.equal(answer.headers["vary"], "Cookie");
  if (cookies !== "keep" || status !== 200) assert.equal(answer.headers["cache-control"], "no-store");
  if (outcome === "sent_back") assert.equal(answer.headers["location"], "./orders?page=2");
  assert.equal(changeOf(answer.headers["set-cookie"] ?? []), cookies);
}

function changeOf(lines: readonly string[]): Row["expect"]["cookies"] {
  if (lines.length === 0) return "keep";
  if (lines.every((line) => line.includes("Max-Age=0"))) return "clear";
  return lines.every((line) => line.includes("session-mark=")) ? "mark" : "set";
}
