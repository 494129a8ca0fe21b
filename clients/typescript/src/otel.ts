/** Tells OpenTelemetry what a client does. It needs the API alone: which SDK there is, is for the program. */
import type {
  Attributes,
  BatchObservableResult,
  Counter,
  Histogram,
  Meter,
  MeterProvider,
  ObservableGauge,
} from "@opentelemetry/api";

import type { Call, Numbers, Observer, Validation, WatchState } from "./observer.js";

/** Where the histograms of calls have their bounds, in seconds. */
const DURATION_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 12];

/** Has numbers: a SessiondClient is one. */
export interface Source {
  readonly numbers: Numbers;
}

/**
 * The instruments of one client, which is given them as its observer and is followed for its numbers.
 *
 * | instrument | unit | what it tells |
 * | --- | --- | --- |
 * | `sessiond.client.validations` | `{validation}` | by outcome, accepted and reason |
 * | `sessiond.client.calls` | `{call}` | by method, code and reason |
 * | `sessiond.client.calls.duration` | `s` | by method and code, with all attempts |
 * | `sessiond.client.watch.changes` | `{change}` | of the stream of revocations, by its new state |
 * | `sessiond.client.cache.entries` | `{entry}` | what is kept now |
 * | `sessiond.client.watch.age` | `s` | how long ago everything that was revoked was known |
 */
export class Metrics implements Observer {
  readonly #attributes: Attributes;
  readonly #meter: Meter;
  readonly #validations: Counter;
  readonly #calls: Counter;
  readonly #durations: Histogram;
  readonly #changes: Counter;
  readonly #entries: ObservableGauge;
  readonly #age: ObservableGauge;

  /** Makes the instruments; the attributes, such as a client's name among several, go with all of them. */
  constructor(provider: MeterProvider, attributes: Attributes = {}) {
    this.#attributes = attributes;
    const meter = provider.getMeter("@sessiond/client");
    this.#meter = meter;
    this.#validations = meter.createCounter("sessiond.client.validations", {
      unit: "{validation}",
      description: "Verdicts on one token.",
    });
    this.#calls = meter.createCounter("sessiond.client.calls", {
      unit: "{call}",
      description: "Calls to a server.",
    });
    this.#durations = meter.createHistogram("sessiond.client.calls.duration", {
      unit: "s",
      description: "How long calls to a server took, with all attempts.",
      advice: { explicitBucketBoundaries: DURATION_BOUNDS },
    });
    this.#changes = meter.createCounter("sessiond.client.watch.changes", {
      unit: "{change}",
      description: "Changes of the stream of revocations.",
    });
    this.#entries = meter.createObservableGauge("sessiond.client.cache.entries", {
      unit: "{entry}",
      description: "Acceptances that are kept.",
    });
    this.#age = meter.createObservableGauge("sessiond.client.watch.age", {
      unit: "s",
      description: "How long ago everything that was revoked was known.",
    });
  }

  /**
   * Has the numbers of a client observed until what it returns is called. Of one that knows nothing of
   * revocations no age is told. The SDK for Node repeats what a gauge told last.
   */
  follow(client: Source): () => void {
    const gauges = [this.#entries, this.#age];
    const observe = (told: BatchObservableResult): void => {
      const { entries, watchAgeMs } = client.numbers;
      told.observe(this.#entries, entries, this.#attributes);
      if (watchAgeMs !== undefined) told.observe(this.#age, watchAgeMs / 1_000, this.#attributes);
    };
    this.#meter.addBatchObservableCallback(observe, gauges);
    return () => this.#meter.removeBatchObservableCallback(observe, gauges);
  }

  /** Counts a verdict. */
  validated({ outcome, isAccepted, reason }: Validation): void {
    this.#validations.add(1, { outcome, accepted: isAccepted, reason: reason ?? "", ...this.#attributes });
  }

  /** Counts a call. */
  called({ method, code, reason, durationMs }: Call): void {
    const told = { method, code, ...this.#attributes };
    this.#calls.add(1, { ...told, reason });
    this.#durations.record(durationMs / 1_000, told);
  }

  /** Counts a change. */
  watchChanged(state: WatchState): void {
    this.#changes.add(1, { state, ...this.#attributes });
  }
}
