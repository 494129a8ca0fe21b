import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { HeldCookies } from "../src/browser/answer.js";
import { Style } from "../src/browser/style.js";

const style = new Style({ isDevelopment: false, refreshPath: "", splits: false });
const LINE = "__Host-session=h.p.s; Path=/";

/** What an answer says whose head a handler writes so, with a cookie held for it. */
async function written(
  head: readonly unknown[],
): Promise<{ readonly status: string; readonly headers: Headers }> {
  const server = createServer((_, response) => {
    new HeldCookies(response, style, [LINE]);
    (response.writeHead as (...given: unknown[]) => ServerResponse)(...head).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const { status, statusText, headers } = await fetch(`http://127.0.0.1:${port}/`);
    return { status: `${status} ${statusText}`, headers };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test("a head is written with its cookies in every form that Node takes", async () => {
  const headers = { "X-Shop": "one" };
  const own = "__Host-session=own";
  for (const [head, wanted] of [
    [[201, headers], "201 Created"],
    [[201, "Made", headers], "201 Made"],
    [[201, undefined, headers], "201 Created"],
    [[201, undefined, ["X-Shop", "one", "Set-Cookie", own]], "201 Created"],
    [[201, [["X-Shop", "one"]]], "201 Created"],
  ] as const) {
    const found = await written(head);
    assert.equal(found.status, wanted);
    assert.equal(found.headers.get("x-shop"), "one", JSON.stringify(head));
    assert.deepEqual(found.headers.getSetCookie(), [LINE]);
    assert.equal(found.headers.get("cache-control"), "no-store");
  }
  assert.equal((await written([204, "Gone"])).status, "204 Gone");
});
