package dev.sessiond.internal.knowledge;

import dev.sessiond.internal.hashedid.HashedId;
import java.util.List;

/**
 * What an acceptance says of itself. {@code ids} are all that can revoke it, the key's and the
 * token's own among them; spans are in nanoseconds, and zero where a server gave none.
 */
public record Answer(
    Asked asked,
    long revisionAge,
    long cacheFor,
    long watchedCacheFor,
    String configuration,
    List<HashedId> ids,
    HashedId key) {
  /** The moment of which everything revoked before was known where this was decided. */
  public long since() {
    return asked.at().steady() - revisionAge;
  }
}
