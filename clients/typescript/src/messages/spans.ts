import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** A span in milliseconds; 0 for one that is not set, and for what is below. */
export const spanMs = (span: Duration | undefined): number => Math.max(0, signedMs(span));

/** A span in milliseconds, whatever its sign. */
export const signedMs = (span: Duration | undefined): number =>
  span === undefined ? 0 : Number(span.seconds) * 1_000 + span.nanos / 1e6;

/** A time; undefined for one that is not set: that is unknown, and not 1970. */
export const dateOf = (time: Timestamp | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6));

/** A span for a message. */
export function toDuration(milliseconds: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round((milliseconds - seconds * 1_000) * 1e6) };
}

/** A time for a message. */
export const toTimestamp = (time: Date): { seconds: bigint; nanos: number } => toDuration(time.getTime());
