import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { identifyBy } from "../src/calls/key.js";
import { isLocal } from "../src/calls/local-target.js";
import { type ClientOptions, InvalidArgumentError, SessiondClient } from "../src/index.js";
import { digestOf, hashedId, type Kind } from "../src/memory/hashed-ids.js";
import { vectors } from "./vectors.js";

test("only targets on this machine are local", () => {
  const targets: Record<string, boolean> = {
    "unix:/run/s.sock": true,
    "unix:///run/s.sock": true,
    "127.0.0.1:1": true,
    "127.8.8.8:1": true,
    "localhost:1": true,
    "[::1]:1": true,
    "dns:///127.0.0.1:1": true,
    "dns:localhost:1": true,
    "sessiond.example:1": false,
    "192.0.2.1:1": false,
    "[2001:db8::1]:1": false,
    "localhost.example:1": false,
    "127.0.0.1.example:1": false,
    "dns://192.0.2.1/localhost:1": false,
    "xds:///localhost:1": false,
    "127.0.0.1:1,192.0.2.1:1": false,
    "": false,
  };
  for (const [target, wanted] of Object.entries(targets)) assert.equal(isLocal(target), wanted, target);
});

test("nothing goes in clear beyond this machine unless one says so", () => {
  assert.throws(() => new SessiondClient("192.0.2.1:1"), TypeError);
  for (const options of [{ insecure: true }, { tls: true }, { tls: {} }]) {
    new SessiondClient("192.0.2.1:1", options).close();
  }
});

test("files of TLS that cannot be read, or are none, are refused at once", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "ts-tls-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const empty = join(folder, "empty.pem");
  writeFileSync(empty, "");
  for (const tls of [
    { authorities: "/nowhere" },
    { authorities: empty },
    { certificate: empty },
    { certificate: empty, privateKey: empty },
  ]) {
    assert.throws(() => new SessiondClient("127.0.0.1:1", { tls }), JSON.stringify(tls));
  }
});

test("what makes no sense is refused at once", () => {
  for (const options of [
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { providerTimeoutMs: -1 },
    { cache: { maxEntries: 0 } },
    { cache: { maxBytes: 1.5 } },
  ] satisfies ClientOptions[]) {
    assert.throws(() => new SessiondClient("127.0.0.1:1", options), InvalidArgumentError);
  }
  assert.throws(() => new SessiondClient("127.0.0.1:1", { key: "two\nlines" }), TypeError);
  assert.throws(() => new SessiondClient("127.0.0.1:1", { key: { file: "/nowhere" } }));
});

test("a key file is read anew when it is another one, or has changed", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "ts-key-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "key");
  writeFileSync(file, "first\n");
  let now = 0;
  context.mock.method(performance, "now", () => (now += 1));
  const identify = identifyBy({ file });
  assert.equal(identify(), "Bearer first");
  writeFileSync(file, "again\n"); // of the same size, maybe within one tick of the file system's clock
  assert.equal(identify(), "Bearer again");
  writeFileSync(join(folder, "new"), "other\n");
  renameSync(join(folder, "new"), file);
  assert.equal(identify(), "Bearer other");
});

test("a key function is asked every time", () => {
  let count = 0;
  const identify = identifyBy(() => `key-${++count} `);
  assert.deepEqual([identify(), identify()], ["Bearer key-1", "Bearer key-2"]);
  assert.equal(identifyBy("")(), "");
  assert.equal(identifyBy(undefined)(), "");
});

test("hashed ids are those of the vectors", () => {
  const { hashed_ids: rows } = vectors<{
    hashed_ids: { name: string; type: Kind; issuer: string; id: string; hashed_id: string }[];
  }>("hashed-ids.json");
  for (const { name, type, issuer, id, hashed_id: wanted } of rows) {
    assert.equal(Buffer.from(hashedId(type, issuer, id), "latin1").toString("hex"), wanted, name);
  }
  assert.equal(digestOf("token").length, 32);
});
