import { create, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";

import { toEvent, type WatchEvent } from "../revocations.js";
import {
  SessionService,
  WatchRevocationsRequestSchema,
  type WatchRevocationsResponse,
} from "../sessiond/v1/session_service_pb.js";
import { type Listener, messages, open, type Sending } from "./attempts.js";

const { watchRevocations } = SessionService.method;

/** Opens a stream of revocations, from a revision on. What it gives ends it. */
export const openWatch = (
  client: Client,
  fromRevision: string,
  authorization: string,
  listener: Listener<WatchRevocationsResponse>,
): (() => void) => open(client, watchRevocations, toSending(fromRevision, authorization), listener);

/** What comes on a stream of revocations, one after another, until a signal aborts. */
export async function* watchEvents(
  client: Client,
  fromRevision: string,
  authorization: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, void, undefined> {
  const sending = toSending(fromRevision, authorization);
  for await (const message of messages(client, watchRevocations, sending, signal)) {
    const event = toEvent(message);
    if (event !== undefined) yield event;
  }
}

function toSending(fromRevision: string, authorization: string): Sending {
  const request = create(WatchRevocationsRequestSchema, { fromRevision });
  return { bytes: Buffer.from(toBinary(WatchRevocationsRequestSchema, request)), authorization };
}
