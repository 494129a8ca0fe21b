package dev.sessiond.internal.verdicts;

import dev.sessiond.internal.hashedid.HashedId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Under what a verdict is kept: of which token, by which demand, for which caller. Nothing of it
 * tells the token.
 */
public final class Key {
  private final long first;
  private final long second;
  private final long third;
  private final long fourth;
  private final Object demand;
  private final Object caller;

  private Key(ByteBuffer digest, Object demand, Object caller) {
    this.first = digest.getLong();
    this.second = digest.getLong();
    this.third = digest.getLong();
    this.fourth = digest.getLong();
    this.demand = demand;
    this.caller = caller;
  }

  /** The key of a token; a demand and a caller are the same where they are equal. */
  public static Key of(String token, Object demand, Object caller) {
    byte[] digest = HashedId.digest(token.getBytes(StandardCharsets.UTF_8));
    return new Key(ByteBuffer.wrap(digest), demand, caller);
  }

  /** The id of the token itself, for what a client learns about it: no server tells of it. */
  public HashedId tokenId() {
    return new HashedId(first, second);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Key key
        && first == key.first
        && second == key.second
        && third == key.third
        && fourth == key.fourth
        && demand.equals(key.demand)
        && caller.equals(key.caller);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(first);
  }

  @Override
  public String toString() {
    return "Key[hidden]";
  }
}
