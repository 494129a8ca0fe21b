import { create, toBinary } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";

import { toDuration } from "../messages/spans.js";
import {
  type WatchRevocationsRequest,
  WatchRevocationsResponseSchema,
} from "../sessiond/v1/session_service_pb.js";
import { CONFIGURATION, type Event, fromRevision, toRevision } from "./event-log.js";
import { fieldInvalid, NOBODY_THERE, type Refusal } from "./refusals.js";
import type { FakeState } from "./state.js";

export const MAX_STALENESS_MS = 1_000;
const HEARTBEAT_EVERY_MS = 100;

/** What a watcher is told by. */
export type WatchStream = ServerWritableStream<WatchRevocationsRequest, Event>;

/**
 * Tells what is revoked from a revision on, and how fresh that is, until the stream ends.
 *
 * @throws RefusedError where the revision is none.
 */
export function watch(state: FakeState, stream: WatchStream): void {
  const began = performance.now();
  const { log } = state;
  let told = beginning(state, stream.request);
  stream.write(started(told));
  const tell = () => {
    // The log is read after the moment for which a heartbeat vouches.
    const sinceStart = performance.now() - began;
    const news = log.after(told);
    told += news.length;
    for (const event of [...news, freshness(told, sinceStart)]) stream.write(event);
    if (state.isAway) stop(NOBODY_THERE);
  };
  const stop = (refusal?: Refusal) => {
    unlisten();
    clearInterval(timer);
    if (refusal !== undefined) stream.emit("error", refusal);
  };
  const timer = setInterval(tell, HEARTBEAT_EVERY_MS);
  const unlisten = log.listen(tell);
  stream.on("cancelled", () => stop());
  tell();
}

/** How many events a stream leaves out. */
function beginning({ log }: FakeState, { fromRevision: revision }: WatchRevocationsRequest): number {
  if (revision === "") return log.length;
  const events = fromRevision(revision);
  if (events === undefined || events > log.length) {
    throw fieldInvalid("from_revision", "what is no revision", "a revision that sessiond returned");
  }
  return events;
}

const started = (events: number): Event => ({
  event: {
    case: "started",
    value: {
      revision: toRevision(events),
      maxStaleness: toDuration(MAX_STALENESS_MS),
      configuration: CONFIGURATION,
      server: CONFIGURATION,
    },
  },
});

const freshness = (events: number, sinceStartMs: number): Event => ({
  event: {
    case: "freshness",
    value: { revision: toRevision(events), age: toDuration(0), sinceStart: toDuration(sinceStartMs) },
  },
});

export const encodeEvent = (event: Event): Buffer =>
  Buffer.from(toBinary(WatchRevocationsResponseSchema, create(WatchRevocationsResponseSchema, event)));
