/** What keeps somebody from waiting any longer: a time in milliseconds that is over, or their own signal. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The longest time of a timer of Node. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Rejects with what `late` gives where the time is over first, and with the reason of a signal that ends it.
 */
export async function waitFor<Value>(
  value: Promise<Value>,
  { timeoutMs, signal }: Patience,
  late: () => Error,
): Promise<Value> {
  signal?.throwIfAborted();
  let done = () => {};
  const given = new Promise<never>((_, reject) => {
    const abort = () => reject(signal?.reason);
    const timer = setTimeout(() => reject(late()), Math.min(timeoutMs, LONGEST_TIMER_MS));
    signal?.addEventListener("abort", abort, { once: true });
    done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([value, given]);
  } finally {
    done();
  }
}

/** Rests for so many milliseconds, or until a signal aborts. */
export const rest = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener("abort", wake, { once: true });
  });
