import { type Reading, skewOf } from "../memory/clock.js";
import { wireId } from "../memory/hashed-ids.js";
import { signedMs, spanMs } from "../messages/spans.js";
import { type Freshness, type Revocation, RevocationType } from "../sessiond/v1/session_pb.js";
import type { Reset, Started, WatchRevocationsResponse } from "../sessiond/v1/session_service_pb.js";
import type { Stream } from "./stream.js";
import type { Watch } from "./watch.js";

/** How far clocks may be apart that have not jumped, or stood still. */
const MOST_DISAGREEMENT_MS = 1_000;

/** Applies what came on a stream, and says whether `due` has to be asked again. */
export function receive(
  watch: Watch,
  stream: Stream,
  message: WatchRevocationsResponse,
  now: Reading,
): boolean {
  if (!watch.isWanted(stream)) return true;
  const { streams } = watch;
  const { replaceAt } = stream;
  stream.heardAt = now.steady;
  const { event } = message;
  if (event.case === "started") {
    start(watch, stream, event.value, now.steady);
  } else if (!stream.hasStarted) {
    watch.lose(stream, now.steady);
  } else {
    follow(watch, stream, event, now);
  }
  return streams !== watch.streams || replaceAt !== stream.replaceAt;
}

function follow(watch: Watch, stream: Stream, event: WatchRevocationsResponse["event"], now: Reading): void {
  switch (event.case) {
    case "freshness":
      return beat(watch, stream, event.value, now);
    case "revocation":
      return revoke(watch, stream, event.value, now.steady);
    case "reset":
      return reset(watch, stream, event.value, now.steady);
    default: // what a newer server says may have meant anything
      return watch.knowledge.cover(now.steady);
  }
}

function start(watch: Watch, stream: Stream, started: Started, now: number): void {
  const { knowledge } = watch;
  stream.hasStarted = true;
  watch.started();
  stream.maxStalenessMs = spanMs(started.maxStaleness);
  knowledge.maxStalenessMs = stream.maxStalenessMs;
  knowledge.follow(started.configuration);
  if (!stream.isResumed || !knowledge.isWatched) knowledge.cover(now);
  advance(watch, stream, started.revision);
}

function reset(watch: Watch, stream: Stream, told: Reset, now: number): void {
  watch.knowledge.cover(now);
  stream.revision = told.revision;
  watch.knowledge.advance(told.revision);
  watch.knowledge.follow(told.configuration);
}

function revoke(watch: Watch, stream: Stream, revocation: Revocation, now: number): void {
  const { knowledge } = watch;
  const id = wireId(revocation.hashedId);
  const isKnown =
    revocation.type !== RevocationType.UNSPECIFIED && RevocationType[revocation.type] !== undefined;
  if (!isKnown || id === undefined) {
    knowledge.cover(now);
  } else if (revocation.type === RevocationType.KEY) {
    knowledge.withdraw(id, now);
  } else {
    knowledge.hear(id, now);
  }
  advance(watch, stream, revocation.revision);
}

function beat(watch: Watch, stream: Stream, freshness: Freshness, now: Reading): void {
  // It is never reckoned from when a heartbeat came: that was sent no earlier than the stream was opened and
  // had lasted for so long, and time on the way only makes it less sure.
  const known = stream.opened + signedMs(freshness.sinceStart) - signedMs(freshness.age);
  if (known > now.steady || Math.abs(skewOf(now) - stream.skew) > MOST_DISAGREEMENT_MS) {
    return watch.void(now.steady);
  }
  advance(watch, stream, freshness.revision);
  const isNews = known > watch.knowledge.freshness.known;
  const until = known + stream.maxStalenessMs;
  watch.knowledge.refresh({ known, until, skew: skewOf(now) });
  if (now.steady < until) watch.isFresh();
  watch.judge(stream, now.steady - known > stream.maxStalenessMs / 2, now.steady);
  if (isNews) watch.prefer(stream);
}

/** Moves the revision from which the next stream goes on. */
function advance(watch: Watch, stream: Stream, revision: string): void {
  if (revision !== "") stream.revision = revision;
  watch.knowledge.advance(revision);
}
