/**
 * Carries out the commands of the suite that every client must pass; tests/conformance/README.md has its
 * protocol.
 */
import { createInterface } from "node:readline";

import { SessiondClient } from "../src/index.js";
import { systemClock } from "../src/memory/clock.js";
import type { Backend, Serving } from "./backends/rules.js";
import { kinds, serve } from "./backends/serve.js";
import { carryOut } from "./carrying.js";
import { clientOptions, type Command } from "./commands.js";
import { failure } from "./failures.js";
import type { Plain } from "./plain.js";

const GROUPS = [
  "verdicts",
  "errors",
  "deadlines",
  "retries",
  "batches",
  "connection",
  "live",
  "cache",
  "watch",
  "flights",
  "http",
  "grpc",
  "browser",
];
const FEATURES = ["cancel", "clock", "key_file", "mtls", "ready", "tls_reload"];

const clients = new Map<string, SessiondClient>();
/** What ends each command that is under way. */
const cancels = new Map<number, AbortController>();

/** What is served over a client ends with it. */
const backends = new Map<SessiondClient, Backend[]>();

function say(line: Plain): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** What others rely on that come later. */
function atOnce(command: Command): Plain {
  try {
    if (command.do === "new") {
      clients.set(command.client, new SessiondClient(command.target as string, clientOptions(command)));
    } else if (command.do === "cancel") {
      cancels.get(command.of)?.abort();
    } else {
      const span = command.seconds * 1_000;
      systemClock.move(command.clock === "wall" ? 0 : span, command.clock === "steady" ? 0 : span);
    }
    return { done: true };
  } catch (error) {
    return failure(error, true);
  }
}

async function begin(command: Command): Promise<void> {
  const { id } = command;
  if (["new", "cancel", "advance"].includes(command.do)) return say({ id, ...atOnce(command) });
  const client = clients.get(command.client);
  if (client === undefined) throw new TypeError(`client: found ${command.client}, which was not made`);
  const cancel = new AbortController();
  cancels.set(id, cancel);
  const result = command.do.startsWith("serve_")
    ? await serveOver(client, command)
    : await carryOut(client, command, cancel.signal);
  cancels.delete(id);
  if (command.do === "close") stopBackends(client);
  say({ id, ...result });
}

async function serveOver(client: SessiondClient, command: Command): Promise<Plain> {
  const backend = await serve(command.do, client, command as unknown as Serving);
  backends.set(client, [...(backends.get(client) ?? []), backend]);
  return { serving: { target: backend.target } };
}

function stopBackends(client: SessiondClient): void {
  for (const backend of backends.get(client) ?? []) backend.stop();
  backends.delete(client);
}

say({
  testee: `typescript (${kinds.join(", ")}) on Node ${process.versions.node}`,
  groups: GROUPS,
  features: FEATURES,
});
for await (const line of createInterface({ input: process.stdin })) void begin(JSON.parse(line) as Command);
for (const client of clients.values()) {
  client.close();
  stopBackends(client);
}
