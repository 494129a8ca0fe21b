package dev.sessiond.testing;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Timestamp;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.v1.Actor;
import dev.sessiond.v1.Session;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The claims of an access token, typed.
 *
 * @param begins the later of when it was issued and from when on it is good
 * @param start when the session began, in milliseconds since 1970
 * @param binding the key that the token is bound to; null where it is bound to nothing
 */
record FakeClaims(
    JsonObject all,
    Session session,
    Instant issued,
    Instant begins,
    Instant expires,
    long start,
    FakeBinding binding) {
  static final List<String> REQUIRED =
      List.of("iss", "sub", "aud", "exp", "iat", "jti", "client_id");

  // What sessiond gives a session: 16 bytes in base64url.
  private static final Pattern SESSION_ID = Pattern.compile("sds_[A-Za-z0-9_-]{21}[AQgw]");

  /** Whether this could be the id of a session. */
  static boolean isSessionId(String text) {
    return SESSION_ID.matcher(text).matches();
  }

  /** Reads what a token says that has the claims that are required. */
  static FakeClaims read(FakeToken token) throws FakeForm.FormException {
    JsonObject claims = token.claims();
    FakeForm form = new FakeForm(claims);
    Instant issued = form.time("iat");
    Instant begins = form.time("nbf");
    boolean hasStart = claims.get("sct") instanceof JsonPrimitive given && given.isNumber();
    return new FakeClaims(
        claims,
        session(form, token.payload()),
        issued,
        begins == null || begins.isBefore(issued) ? issued : begins,
        form.time("exp"),
        hasStart ? claims.get("sct").getAsLong() : 0,
        claims.has("cnf") ? FakeBinding.of(claims.get("cnf")) : null);
  }

  /** The texts of a claim that may be one or many; none where it is neither. */
  List<String> texts(String name) {
    try {
      return new FakeForm(all).oneOrMany(name);
    } catch (FakeForm.FormException error) {
      return List.of();
    }
  }

  private static Session session(FakeForm form, String payload) throws FakeForm.FormException {
    Session.Builder session =
        Session.newBuilder()
            .setPrincipal(principal(form.name("iss"), form.name("sub")))
            .setIssuer(form.name("iss"))
            .setSubject(form.name("sub"))
            .setSessionId(form.name("sid"))
            .setTenantId(form.name("tenant_id"))
            .setClientId(form.name("client_id"))
            .setTokenId(form.name("jti"))
            .setKeyId(FakeToken.KEY_ID)
            .addAllAudiences(form.oneOrMany("aud"))
            .addAllScopes(form.scopes())
            .addAllRoles(form.many("roles"))
            .addAllPermissions(form.many("permissions"))
            .setIssueTime(timestamp(form.time("iat")))
            .setExpireTime(timestamp(form.time("exp")))
            .setAcr(form.text("acr"))
            .addAllAmr(form.many("amr"))
            .setClaimsJson(payload);
    if (!isSessionId(session.getSessionId())) {
      throw new FakeForm.FormException("sid");
    }
    Instant authTime = form.time("auth_time");
    if (authTime != null) {
      session.setAuthTime(timestamp(authTime));
    }
    Actor actor = form.actor(session.getIssuer());
    return (actor == null ? session : session.setActor(actor)).build();
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
}
