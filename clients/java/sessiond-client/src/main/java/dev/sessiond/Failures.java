package dev.sessiond;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;

/** Reads what a server says of a call that has no answer. */
final class Failures {
  private static final String OUR_DOMAIN = "sessiond";
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private Failures() {}

  /** What a status means; bytes that are no details, such as a proxy may send, tell nothing. */
  static Failure of(Status status, Metadata trailers) {
    String message = status.getDescription() == null ? "" : status.getDescription();
    Failure bare = Failure.of(status.getCode(), message);
    byte[] raw = trailers.get(DETAILS);
    if (raw == null) {
      return bare;
    }
    try {
      return read(bare, com.google.rpc.Status.parseFrom(raw));
    } catch (InvalidProtocolBufferException error) {
      return bare;
    }
  }

  private static Failure read(Failure bare, com.google.rpc.Status told)
      throws InvalidProtocolBufferException {
    String reason = "";
    Map<String, String> metadata = Map.of();
    Duration retryAfter = null;
    for (Any detail : told.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        ErrorInfo info = detail.unpack(ErrorInfo.class);
        if (info.getDomain().equals(OUR_DOMAIN)) {
          reason = info.getReason();
          metadata = Map.copyOf(info.getMetadataMap());
        }
      } else if (detail.is(RetryInfo.class)) {
        RetryInfo info = detail.unpack(RetryInfo.class);
        if (info.hasRetryDelay()) {
          retryAfter = Results.span(info.getRetryDelay());
        }
      }
    }
    return new Failure(bare.code(), bare.message(), reason, metadata, retryAfter, false);
  }
}
