package dev.sessiond.internal.watch;

import com.google.protobuf.ByteString;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.knowledge.Knowledge;
import dev.sessiond.v1.Reset;
import dev.sessiond.v1.Revocation;
import dev.sessiond.v1.RevocationType;
import dev.sessiond.v1.Started;
import dev.sessiond.v1.WatchRevocationsResponse;

/** What the events of a stream mean for what is known, but for heartbeats. */
final class Events {
  private Events() {}

  static void start(Knowledge knowledge, Stream stream, Started started, long now) {
    stream.hasStarted = true;
    stream.maxStaleness = Spans.nanos(started.getMaxStaleness());
    knowledge.setMaxStaleness(stream.maxStaleness);
    knowledge.follow(started.getConfiguration());
    if (!stream.isResumed || !knowledge.isWatched()) {
      knowledge.cover(now);
    }
    advance(knowledge, stream, started.getRevision());
  }

  static void apply(
      Knowledge knowledge, Stream stream, WatchRevocationsResponse message, long now) {
    if (message.hasRevocation()) {
      revoke(knowledge, stream, message.getRevocation(), now);
      return;
    }
    knowledge.cover(now); // what a newer server says may have meant anything
    if (message.hasReset()) {
      Reset reset = message.getReset();
      stream.revision = reset.getRevision();
      knowledge.advance(reset.getRevision());
      knowledge.follow(reset.getConfiguration());
    }
  }

  /** Moves the revision from which the next stream goes on. */
  static void advance(Knowledge knowledge, Stream stream, String revision) {
    if (!revision.isEmpty()) {
      stream.revision = revision;
    }
    knowledge.advance(revision);
  }

  private static void revoke(Knowledge knowledge, Stream stream, Revocation told, long now) {
    RevocationType type = told.getType();
    ByteString id = told.getHashedId();
    boolean isKnown =
        type != RevocationType.UNRECOGNIZED && type != RevocationType.REVOCATION_TYPE_UNSPECIFIED;
    if (!isKnown || id.size() != HashedId.SIZE) {
      knowledge.cover(now);
    } else if (type == RevocationType.REVOCATION_TYPE_KEY) {
      knowledge.withdraw(HashedId.first(id.toByteArray()), now);
    } else {
      knowledge.hear(HashedId.first(id.toByteArray()), now);
    }
    advance(knowledge, stream, told.getRevision());
  }
}
