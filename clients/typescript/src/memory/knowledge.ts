import type { HashedId } from "./hashed-ids.js";
import { afterSkew, type Reading } from "./clock.js";

/** How long an event is remembered, and so how long an acceptance may be kept at most, in milliseconds. */
export const RETENTION_MS = 300_000;
/** How many events are told apart within that time; with more, everything that is kept goes. */
export const MOST_EVENTS = 65_536;
/** How often what is too old is looked for. */
const PRUNE_EVERY_MS = 1_000;

/**
 * Says that everything revoked before `known` has been heard of, so that what is kept may be repeated before
 * `until`. `skew` is that of the clocks then. Moments are milliseconds of the steady clock.
 */
export interface Freshness {
  readonly known: number;
  readonly until: number;
  readonly skew: number;
}

/** The freshness of who knows nothing. */
const STALE: Freshness = { known: -Infinity, until: -Infinity, skew: 0 };

/** For how long one may still answer from memory, by the clock that has gone further. */
export const freshFor = (freshness: Freshness, now: Reading): number =>
  freshness.until - afterSkew(now, freshness.skew);

/** When a call was sent, and in which epoch. It is taken before the call is made. */
export interface Asked {
  readonly at: Reading;
  readonly epoch: number;
}

/** How long it is from one call to a later one, by the clock that has gone further. */
export const elapsed = (asked: Asked, later: Asked): number =>
  Math.max(later.at.steady - asked.at.steady, later.at.wall - asked.at.wall);

/** What an acceptance says of itself. `ids` are all that can revoke it, the key's and the token's own too. */
export interface Answer {
  readonly asked: Asked;
  readonly revisionAgeMs: number;
  readonly cacheForMs: number;
  readonly watchedCacheForMs: number;
  readonly configuration: string;
  readonly ids: readonly HashedId[];
  readonly key: HashedId;
}

/** The moment of which everything revoked before was known where this was decided. */
export const sinceOf = (answer: Answer): number => answer.asked.at.steady - answer.revisionAgeMs;

/** What is known of an acceptance that may be kept. */
export interface Standing {
  /** Every later revocation is heard of, as long as there is a watch. */
  readonly isCovered: boolean;
  /** Up to which nothing hits it. */
  readonly sequence: number;
}

/**
 * Revocations as they were learnt: from the watch, from commands of one's own, from rejections. Nothing here
 * reads a clock or the network.
 */
export class Knowledge {
  /** How fresh it is. */
  freshness: Freshness = STALE;
  /** How often everything had to be forgotten: what was asked before is not kept. */
  epoch = 0;
  /** Counts that, and one's own revocations: a call under way from before is not joined. */
  generation = 0;
  /** Counts everything that can hit what is kept. */
  sequence = 0;
  /**
   * How far the servers' log has been heard: a watch that begins there misses nothing. Empty for not at all.
   */
  revision = "";
  /** How long after the last moment that is known one may answer from memory; 0 without a watch. */
  maxStalenessMs = 0;

  #configuration = "";
  #coveredSince = Infinity;
  #rememberedSince = -Infinity;
  #prunedAt = -Infinity;
  /** When what was heard of last, the oldest first. */
  readonly #heard = new Map<HashedId, number>();
  readonly #withdrawn = new Map<HashedId, number>();

  /** Whether a server has told of revocations at all. */
  get isWatched(): boolean {
    return this.#coveredSince !== Infinity;
  }

  /** How many events are remembered. */
  get remembered(): number {
    return this.#heard.size;
  }

