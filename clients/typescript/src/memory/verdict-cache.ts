import { afterSkew, type Reading, skewOf } from "./clock.js";
import type { HashedId } from "./hashed-ids.js";
import { type Answer, freshFor, type Knowledge, RETENTION_MS, sinceOf } from "./knowledge.js";

/** How much a cache may keep. */
export interface Bounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** An acceptance that may be repeated, and for how long by any caller, in milliseconds. */
export interface Hit<Value> {
  readonly value: Value;
  readonly cacheForMs: number;
}

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  readonly ids: readonly HashedId[];
  readonly since: number;
  readonly epoch: number;
  /** However little is known since. */
  readonly aloneUntil: number;
  /** As long as the watch is fresh. */
  readonly watchedUntil: number;
  readonly skew: number;
  readonly bytes: number;
  /** The sequence up to which nothing hits it. */
  checked: number;
  isUsed: boolean;
}

/** What an entry takes beside its value. */
const ENTRY_BYTES = 1_500;
/** How many entries are looked at for each new one, so that what has expired goes by itself. */
const SWEPT = 2;

/**
 * Keeps acceptances, and says when they may be repeated. Nothing here reads a clock or the network.
 *
 * An entry that was used since the hand of the clock last passed it is passed once more, and otherwise goes
 * when there is more than may be kept.
 */
export class VerdictCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #evicting = new Hand(this.#entries);
  readonly #sweeping = new Hand(this.#entries);
  #bytes = 0;
  #epoch = 0;
  #evicted = 0;

  constructor(
    readonly bounds: Bounds,
    readonly knowledge: Knowledge,
  ) {}

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many had to go because there was more. */
  get evicted(): number {
    return this.#evicted;
  }

  /** What is kept under a key, if it may be repeated now. */
  find(key: string, now: Reading): Hit<Value> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || !this.#isStanding(entry)) return undefined;
    const at = afterSkew(now, entry.skew);
    const watchedMs = Math.min(entry.watchedUntil - at, freshFor(this.knowledge.freshness, now));
    const cacheForMs = Math.max(watchedMs, entry.aloneUntil - at);
    if (cacheForMs <= 0) return undefined;
    entry.isUsed = true;
    return { value: entry.value, cacheForMs };
  }

  /**
   * Keeps an accepted value of about so many bytes, unless something forbids it that is known, or that may
   * have been missed.
   */
  insert(key: string, value: Value, answer: Answer, valueBytes: number, now: number): void {
    this.#dropForgotten();
    const standing = this.knowledge.mayKeep(answer, now);
    if (standing === undefined) return;
    const asked = answer.asked.at.steady;
    const since = sinceOf(answer);
    const most = since + RETENTION_MS;
    const watchedUntil = standing.isCovered ? Math.min(asked + answer.watchedCacheForMs, most) : -Infinity;
    const aloneUntil = Math.min(asked + answer.cacheForMs, most);
    if (Math.max(aloneUntil, watchedUntil) <= now) return;
    this.#put(
      {
        key,
        value,
        ids: answer.ids,
        since,
        epoch: answer.asked.epoch,
        aloneUntil,
        watchedUntil,
        skew: skewOf(answer.asked.at),
        bytes: ENTRY_BYTES + valueBytes,
        checked: standing.sequence,
        isUsed: false,
      },
      now,
    );
  }

  /** Looks at what was heard since an entry was last looked at. */
  #isStanding(entry: Entry<Value>): boolean {
    const { knowledge } = this;
    if (entry.checked === knowledge.sequence) return true;
    if (!knowledge.isStanding(entry.ids, entry.since, entry.epoch)) return false;
    entry.checked = knowledge.sequence;
    return true;
  }

  #put(entry: Entry<Value>, now: number): void {
    const before = this.#entries.get(entry.key);
    if (before !== undefined) this.#remove(before);
    for (let i = 0; i < SWEPT; i++) {
      const seen = this.#sweeping.next();
      if (seen !== undefined && Math.max(seen.aloneUntil, seen.watchedUntil) <= now) this.#remove(seen);
    }
    const { maxEntries, maxBytes } = this.bounds;
    while (this.size > 0 && (this.size >= maxEntries || this.#bytes + entry.bytes > maxBytes)) this.#evict();
    if (entry.bytes > maxBytes) return;
    this.#entries.set(entry.key, entry);
    this.#bytes += entry.bytes;
  }

  #evict(): void {
    const entry = this.#evicting.next();
    if (entry === undefined) return;
    if (entry.isUsed) {
      entry.isUsed = false;
    } else {
      this.#remove(entry);
      this.#evicted++;
    }
  }

  #remove(entry: Entry<Value>): void {
    this.#entries.delete(entry.key);
    this.#bytes -= entry.bytes;
  }

  /** Frees the memory of what was kept in an earlier epoch, which is not repeated any more. */
  #dropForgotten(): void {
    if (this.#epoch === this.knowledge.epoch) return;
    this.#epoch = this.knowledge.epoch;
    this.#entries.clear();
    this.#bytes = 0;
  }
}

/** Goes round the entries of a map, whatever is added and removed meanwhile. */
class Hand<Value> {
  #values: Iterator<Value>;

  constructor(readonly entries: ReadonlyMap<string, Value>) {
    this.#values = entries.values();
  }

  /** The next entry; undefined where there is none. */
  next(): Value | undefined {
    const next = this.#values.next();
    if (next.done !== true) return next.value;
    this.#values = this.entries.values();
    return this.#values.next().value as Value | undefined;
  }
}
