package dev.sessiond.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.Bearer;
import dev.sessiond.Device;
import dev.sessiond.LocalLogin;
import dev.sessiond.NotFoundException;
import dev.sessiond.Policy;
import dev.sessiond.Reason;
import dev.sessiond.RefreshRefusedException;
import dev.sessiond.Rejection;
import dev.sessiond.Session;
import dev.sessiond.SessionRecord;
import dev.sessiond.SessiondClient;
import dev.sessiond.Target;
import dev.sessiond.Tokens;
import dev.sessiond.UnavailableException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SessiondExtension.class)
class FakeSessiondTest {
  private static final Policy ORDERS = Policy.builder().scopes("orders:read").build();
  private static final Bearer PHONE = Bearer.of(new Device("", "phone", ""));

  private final FakeSessiond fake;
  private final SessiondClient client;

  FakeSessiondTest(FakeSessiond fake, SessiondClient client) {
    this.fake = fake;
    this.client = client;
  }

  @Test
  void whoLogsInIsAcceptedForWhatTheyMayDo() {
    Tokens tokens = fake.login("alice", "orders:read");
    Session session =
        assertInstanceOf(Session.class, client.validate(tokens.accessToken(), ORDERS));
    assertEquals("alice", session.subject());
    assertEquals(tokens.session().sessionId(), session.sessionId());
    Policy more = Policy.builder().scopes("orders:write").build();
    assertRejected(Reason.SCOPE_INSUFFICIENT, tokens.accessToken(), more);
    Policy elsewhere = Policy.builder().audiences("elsewhere").build();
    assertRejected(Reason.AUDIENCE_MISMATCH, tokens.accessToken(), elsewhere);
    assertRejected(Reason.MALFORMED, "x", Policy.NOTHING);
  }

  @Test
  void whatIsRevokedIsRejectedAtOnceThoughItWasKept() {
    String token = fake.login("alice", "orders:read").accessToken();
    assertKept(token);
    fake.revoke(Target.accessToken(token));
    assertRejected(Reason.REVOKED, token, ORDERS);
    String later = fake.login("alice", "orders:read").accessToken();
    assertKept(later);
    fake.revoke(Target.subject(FakeSessiond.ISSUER, "alice"));
    assertRejected(Reason.REVOKED, later, ORDERS);
    String last = fake.login("alice", "orders:read").accessToken();
    assertInstanceOf(Session.class, client.validate(last, ORDERS));
  }

  @Test
  void aTokenExpiresWhenItIsToldToAndWhenItsTimeIsOver() {
    String token = fake.login("alice", "orders:read").accessToken();
    assertKept(token);
    fake.expire(token);
    assertRejected(Reason.EXPIRED, token, ORDERS);
    String other = fake.login("alice", "orders:read").accessToken();
    assertKept(other);
    fake.advance(Duration.ofMinutes(5));
    assertRejected(Reason.EXPIRED, other, ORDERS);
  }

  @Test
  void aLoginIsGoodForAsLongAsIsRequired() {
    Policy recent = Policy.builder().maxAuthAge(Duration.ofMinutes(1)).build();
    String token = fake.login("alice").accessToken();
    assertInstanceOf(Session.class, client.validate(token, recent));
    fake.advance(Duration.ofMinutes(2));
    assertRejected(Reason.STEP_UP_REQUIRED, token, recent);
    assertInstanceOf(Session.class, client.validate(token, Policy.NOTHING));
  }

  @Test
  void aRefreshTokenHasOneSuccessor() {
    Tokens first = fake.login("alice");
    Tokens second = client.refresh(first.refreshToken(), PHONE);
    Tokens again = client.refresh(first.refreshToken(), PHONE);
    assertTrue(again.replayed());
    assertEquals(second.refreshToken(), again.refreshToken());
    assertRefused("REFRESH_TOKEN_SUPERSEDED", first.refreshToken(), Bearer.UNKNOWN);
    fake.advance(Duration.ofSeconds(10));
    assertRefused("REFRESH_TOKEN_REUSED", first.refreshToken(), PHONE);
    assertRefused("SESSION_REVOKED", second.refreshToken(), PHONE);
    assertRefused("REFRESH_TOKEN_INVALID", "x", PHONE);
  }

  @Test
  void nobodyAnswersWhileItIsAway() {
    String token = fake.login("alice", "orders:read").accessToken();
    assertKept(token);
    fake.away();
    assertThrows(UnavailableException.class, () -> client.validate(token, ORDERS));
    fake.back();
    assertInstanceOf(Session.class, client.validate(token, ORDERS));
  }

  @Test
  void whatIsSignedForATestIsGoodButForWhatIsGiven() {
    String token = fake.sign(Map.of("sub", "bob", "scope", "orders:read"));
    Session session = assertInstanceOf(Session.class, client.validate(token, ORDERS));
    assertEquals("bob", session.subject());
    String bare = fake.sign(Collections.singletonMap("client_id", null));
    assertRejected(Reason.CLAIM_MISSING, bare, Policy.NOTHING);
  }

  @Test
  void sessionsAreListedAndFound() {
    fake.login("alice");
    LocalLogin login = LocalLogin.builder().claims(Map.of("plan", "pro")).build();
    Tokens tokens = fake.login("alice", login);
    List<SessionRecord> all = client.listSessions(FakeSessiond.ISSUER, "alice").toList();
    assertEquals(2, all.size());
    assertEquals(tokens.session().sessionId(), all.get(0).session().sessionId());
    assertEquals("pro", tokens.session().claims().get("plan"));
    fake.revoke(Target.session(tokens.session().sessionId()));
    assertThrows(NotFoundException.class, () -> client.getSession(tokens.session().sessionId()));
  }

  @Test
  void itSaysWhoCalled() {
    SessiondClient keyed = fake.client(fake.clientBuilder().key("key-1").withoutCache());
    String token = fake.login("alice").accessToken();
    keyed.validate(token, Policy.NOTHING);
    assertEquals(List.of(new FakeCall("ValidateToken", List.of(token), "key-1")), fake.calls());
    assertFalse(fake.calls().toString().contains(token));
  }

  /** Waits until the watch is fresh, and the client answers by itself. */
  private void assertKept(String token) {
    int calls;
    do {
      calls = fake.calls().size();
      assertInstanceOf(Session.class, client.validate(token, ORDERS));
    } while (fake.calls().size() > calls);
  }

  private void assertRejected(Reason reason, String token, Policy policy) {
    assertEquals(
        reason, assertInstanceOf(Rejection.class, client.validate(token, policy)).reason());
  }

  private void assertRefused(String reason, String refreshToken, Bearer bearer) {
    RefreshRefusedException error =
        assertThrows(RefreshRefusedException.class, () -> client.refresh(refreshToken, bearer));
    assertEquals(reason, error.reason());
  }
}