  /** Something was revoked: whatever was asked about it before is not repeated. */
  hear(id: HashedId, now: number): void {
    this.#prune(now);
    if (this.#heard.size >= MOST_EVENTS && !this.#heard.has(id)) {
      this.#heard.clear();
      this.#withdrawn.clear();
      this.#rememberedSince = now;
      this.forget();
    }
    remember(this.#heard, id, now);
    this.sequence++;
  }

  /** Does nothing about what is remembered: who presents the same again and again fills no memory. */
  hearOnce(id: HashedId, now: number): void {
    if (!this.#heard.has(id)) this.hear(id, now);
  }

  /**
   * A signing key has gone: nothing that it signed is kept, as long as this is remembered. Another server may
   * not have noticed yet, and still accept.
   */
  withdraw(key: HashedId, now: number): void {
    this.hear(key, now);
    remember(this.#withdrawn, key, now);
  }

  /** A revocation of one's own: the next call must see it. */
  end(ids: Iterable<HashedId>, now: number): void {
    for (const id of ids) this.hear(id, now);
    this.generation++;
  }

  /** Drops everything that is kept, and what is under way. */
  forget(): void {
    this.epoch++;
    this.generation++;
    this.sequence++;
  }

  /** Begins a stream without what was before: only what is asked from now on is covered. */
  cover(now: number): void {
    if (this.isWatched) this.forget();
    this.#coveredSince = now;
  }

  /** The configuration by which a server decides; under another one than before nothing is repeated. */
  follow(configuration: string): void {
    if (configuration === this.#configuration) return;
    this.#configuration = configuration;
    this.forget();
  }

  /** How far the servers' log has been heard. Empty is a place that is none. */
  advance(revision: string): void {
    if (revision !== "") this.revision = revision;
  }

  /** A heartbeat, which vouches for more than before or changes nothing. */
  refresh(freshness: Freshness): void {
    if (freshness.until > this.freshness.until) this.freshness = freshness;
  }

  /** The clocks by which freshness was reckoned cannot be trusted. */
  doubt(): void {
    this.freshness = STALE;
  }

  /**
   * Whether an acceptance may be kept: not where something forbids it that is known, or that may have been
   * missed. Undefined if not.
   */
  mayKeep(answer: Answer, now: number): Standing | undefined {
    const since = sinceOf(answer);
    const remembers = since >= this.#rememberedSince && since > now - RETENTION_MS;
    if (!remembers || !this.#isUnharmed(answer)) return undefined;
    const isCovered = answer.configuration !== "" && since >= this.#coveredSince;
    return { isCovered, sequence: this.sequence };
  }

  /**
   * Whether who asked at `began` may be answered by a call that was under way then. A call that was sent
   * later answers as one of its own would have.
   */
  mayAnswer(answer: Answer, began: Asked): boolean {
    const passed = elapsed(answer.asked, began);
    if (passed <= 0) return true;
    const repeatable = Math.max(answer.cacheForMs, this.maxStalenessMs - answer.revisionAgeMs);
    return passed < repeatable && this.#isUnharmed(answer);
  }

  /** Whether nothing that was heard hits what was kept in an epoch. */
  isStanding(ids: readonly HashedId[], since: number, epoch: number): boolean {
    return epoch === this.epoch && !this.#isHit(ids, since);
  }

  /** Whether nothing that was heard of while a call was under way tells against its answer. */
  #isUnharmed(answer: Answer): boolean {
    const isDecidedAlike = this.#configuration === "" || this.#configuration === answer.configuration;
    return (
      answer.asked.epoch === this.epoch &&
      isDecidedAlike &&
      !this.#withdrawn.has(answer.key) &&
      !this.#isHit(answer.ids, sinceOf(answer))
    );
  }

  /** Whether any of these was heard of at `since` or later. */
  #isHit(ids: readonly HashedId[], since: number): boolean {
    return ids.some((id) => (this.#heard.get(id) ?? -Infinity) >= since);
  }

  #prune(now: number): void {
    if (now - this.#prunedAt < PRUNE_EVERY_MS && this.#heard.size < MOST_EVENTS) return;
    this.#prunedAt = now;
    for (const known of [this.#heard, this.#withdrawn]) {
      for (const [id, at] of known) {
        if (at >= now - RETENTION_MS) break;
        known.delete(id);
      }
    }
  }
}

/** Notes a moment, behind all that were noted before. */
function remember(known: Map<HashedId, number>, id: HashedId, now: number): void {
  known.delete(id);
  known.set(id, now);
}
