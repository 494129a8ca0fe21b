package dev.sessiond.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.RetryInfo;
import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.Kind;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;

/** How denials are told. */
final class Denials {
  private static final Metadata.Key<String> CHALLENGE =
      Metadata.Key.of("www-authenticate", Metadata.ASCII_STRING_MARSHALLER);

  private record Row(Status.Code code, String text) {}

  private static final Map<Kind, Row> ROWS =
      Map.of(
          Kind.NO_CREDENTIALS, new Row(Status.Code.UNAUTHENTICATED, "the call has no token"),
          Kind.INVALID_REQUEST,
              new Row(
                  Status.Code.UNAUTHENTICATED,
                  "the call has several tokens, or none of a token's form"),
          Kind.CROSS_SITE, new Row(Status.Code.PERMISSION_DENIED, "another site caused the call"),
          Kind.NO_POLICY,
              new Row(Status.Code.PERMISSION_DENIED, "nothing says who may call this method"),
          Kind.INSUFFICIENT, new Row(Status.Code.PERMISSION_DENIED, "the token may not do this"),
          Kind.REJECTED, new Row(Status.Code.UNAUTHENTICATED, "the token is not accepted"),
          Kind.UNAVAILABLE,
              new Row(Status.Code.UNAVAILABLE, "there is no verdict on the token for now"),
          Kind.MISCONFIGURED, new Row(Status.Code.INTERNAL, "the call could not be judged"));

  private Denials() {}

  /** Ends a call; what is returned hears the rest of it. */
  static <Q> ServerCall.Listener<Q> close(ServerCall<Q, ?> call, Denial denial) {
    denial.log(call.getMethodDescriptor().getFullMethodName());
    Row row = ROWS.get(denial.kind());
    String text = row.text + ": " + denial.reason();
    Metadata trailers = new Metadata();
    if (denial.kind() == Kind.UNAVAILABLE) {
      trailers.merge(details(row.code, text, denial.retryAfter()));
    }
    denial.challenges().forEach(challenge -> trailers.put(CHALLENGE, challenge));
    call.close(row.code.toStatus().withDescription(text), trailers);
    return new ServerCall.Listener<>() {};
  }

  private static Metadata details(Status.Code code, String text, java.time.Duration pause) {
    Duration delay =
        Duration.newBuilder().setSeconds(pause.getSeconds()).setNanos(pause.getNano()).build();
    StatusRuntimeException failure =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage(text)
                .addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()))
                .build());
    return Status.trailersFromThrowable(failure);
  }
}
