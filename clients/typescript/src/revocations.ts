import { wireId } from "./memory/hashed-ids.js";
import { dateOf, spanMs } from "./messages/spans.js";
import { RevocationType } from "./sessiond/v1/session_pb.js";
import {
  type GetRevocationStatusResponse,
  type PartitionStatus as PartitionMessage,
  ResyncReason,
  type WatchRevocationsResponse,
} from "./sessiond/v1/session_service_pb.js";

/** What one server knows of revocations, and how it follows them. */
export interface RevocationStatus {
  /** Which one it is, for logs. */
  readonly server: string;
  readonly revision: string;
  readonly revocations: number;
  readonly watchers: number;
  readonly maxStalenessMs: number;
  readonly partitions: readonly PartitionStatus[];
}

/** How a server follows the log of one partition of the store. */
export interface PartitionStatus {
  readonly partition: number;
  /** Which log it is, in hexadecimal: it changes when the store was emptied. */
  readonly incarnation: string;
  readonly read: number;
  readonly behind: number;
  /** Undefined before the log was read to its end once. */
  readonly ageMs: number | undefined;
  readonly isRestoring: boolean;
  /** Undefined where the log always went on. */
  readonly resyncTime: Date | undefined;
  /** A name of ResyncReason without its prefix; undefined likewise. */
  readonly resyncReason: string | undefined;
}

/** What a server tells of revocations. */
export type WatchEvent =
  /** A stream has begun. Under another configuration than before nothing that was kept is good any more. */
  | {
      readonly type: "started";
      readonly revision: string;
      readonly maxStalenessMs: number;
      readonly configuration: string;
      readonly server: string;
    }
  /** Something was revoked. */
  | {
      readonly type: "revocation";
      /** A name of RevocationType without its prefix. */
      readonly kind: string;
      /** 16 bytes in hexadecimal; undefined where it is none that this client knows. */
      readonly hashedId: string | undefined;
      readonly expireTime: Date | undefined;
      readonly revision: string;
    }
  /**
   * Everything up to a revision has been told. That was all there was `ageMs` before the moment at which the
   * server has had the stream for `sinceStartMs`.
   */
  | {
      readonly type: "freshness";
      readonly revision: string;
      readonly ageMs: number;
      readonly sinceStartMs: number;
    }
  /** What was asked for is no longer held: whatever is kept is to be dropped. */
  | { readonly type: "reset"; readonly revision: string; readonly configuration: string };

export const toStatus = (message: GetRevocationStatusResponse): RevocationStatus => ({
  server: message.server,
  revision: message.revision,
  revocations: Number(message.revocations),
  watchers: message.watchers,
  maxStalenessMs: spanMs(message.maxStaleness),
  partitions: message.partitions.map(toPartition),
});

const toPartition = (message: PartitionMessage): PartitionStatus => ({
  partition: message.partition,
  incarnation: Buffer.from(message.incarnation).toString("hex"),
  read: Number(message.read),
  behind: Number(message.behind),
  ageMs: message.age && spanMs(message.age),
  isRestoring: message.restoring,
  resyncTime: dateOf(message.resyncTime),
  resyncReason:
    message.resyncReason === ResyncReason.UNSPECIFIED ? undefined : ResyncReason[message.resyncReason],
});

/** Undefined for what a newer server tells, and this client does not know. */
export function toEvent({ event }: WatchRevocationsResponse): WatchEvent | undefined {
  switch (event.case) {
    case "started": {
      const { revision, maxStaleness, configuration, server } = event.value;
      return { type: "started", revision, maxStalenessMs: spanMs(maxStaleness), configuration, server };
    }
    case "revocation": {
      const { type, hashedId, expireTime, revision } = event.value;
      const id = wireId(hashedId) && Buffer.from(hashedId).toString("hex");
      const kind = RevocationType[type] ?? "UNSPECIFIED";
      return { type: "revocation", kind, hashedId: id, expireTime: dateOf(expireTime), revision };
    }
    case "freshness": {
      const { revision, age, sinceStart } = event.value;
      return { type: "freshness", revision, ageMs: spanMs(age), sinceStartMs: spanMs(sinceStart) };
    }
    case "reset":
      return {
        type: "reset",
        revision: event.value.revision,
        configuration: event.value.configuration,
      };
    default:
      return undefined;
  }
}
