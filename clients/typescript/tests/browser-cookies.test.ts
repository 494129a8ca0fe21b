import assert from "node:assert/strict";
import { test } from "node:test";

import { hasRefreshForm, isMarked, isSameSession, readCookies } from "../src/browser/cookies.js";
import { fingerprint } from "../src/browser/parts.js";
import { self } from "../src/browser/self.js";
import { Style } from "../src/browser/style.js";
import { Session } from "../src/index.js";
import { userAgentText } from "../src/messages/texts.js";
import { isCrossSite } from "../src/middleware/cross-site.js";
import { Tokens } from "../src/tokens.js";
import { long, type Text, vectors } from "./vectors.js";

interface StyleRow {
  readonly development?: boolean;
  readonly refresh_path?: string;
  readonly split?: boolean;
}

interface CookieFile {
  readonly set: {
    name: string;
    style: StyleRow;
    access_token: Text;
    access_expires_in: number | null;
    refresh_token: string;
    refresh_expires_in: number | null;
    brought?: string[];
    fits: boolean;
    lines: Text[];
  }[];
  readonly clear: { name: string; style: StyleRow; brought?: string[]; lines: string[] }[];
  readonly mark: { name: string; style: StyleRow; refresh_token: string; line: string }[];
  readonly read: {
    name: string;
    style: StyleRow;
    headers: string[];
    access: string;
    access_token: string;
    refresh: string;
    refresh_token: string;
    marked: boolean;
  }[];
  readonly development_hosts: { host: string; allowed: boolean }[];
  readonly refresh_paths: { refresh_path: string; path: string; sent: boolean }[];
}

const file = vectors<CookieFile>("browser-cookies.json");
const NOW = new Date("2026-11-27T12:00:00Z");

const made = ({ development = false, refresh_path: refreshPath = "", split = false }: StyleRow): Style =>
  new Style({ isDevelopment: development, refreshPath, splits: split });

function tokensOf(accessToken: string, refreshToken: string, access: number | null, refresh: number | null) {
  const at = (seconds: number | null) =>
    seconds === null ? undefined : new Date(NOW.getTime() + seconds * 1_000);
  return new Tokens({
    accessToken,
    refreshToken,
    accessExpireTime: at(access),
    refreshExpireTime: at(refresh),
    session: Session.example(),
    isReplayed: false,
  });
}

for (const row of file.set) {
  test(`cookies are set as the vectors say: ${row.name}`, () => {
    const style = made(row.style);
    const token = long(row.access_token);
    const tokens = tokensOf(token, row.refresh_token, row.access_expires_in, row.refresh_expires_in);
    const { lines, fits } = style.set(tokens, NOW, readCookies(row.brought ?? [], style));
    assert.deepEqual({ lines, fits }, { lines: row.lines.map(long), fits: row.fits });
    assert.ok(lines.every((line) => line.length <= 4_096 && style.isOurs(line)));
    const again = readCookies(lines, style); // attributes are cookies of no interest
    assert.equal(again.refreshToken, row.refresh_token);
    if (fits) assert.equal(again.accessToken, token);
  });
}

test("cookies are cleared as the vectors say", () => {
  for (const { name, style, brought = [], lines } of file.clear) {
    assert.deepEqual(made(style).clear(readCookies(brought, made(style))), lines, name);
  }
  for (const { name, style, refresh_token: refreshToken, line } of file.mark) {
    const brought = readCookies([`${made(style).refreshName}=${refreshToken}`], made(style));
    assert.equal(made(style).mark(brought), line, name);
    assert.ok(made(style).isOurs(line), name);
  }
});

test("cookies are read as the vectors say", () => {
  for (const row of file.read) {
    const found = readCookies(row.headers, made(row.style));
    const { access, accessToken, refresh, refreshToken } = found;
    assert.deepEqual(
      [access, accessToken, refresh, refreshToken, isMarked(found)],
      [row.access, row.access_token, row.refresh, row.refresh_token, row.marked],
      row.name,
    );
  }
});

test("a mark says nothing of the refresh token that comes after the one that it is of", () => {
  const style = made({});
  const mark = fingerprint("sdr1_old");
  const brought = readCookies([`${style.refreshName}=sdr1_old; ${style.markName}=${mark}`], style);
  assert.ok(isMarked(brought));
  assert.ok(!isMarked({ ...brought, refreshToken: "sdr1_new" }));
});

test("hosts and paths are told apart", () => {
  for (const { host, allowed } of file.development_hosts) {
    assert.equal(made({ development: true }).allowsHost(host), allowed, host);
    assert.ok(made({}).allowsHost(host), host);
  }
  for (const row of file.refresh_paths) {
    assert.equal(made({ refresh_path: row.refresh_path }).refreshes(row.path), row.sent, row.path);
  }
});

test("texts are made as the vectors say", () => {
  const texts = vectors<{
    self: { target: string; location: string }[];
    user_agents: { name: string; header: Text; device: Text }[];
    same_session: { name: string; tokens: [string, string]; same: boolean }[];
    refresh_tokens: { name: string; token: Text; asked: boolean }[];
  }>("browser-texts.json");
  for (const { target, location } of texts.self) assert.equal(self(target), location);
  for (const { name, header, device } of texts.user_agents) {
    assert.equal(userAgentText(long(header)), long(device), name);
  }
  for (const { name, tokens, same } of texts.same_session) assert.equal(isSameSession(...tokens), same, name);
  for (const { name, token, asked } of texts.refresh_tokens) {
    assert.equal(hasRefreshForm(long(token)), asked, name);
  }
});

test("another site's requests are told apart as the vectors say", () => {
  interface Row {
    host: string;
    method: string;
    sec_fetch_site: string[];
    origin: string[];
    upgrade: string[];
    trusted_origins: string[];
    allow_missing_origin: boolean;
    allowed: boolean;
  }
  const { defaults, cross_site: rows } = vectors<{ defaults: Row; cross_site: Partial<Row>[] }>(
    "browser-cross-site.json",
  );
  for (const given of rows) {
    const row = { ...defaults, ...given };
    const headers: Record<string, string[]> = {
      host: [row.host],
      origin: row.origin,
      upgrade: row.upgrade,
      "sec-fetch-site": row.sec_fetch_site,
    };
    const request = {
      method: row.method,
      target: "/",
      path: "/",
      header: (name: string) => headers[name] ?? [],
    };
    const rules = { trustedOrigins: row.trusted_origins, allowMissingOrigin: row.allow_missing_origin };
    assert.equal(isCrossSite(request, rules), !row.allowed, JSON.stringify(given));
  }
});
