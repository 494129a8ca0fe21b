import { create, type MessageInitShape } from "@bufbuild/protobuf";

import type { HashedId } from "../memory/hashed-ids.js";
import { toTimestamp } from "../messages/spans.js";
import { type Revocation, RevocationSchema, type RevocationType } from "../sessiond/v1/session_pb.js";
import type { WatchRevocationsResponseSchema } from "../sessiond/v1/session_service_pb.js";

export type Event = MessageInitShape<typeof WatchRevocationsResponseSchema>;

/** The configuration of a fake. */
export const CONFIGURATION = "sessiond-fake";
const REVISION = /^sessiond-fake-(\d+)$/;
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;

/** Everything that watchers are told. A revision is how many events there were. */
export class EventLog {
  readonly #events: Event[] = [];
  readonly #listeners = new Set<() => void>();

  get length(): number {
    return this.#events.length;
  }

  get revision(): string {
    return toRevision(this.length);
  }

  after(count: number): readonly Event[] {
    return this.#events.slice(count);
  }

  /** Tells of what was revoked; what it gives goes into the answer to who revoked it. */
  revoke(type: RevocationType, id: HashedId, now: number): Revocation {
    const told = {
      type,
      hashedId: Buffer.from(id, "latin1"),
      expireTime: toTimestamp(new Date(now + REMEMBERED_MS)),
    };
    this.#append({
      event: { case: "revocation", value: { ...told, revision: toRevision(this.length + 1) } },
    });
    return create(RevocationSchema, told);
  }

  /** Has watchers forget everything that they keep. */
  reset(): void {
    const value = { revision: toRevision(this.length + 1), configuration: CONFIGURATION };
    this.#append({ event: { case: "reset", value } });
  }

  /** Calls a listener where there is more, until what it gives is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #append(event: Event): void {
    this.#events.push(event);
    for (const listener of this.#listeners) listener();
  }
}

export const toRevision = (events: number): string => `sessiond-fake-${events}`;

/** How many events there were at a revision; undefined for what is none. */
export function fromRevision(revision: string): number | undefined {
  const found = REVISION.exec(revision);
  return found === null ? undefined : Number(found[1]);
}
