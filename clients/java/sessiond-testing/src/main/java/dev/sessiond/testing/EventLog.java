package dev.sessiond.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.v1.Reset;
import dev.sessiond.v1.Revocation;
import dev.sessiond.v1.RevocationType;
import dev.sessiond.v1.WatchRevocationsResponse;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Everything that watchers are told. A revision is how many events there were. */
final class EventLog {
  static final String CONFIGURATION = "sessiond-testing";

  private static final String PREFIX = CONFIGURATION + "-";
  private static final long RETAINED_SECONDS = 86_400;

  private final List<WatchRevocationsResponse> events = new ArrayList<>();

  int size() {
    return events.size();
  }

  /** What comes behind so many events. */
  List<WatchRevocationsResponse> after(int from) {
    return List.copyOf(events.subList(from, events.size()));
  }

  static String revision(int position) {
    return PREFIX + position;
  }

  /** -1 for what is none. */
  static int position(String revision) {
    try {
      return revision.startsWith(PREFIX)
          ? Integer.parseUnsignedInt(revision.substring(PREFIX.length()))
          : -1;
    } catch (NumberFormatException error) {
      return -1;
    }
  }

  static String revisionOf(WatchRevocationsResponse event) {
    return switch (event.getEventCase()) {
      case STARTED -> event.getStarted().getRevision();
      case REVOCATION -> event.getRevocation().getRevision();
      case FRESHNESS -> event.getFreshness().getRevision();
      default -> event.getReset().getRevision();
    };
  }

  /** Tells watchers of a revocation; in the answer to who revoked it there is no revision. */
  Revocation revoke(RevocationType type, HashedId id, Instant now) {
    byte[] bytes = ByteBuffer.allocate(16).putLong(id.high()).putLong(id.low()).array();
    Revocation told =
        Revocation.newBuilder()
            .setType(type)
            .setHashedId(ByteString.copyFrom(bytes))
            .setExpireTime(
                Timestamp.newBuilder().setSeconds(now.getEpochSecond() + RETAINED_SECONDS))
            .build();
    Revocation placed = told.toBuilder().setRevision(revision(events.size() + 1)).build();
    events.add(WatchRevocationsResponse.newBuilder().setRevocation(placed).build());
    return told;
  }

  /** Has watchers forget everything that they keep. */
  void reset() {
    Reset reset =
        Reset.newBuilder()
            .setRevision(revision(events.size() + 1))
            .setConfiguration(CONFIGURATION)
            .build();
    events.add(WatchRevocationsResponse.newBuilder().setReset(reset).build());
  }
}
