import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary } from "@bufbuild/protobuf";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";

import { SessiondClient, UnavailableError } from "../src/index.js";
import { SessionService, WatchRevocationsResponseSchema } from "../src/sessiond/v1/session_service_pb.js";

const SENT = 1_000;
/** Of each message: together they are more than any buffer on the way takes. */
const CHARACTERS = 10_000;

type Watching = ServerWritableStream<Buffer, Buffer>;

/** A server whose watchers are told as `watch` does it, and which answers anything else with nothing. */
async function serving(watch: (stream: Watching) => void) {
  const server = new Server();
  const same = (bytes: Buffer) => bytes;
  const definition = Object.fromEntries(
    SessionService.methods.map(({ name, methodKind }): [string, ServiceDefinition[string]] => [
      name,
      {
        path: `/${SessionService.typeName}/${name}`,
        requestStream: false,
        responseStream: methodKind === "server_streaming",
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    ]),
  );
  server.addService(definition, {
    WatchRevocations: watch,
    GetRevocationStatus: (_: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
      answer(null, Buffer.alloc(0)),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failed, bound) =>
      failed === null ? resolve(bound) : reject(failed),
    ),
  );
  const client = new SessiondClient(`127.0.0.1:${port}`, { cache: false, timeoutMs: 10_000 });
  const stop = () => {
    client.close();
    server.forceShutdown();
  };
  return { client, [Symbol.dispose]: stop };
}

const reset = (revision: string): Buffer =>
  Buffer.from(
    toBinary(
      WatchRevocationsResponseSchema,
      create(WatchRevocationsResponseSchema, { event: { case: "reset", value: { revision } } }),
    ),
  );

test("what is watched comes no faster than it is taken", async () => {
  let sent = 0;
  const send = (stream: Watching): void => {
    while (sent < SENT) {
      sent++;
      if (!stream.write(reset("x".repeat(CHARACTERS)))) return void stream.once("drain", () => send(stream));
    }
    stream.end();
  };
  using served = await serving(send);
  const { client } = served;
  const events = client.watchRevocations();
  await events.next();
  for (let before = 0; before !== sent;) {
    before = sent;
    for (let i = 0; i < 10; i++) await client.revocationStatus();
  }
  assert.ok(sent < SENT, `${sent} of ${SENT} were sent to who has taken one`);
  let taken = 1;
  for await (const _ of events) taken++;
  assert.equal(taken, SENT);
});

test("what cannot be read, and what fails, ends what is watched", async () => {
  using unreadable = await serving((stream) => void stream.write(Buffer.from([0xff])));
  await assert.rejects(unreadable.client.watchRevocations().next(), { code: "INTERNAL" });
  using failing = await serving((stream) => {
    stream.write(reset("r1"));
    stream.emit("error", { code: 14, details: "it goes away" });
  });
  const events = failing.client.watchRevocations();
  assert.deepEqual((await events.next()).value, { type: "reset", revision: "r1", configuration: "" });
  await assert.rejects(events.next(), UnavailableError);
});
