import { type Reading, skewOf } from "../memory/clock.js";
import type { Knowledge } from "../memory/knowledge.js";
import type { WatchState } from "../observer.js";
import type { Stream, StreamFailure } from "./stream.js";

/** Two steady clocks drift apart: none is followed by one anchor for longer than the longer of these. */
const SHORTEST_LIFE_MS = 60_000;
const LONGEST_LIFE_MS = 240_000;
/** How long a stream may say nothing, or be no better than the one that it is to replace. */
const PATIENCE_MS = 3_000;
const LATE_IN_A_ROW = 3;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 1_000;
const FIRST_LATE_PAUSE_MS = 1_000;
const LAST_LATE_PAUSE_MS = 30_000;
const REFUSED_PAUSE_MS = 30_000;

/**
 * Follows the revocations of a server: which stream is to be open, and when there has to be another. It opens
 * the next before it closes the last. Nothing here reads a clock or the network.
 */
export class Watch {
  /** How the stream is doing; undefined where none was open so far. */
  state: WatchState | undefined;
  /** How many streams had to be opened because one had ended. */
  reconnects = 0;

  #streams: readonly Stream[] = [];
  /** The revision was: the next stream begins without what was before. */
  #isRevisionRefused = false;
  #openAt = -Infinity;
  #pauseMs = 0;
  #latePauseMs = FIRST_LATE_PAUSE_MS;
  #replaceLateFrom = -Infinity;

  constructor(
    readonly knowledge: Knowledge,
    /** From 0 to 1. */
    readonly random: () => number,
  ) {}

  /** Those that are to be open: the call of any other is to be ended. */
  get streams(): readonly Stream[] {
    return this.#streams;
  }

  isWanted(stream: Stream): boolean {
    return this.#streams.includes(stream);
  }

  /** The stream that is to be opened now, if one is. */
  due(now: Reading): Stream | undefined {
    for (const stream of this.#streams) {
      if (now.steady >= this.#givenUpAt(stream)) this.lose(stream, now.steady);
    }
    const [current, next] = this.#streams;
    if (current === undefined) {
      return now.steady >= this.#openAt ? this.#open(now, this.#from()) : undefined;
    }
    const isToReplace = next === undefined && now.steady >= current.replaceAt;
    return isToReplace ? this.#open(now, current.revision) : undefined;
  }

  /** When `due` has to be asked next, unless something comes before. */
  wakeAt(): number {
    const [current, next] = this.#streams;
    if (current === undefined) return this.#openAt;
    return Math.min(this.#givenUpAt(current), next === undefined ? current.replaceAt : this.#givenUpAt(next));
  }

  /** A stream has ended by itself; there is no failure where it came to its end. */
  end(stream: Stream, failure: StreamFailure | undefined, now: number): void {
    if (!this.isWanted(stream)) return;
    if (failure?.code === "INVALID_ARGUMENT") this.#isRevisionRefused = true; // not one of this store's
    this.lose(stream, now);
    if (this.#streams.length > 0 || failure === undefined) return;
    if (isRefusal(failure)) {
      this.#openAt = now + this.#stretched(REFUSED_PAUSE_MS);
      this.state = "REFUSED";
    } else if (failure.reason !== "" && failure.saysWhen) {
      this.#openAt = Math.max(this.#openAt, now + (failure.retryAfterMs ?? 0));
    }
  }

  /** Gives a stream up; where it was the only one, the next is opened after a pause that grows. */
  lose(stream: Stream, now: number): void {
    const [current] = this.#streams;
    const isReplacement = stream !== current;
    this.#streams = this.#streams.filter((one) => one !== stream);
    if (isReplacement && current !== undefined) {
      this.#replaceLateFrom = now + this.#nextLatePauseMs();
      current.replaceAt = this.#replaceLateFrom;
    } else if (this.#streams.length === 0) {
      this.reconnects++;
      this.#rest(now);
      if (this.state !== "REFUSED") this.state = "LOST";
    }
  }

  /** A stream has begun. */
  started(): void {
    this.#isRevisionRefused = false;
  }

  /** What is kept may be repeated. */
  isFresh(): void {
    this.#pauseMs = 0;
    this.state = "FRESH";
  }

  /** A stream that has brought news is the only one from now on. */
  prefer(stream: Stream): void {
    if (stream !== this.#streams[0]) this.#streams = [stream];
  }

  /** Has a stream replaced that is late for long: a delay while it was opened stays for its life. */
  judge(stream: Stream, isLate: boolean, now: number): void {
    if (!isLate) {
      stream.late = 0;
      this.#latePauseMs = FIRST_LATE_PAUSE_MS;
      return;
    }
    stream.late++;
    if (stream.late >= LATE_IN_A_ROW && now >= this.#replaceLateFrom) {
      stream.late = 0;
      stream.replaceAt = now;
      this.#replaceLateFrom = now + this.#nextLatePauseMs();
    }
  }

  /** Forgets what was reckoned by clocks that were suspended or set. */
  void(now: number): void {
    this.knowledge.doubt();
    this.state = "LOST";
    this.#streams = [];
    this.#openAt = now;
  }

  /** Where the next stream goes on. */
  #from(): string {
    return this.#isRevisionRefused ? "" : this.knowledge.revision;
  }

  #open(now: Reading, revision: string): Stream {
    const life = SHORTEST_LIFE_MS + (LONGEST_LIFE_MS - SHORTEST_LIFE_MS) * this.random();
    const stream: Stream = {
      revision,
      opened: now.steady,
      skew: skewOf(now),
      replaceAt: now.steady + life,
      isResumed: revision !== "",
      hasStarted: false,
      maxStalenessMs: 0,
      heardAt: -Infinity,
      late: 0,
    };
    this.#streams = [...this.#streams, stream];
    return stream;
  }

  /**
   * Later for a stream that tells something, but for one that is to replace another: that has to prove better
   * in time.
   */
  #givenUpAt(stream: Stream): number {
    const since = stream === this.#streams[0] ? Math.max(stream.opened, stream.heardAt) : stream.opened;
    return since + PATIENCE_MS;
  }

  #rest(now: number): void {
    if (this.#pauseMs === 0) {
      // A server that goes away sends all its watchers away at once.
      this.#openAt = now + FIRST_PAUSE_MS * this.random();
      this.#pauseMs = FIRST_PAUSE_MS;
    } else {
      this.#openAt = now + this.#pauseMs;
      this.#pauseMs = Math.min(LAST_PAUSE_MS, 2 * this.#pauseMs);
    }
  }

  #nextLatePauseMs(): number {
    const pause = this.#latePauseMs;
    this.#latePauseMs = Math.min(LAST_LATE_PAUSE_MS, 2 * pause);
    return this.#stretched(pause);
  }

  /** Up to a tenth longer, so that not all come at once. */
  #stretched(span: number): number {
    return span * (1 + this.random() / 10);
  }
}

const isRefusal = ({ code, reason }: StreamFailure): boolean =>
  code === "UNIMPLEMENTED" || code === "PERMISSION_DENIED" || reason === "WATCHERS_EXHAUSTED";
