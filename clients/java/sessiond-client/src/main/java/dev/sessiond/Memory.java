package dev.sessiond;

import com.google.protobuf.ByteString;
import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.knowledge.Freshness;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.internal.verdicts.Hit;
import dev.sessiond.internal.verdicts.Key;
import dev.sessiond.internal.verdicts.VerdictCache;
import dev.sessiond.v1.Revocation;
import dev.sessiond.v1.RevokeSessionResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a client keeps and knows. */
final class Memory {
  /** How much a server tells of one revocation where there is more. */
  private static final int MOST_TOLD = 4_096;

  private final Knowledge known = new Knowledge();
  private final VerdictCache<Session> cache;
  private final Clock clock;

  Memory(CacheOptions bounds, Clock clock) {
    this.cache = new VerdictCache<>(bounds.maxEntries(), bounds.maxBytes(), known);
    this.clock = clock;
  }

  Knowledge known() {
    return known;
  }

  VerdictCache<Session> cache() {
    return cache;
  }

  /** What is kept under a key, and may be repeated now; null otherwise. */
  Session find(Key key) {
    Hit<Session> hit = cache.find(key, clock.now());
    return hit == null ? null : hit.value().repeatableFor(Duration.ofNanos(hit.cacheFor()));
  }

  /** Keeps an acceptance that may be kept, and learns from a rejection. */
  void keep(Key key, Landed landed) {
    if (landed.verdict() instanceof Session session) {
      cache.insert(key, session, landed.answer(), landed.wireBytes(), clock.now().steady());
    } else {
      learn(key.tokenId(), landed.verdict());
    }
  }

  /** Has nothing of a token repeated that was revoked, whatever was required of it. */
  void learn(HashedId token, Verdict verdict) {
    if (verdict instanceof Rejection rejection && rejection.reason() == Reason.REVOKED) {
      known.hearOnce(token, clock.now().steady());
    }
  }

  /** Carries out here what this client has just revoked, before it is told that it has. */
  void end(Target target, RevokeSessionResponse response) {
    List<Revocation> told = response.getRevocationsList();
    boolean hasEnded = !response.hasSessionsEnded() || response.getSessionsEnded() > 0;
    boolean isSilent = told.isEmpty() && (hasEnded || !known.isWatched());
    if (isSilent || told.size() >= MOST_TOLD) {
      known.forget(); // what stands now is not known, or not all of it
    }
    List<HashedId> ids = new ArrayList<>(target.ids());
    for (Revocation revocation : told) {
      ByteString id = revocation.getHashedId();
      if (id.size() == HashedId.SIZE) {
        ids.add(HashedId.first(id.toByteArray()));
      }
    }
    known.end(ids, clock.now().steady());
  }

  /** How long ago everything that was revoked was known; null where nothing is. */
  Duration watchAge() {
    Freshness freshness = known.freshness();
    return freshness == Freshness.STALE
        ? null
        : Duration.ofNanos(clock.now().steady() - freshness.known());
  }
}
