package dev.sessiond;

import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.hashedid.HashedIds;
import dev.sessiond.internal.knowledge.Answer;
import dev.sessiond.internal.knowledge.Asked;
import dev.sessiond.internal.watch.Spans;
import dev.sessiond.v1.ValidateTokenResponse;
import java.time.Duration;
import java.util.List;

/**
 * What a call has brought for one token: a verdict, with what an acceptance says of being kept, or
 * an error.
 */
record Landed(Verdict verdict, Answer answer, int wireBytes, Throwable error) {
  static Landed failed(Throwable error) {
    return new Landed(null, null, 0, error);
  }

  static Landed failed(Failure failure) {
    return failed(failure.toException());
  }

  /** What an answer says of a token. */
  static Landed read(ValidateTokenResponse response, HashedId token, Asked asked) {
    Verdict verdict = Results.verdict(response);
    if (verdict instanceof Rejection) {
      return new Landed(verdict, null, 0, null);
    }
    dev.sessiond.v1.Session session = response.getSession();
    HashedId key = HashedIds.ofKey(session);
    List<HashedId> ids = HashedIds.ofSession(session);
    ids.add(key);
    ids.add(token);
    Answer answer =
        new Answer(
            asked,
            Math.max(0, Spans.nanos(response.getRevisionAge())),
            Math.max(0, Spans.nanos(response.getCacheFor())),
            Math.max(0, Spans.nanos(response.getWatchedCacheFor())),
            response.getConfiguration(),
            ids,
            key);
    return new Landed(verdict, answer, response.getSerializedSize(), null);
  }

  /** The session for who asked at {@code began}: its span counts from then on, or from the call. */
  Session asOf(Asked began) {
    long left = answer.cacheFor() - Math.max(0, answer.asked().until(began));
    return ((Session) verdict).repeatableFor(left > 0 ? Duration.ofNanos(left) : null);
  }
}
