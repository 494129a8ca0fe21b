import type { Clock } from "../memory/clock.js";
import type { Knowledge } from "../memory/knowledge.js";
import type { WatchState } from "../observer.js";
import type { WatchRevocationsResponse } from "../sessiond/v1/session_service_pb.js";
import { receive } from "./receiving.js";
import type { Stream, StreamFailure } from "./stream.js";
import { Watch } from "./watch.js";

/** Who is told what comes on a stream. */
export interface StreamListener {
  receive(message: WatchRevocationsResponse): void;
  /** It is told once, of the end; undefined where nothing is to be learnt from it. */
  end(failure: StreamFailure | undefined): void;
}

/** A server whose revocations are followed. */
export interface Source {
  /** Opens a stream from a revision. What it gives ends it. */
  open(fromRevision: string, listener: StreamListener): () => void;
  /** Is told of each other state. */
  enter(state: WatchState): void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Opens and ends streams as its watch says, from `start` until `close`. */
export class Following {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #watch: Watch;
  readonly #open = new Map<Stream, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #told: WatchState | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(source: Source, knowledge: Knowledge, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#watch = new Watch(knowledge, Math.random);
  }

  /** How many streams had to be opened because one had ended. */
  get reconnects(): number {
    return this.#watch.reconnects;
  }

  /** Follows from now on, if it is not done already. */
  start(): void {
    if (this.#isStarted || this.#isClosed) return;
    this.#isStarted = true;
    this.#step();
  }

  /** Ends every stream. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const end of this.#open.values()) end();
    this.#open.clear();
  }

  /** Opens and ends streams, until the next step is due. */
  #step(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const stream = this.#watch.due(this.#clock.exact());
    if (stream !== undefined) this.#begin(stream);
    this.#endOthers();
    this.#tell();
    const inMs = this.#watch.wakeAt() - this.#clock.exact().steady;
    this.#timer = setTimeout(() => this.#step(), Math.min(Math.max(0, Math.ceil(inMs)), LONGEST_TIMER_MS));
    this.#timer.unref(); // a process with nothing else to do may end
  }

  #begin(stream: Stream): void {
    let isOver = false;
    const end = this.#source.open(stream.revision, {
      receive: (message) => this.#receive(stream, message),
      end: (failure) => {
        isOver = true;
        this.#end(stream, failure);
      },
    });
    if (!isOver) this.#open.set(stream, end);
  }

  #receive(stream: Stream, message: WatchRevocationsResponse): void {
    if (this.#isClosed) return;
    if (receive(this.#watch, stream, message, this.#clock.exact())) this.#step();
    else this.#tell();
  }

  #end(stream: Stream, failure: StreamFailure | undefined): void {
    if (this.#isClosed) return;
    this.#open.delete(stream);
    this.#watch.end(stream, failure, this.#clock.exact().steady);
    this.#step();
  }

  #endOthers(): void {
    for (const [stream, end] of this.#open) {
      if (this.#watch.isWanted(stream)) continue;
      this.#open.delete(stream);
      end();
    }
  }

  #tell(): void {
    const { state } = this.#watch;
    if (state === undefined || state === this.#told) return;
    this.#told = state;
    this.#source.enter(state);
  }
}
