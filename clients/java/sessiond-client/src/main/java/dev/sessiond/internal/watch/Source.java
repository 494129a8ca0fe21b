package dev.sessiond.internal.watch;

import dev.sessiond.v1.WatchRevocationsResponse;
import java.util.function.Consumer;

/** A server whose revocations are followed. */
public interface Source {
  /**
   * Opens a stream from a revision; what is returned ends it.
   *
   * @param onMessage is given each message, one after another, on a thread of gRPC's
   * @param onEnd is told once that the stream has ended: null where it came to its end by itself,
   *     or where nothing is to be learnt from what ended it
   */
  Runnable open(
      String fromRevision, Consumer<WatchRevocationsResponse> onMessage, Consumer<Failure> onEnd);
}
