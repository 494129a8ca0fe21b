/** One call of WatchRevocations, as far as it matters when there has to be another. Moments are steady. */
export interface Stream {
  /** From which it was opened, and then the last that it gave. */
  revision: string;
  /** Read before the call was made. */
  readonly opened: number;
  /** Of the clocks then. */
  readonly skew: number;
  replaceAt: number;
  readonly isResumed: boolean;
  hasStarted: boolean;
  maxStalenessMs: number;
  /** When it told something last. */
  heardAt: number;
  /** How many heartbeats in a row came late. */
  late: number;
}

/** What ended a stream, or kept it from being opened. */
export interface StreamFailure {
  readonly code: string;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly saysWhen: boolean;
}
