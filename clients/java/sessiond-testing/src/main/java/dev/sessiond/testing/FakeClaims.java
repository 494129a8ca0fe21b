package dev.sessiond.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.Timestamp;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.v1.Session;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** The claims of an access token, typed. */
record FakeClaims(JsonObject all, Session session, Instant issued, Instant expires, long start) {
  static final List<String> REQUIRED =
      List.of("iss", "sub", "aud", "exp", "iat", "jti", "client_id");

  /**
   * Reads what a token says.
   *
   * @throws RuntimeException a claim is not of the form that its specification gives it
   */
  static FakeClaims read(FakeToken token) {
    JsonObject claims = token.claims();
    Session.Builder session =
        Session.newBuilder()
            .setPrincipal(principal(token.text(claims, "iss"), token.text(claims, "sub")))
            .setIssuer(token.text(claims, "iss"))
            .setSubject(token.text(claims, "sub"))
            .setSessionId(token.text(claims, "sid"))
            .setTenantId(token.text(claims, "tenant_id"))
            .setClientId(token.text(claims, "client_id"))
            .setTokenId(token.text(claims, "jti"))
            .setKeyId(FakeToken.KEY_ID)
            .addAllAudiences(texts(claims.get("aud")))
            .addAllScopes(scopes(claims.get("scope")))
            .addAllRoles(texts(claims.get("roles")))
            .addAllPermissions(texts(claims.get("permissions")))
            .setIssueTime(timestamp(time(claims, "iat")))
            .setExpireTime(timestamp(time(claims, "exp")))
            .setAcr(token.text(claims, "acr"))
            .addAllAmr(texts(claims.get("amr")))
            .setClaimsJson(token.payload());
    if (claims.has("auth_time")) {
      session.setAuthTime(timestamp(time(claims, "auth_time")));
    }
    long start = claims.has("sct") ? claims.get("sct").getAsLong() : 0;
    return new FakeClaims(claims, session.build(), time(claims, "iat"), time(claims, "exp"), start);
  }

  /**
   * The thumbprint of the certificate that the token is bound to; null where it is bound to
   * nothing.
   */
  String boundTo() {
    if (!all.has("cnf")) {
      return null;
    }
    JsonElement found = all.getAsJsonObject("cnf").get("x5t#S256");
    return found == null ? "" : found.getAsString();
  }

  /** One or many texts; none where there are none. */
  static List<String> texts(JsonElement value) {
    List<String> all = new ArrayList<>();
    if (value instanceof JsonArray list) {
      list.forEach(one -> all.add(one.getAsString()));
    } else if (value != null) {
      all.add(value.getAsString());
    }
    return all;
  }

  static String principal(String issuer, String subject) {
    HashedId id = HashedId.of("principal", issuer, subject);
    byte[] bytes = ByteBuffer.allocate(16).putLong(id.high()).putLong(id.low()).array();
    return "sdp_" + FakeToken.base64(bytes);
  }

  static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }

  private static List<String> scopes(JsonElement value) {
    return value == null || value.isJsonArray()
        ? texts(value)
        : List.of(value.getAsString().split(" "));
  }

  private static Instant time(JsonObject claims, String name) {
    return Instant.ofEpochMilli((long) (claims.get(name).getAsDouble() * 1_000));
  }
}
