/** Measures the client; bench/clients/programs.py says what it is asked, and what it answers. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { SessiondClient } from "../src/index.js";
import { fill } from "./filling.js";
import { type Given, Hits } from "./hits.js";
import { together } from "./together.js";

const [address, file] = process.argv.slice(2) as [string, string];
const given = JSON.parse(readFileSync(file, "utf8")) as Given;
await using client = new SessiondClient(address, { timeoutMs: 10_000 });
const hits = await Hits.of(client, given);

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(line.split(" "))));
}

function answer([command, , callers, coalescing]: string[]): Promise<unknown> {
  switch (command) {
    case "fill":
      return fill(client, given.tokens);
    case "hits":
      return hits.measure();
    default:
      return together(address, given.tokens, Number(callers), coalescing === "on");
  }
}
