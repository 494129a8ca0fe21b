package dev.sessiond.internal.watch;

import dev.sessiond.internal.clock.Reading;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.v1.Freshness;

/** One call of WatchRevocations: moments are nanoseconds of the steady clock. */
final class Stream {
  final long opened; // read before the call was made
  final long skew; // of the clocks then
  final boolean isResumed;
  String revision; // from which it was opened, and then the last that it gave
  long replaceAt;
  boolean hasStarted;
  long maxStaleness;
  long heard = Knowledge.NEVER;
  int late;

  Stream(Reading now, long life, String revision) {
    this.opened = now.steady();
    this.skew = now.skew();
    this.replaceAt = now.steady() + life;
    this.revision = revision;
    this.isResumed = !revision.isEmpty();
  }

  /**
   * Up to when everything is known. It is never reckoned from when a heartbeat came: that was sent
   * no earlier than the stream was opened and had lasted for so long, and time on the way only
   * makes it less sure.
   */
  long known(Freshness freshness) {
    return opened + Spans.nanos(freshness.getSinceStart()) - Spans.nanos(freshness.getAge());
  }
}
