import { create, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";

import type { SessiondError } from "../errors.js";
import { toEvent, type WatchEvent } from "../revocations.js";
import {
  SessionService,
  WatchRevocationsRequestSchema,
  type WatchRevocationsResponse,
} from "../sessiond/v1/session_service_pb.js";
import { type Listener, open } from "./attempts.js";

/** Opens a stream of revocations, from a revision on. What it gives ends it. */
export function openWatch(
  client: Client,
  fromRevision: string,
  authorization: string,
  listener: Listener<WatchRevocationsResponse>,
): () => void {
  const request = create(WatchRevocationsRequestSchema, { fromRevision });
  const bytes = Buffer.from(toBinary(WatchRevocationsRequestSchema, request));
  return open(client, SessionService.method.watchRevocations, { bytes, authorization }, listener);
}

/** What comes on a stream of revocations, one after another. Who stops listening ends it. */
export async function* watchEvents(
  opening: (listener: Listener<WatchRevocationsResponse>) => () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent, void, undefined> {
  const events: WatchEvent[] = [];
  let ending: { readonly failed: SessiondError | undefined } | undefined;
  let wake = () => {};
  const end = opening({
    receive(message) {
      const event = toEvent(message);
      if (event !== undefined) events.push(event);
      wake();
    },
    end(failed) {
      ending = { failed };
      wake();
    },
  });
  const abort = () => wake();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const event = events.shift();
      if (event !== undefined) {
        yield event;
      } else if (ending !== undefined) {
        if (ending.failed !== undefined) throw ending.failed;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    end();
  }
}
