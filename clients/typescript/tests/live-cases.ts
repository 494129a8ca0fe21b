import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { carryOut } from "../conformance/carrying.js";
import { clientOptions, type Command } from "../conformance/commands.js";
import type { SessiondClient } from "../src/index.js";
import type { FakeSessiond } from "../src/testing.js";

type Plain = Record<string, unknown>;

/** A case of the suite that runs over a real server. */
export interface LiveCase {
  readonly name: string;
  readonly steps: readonly Plain[];
}

export function liveCases(): readonly LiveCase[] {
  const file = new URL("../../../../tests/conformance/live.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { cases: LiveCase[] }).cases;
}

/** Carries a case out over a fake, in the place of a real server. */
export class Stage {
  #client: SessiondClient | undefined;
  /** What steps may speak of. */
  readonly #named: Plain = {};

  constructor(readonly fake: FakeSessiond) {}

  async carryOut(where: string, given: Plain): Promise<void> {
    const { expect, ...step } = this.#resolved(given) as Plain;
    const command = step as unknown as Command;
    const name = String(step["as"]);
    if (step["server"] === "sign") {
      this.#named[name] = { token: this.#sign(step) };
    } else if (command.do === "new") {
      this.#client = this.fake.client(clientOptions(command));
    } else {
      assert.ok(command.do && this.#client, `${where}: found what this runner does not carry out`);
      const result = await carryOut(this.#client, command, new AbortController().signal);
      const plain = JSON.parse(JSON.stringify(result)) as Plain;
      this.#named[name] = plain;
      check(where, expect ?? { error: { $absent: true } }, plain);
    }
  }

  #sign({ header, claims, forged }: Plain): string {
    const now = Math.floor(this.fake.now().getTime() / 1_000);
    const said = Object.entries((claims ?? {}) as Plain).map(([name, value]) => {
      const at = (value as { now?: number } | null)?.now;
      return [name, at === undefined ? value : now + at];
    });
    const own = { jti: "token-1", ...(Object.fromEntries(said) as Plain) };
    const signed = this.fake.sign({ header: (header ?? {}) as Plain, claims: own });
    return forged === true ? signed.slice(0, -20) + "A".repeat(20) : signed;
  }

  /** What has a name in the place of the name, and long texts as they are. */
  #resolved(value: unknown): unknown {
    if (typeof value === "string" && value.startsWith("$")) return this.#find(value.slice(1).split("."));
    if (Array.isArray(value)) return value.map((one) => this.#resolved(one));
    if (typeof value !== "object" || value === null) return value;
    const { $text } = value as { $text?: [string, number][] };
    if ($text !== undefined) return $text.map(([part, times]) => part.repeat(times)).join("");
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#resolved(one)]));
  }

  #find(path: string[]): unknown {
    const found = path.reduce<unknown>((from, name) => (from as Plain | undefined)?.[name], this.#named);
    assert.ok(found !== undefined, `nothing has the name ${path.join(".")}`);
    return found;
  }
}

/** Fails where a value is not as expected, by the rules of the suite. */
function check(where: string, expected: unknown, found: unknown): void {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(found), where);
    assert.equal(found.length, expected.length, where);
    expected.forEach((one, i) => check(`${where}[${i}]`, one, found[i]));
  } else if (typeof expected === "object" && expected !== null) {
    for (const [name, rule] of Object.entries(expected)) checkMember(where, name, rule, found);
  } else {
    assert.deepEqual(found, expected, where);
  }
}

function checkMember(where: string, name: string, rule: unknown, found: unknown): void {
  switch (name) {
    case "$absent":
      return assert.equal((found ?? null) === null, rule, where);
    case "$contains":
      return assert.ok(String(found).includes(String(rule)), `${where}: found ${String(found)}`);
    case "$at_least":
      return assert.ok((found as number) >= (rule as number), `${where}: found ${String(found)}`);
    default:
      return check(`${where}.${name}`, rule, (found as Plain | undefined)?.[name]);
  }
}
