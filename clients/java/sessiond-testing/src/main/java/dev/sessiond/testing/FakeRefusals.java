package dev.sessiond.testing;

import com.google.protobuf.Any;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;

/** What a server refuses commands with. */
final class FakeRefusals {
  private static final Map<String, String> REFRESHES =
      Map.of(
          "REFRESH_TOKEN_INVALID",
              "this is not a refresh token that sessiond gave out: log in again",
          "REFRESH_TOKEN_SUPERSEDED",
              "a newer refresh token was given out for this one: use that; the session lives",
          "REFRESH_TOKEN_REUSED",
              "the refresh token had been used before, so its session has been ended: log in again",
          "SESSION_REVOKED", "the session has been ended: log in again",
          "SESSION_IDLE_TIMEOUT", "the session was not used for too long: log in again",
          "SESSION_LIFETIME_EXCEEDED", "the session has reached its longest life: log in again",
          "BINDING_MISMATCH",
              "the session is bound to a key whose possession was not proven: bring a new proof;"
                  + " the session lives");

  private FakeRefusals() {}

  static StatusRuntimeException refresh(String reason) {
    return of(Code.UNAUTHENTICATED, reason, REFRESHES.get(reason), Map.of());
  }

  static StatusRuntimeException notFound() {
    return of(Code.NOT_FOUND, "SESSION_NOT_FOUND", "no live session has this id", Map.of());
  }

  static StatusRuntimeException field(String field, String found, String allowed) {
    return of(
        Code.INVALID_ARGUMENT,
        "FIELD_INVALID",
        field + ": found " + found + ", allowed is " + allowed,
        Map.of("field", field, "found", found, "allowed", allowed));
  }

  static StatusRuntimeException unsupported(String field) {
    return of(
        Code.UNIMPLEMENTED,
        "FEATURE_UNSUPPORTED",
        field + ": this fake does not carry it out",
        Map.of("field", field));
  }

  private static StatusRuntimeException of(
      Code code, String reason, String text, Map<String, String> metadata) {
    ErrorInfo info =
        ErrorInfo.newBuilder()
            .setReason(reason)
            .setDomain("sessiond")
            .putAllMetadata(metadata)
            .build();
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(code.getNumber())
            .setMessage(text)
            .addDetails(Any.pack(info))
            .build());
  }
}
