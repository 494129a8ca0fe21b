package dev.sessiond.testing;

import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.hashedid.HashedIds;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.Revocation;
import dev.sessiond.v1.RevocationType;
import dev.sessiond.v1.Session;
import dev.sessiond.v1.Tokens;
import dev.sessiond.v1.WatchRevocationsResponse;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** What a server remembers. Its lock is held for whatever reads or changes it. */
final class FakeState {
  static final Duration MAX_STALENESS = Duration.ofSeconds(1);

  private static final Duration ACCESS_LIFETIME = Duration.ofMinutes(5);
  private static final SecureRandom RANDOM = new SecureRandom();

  /** The generation of a refresh token in its session. */
  record Place(FakeSession session, int generation) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final KeyPair key = FakeToken.newKey();
  private final EventLog log = new EventLog();
  private final Map<String, FakeSession> sessions = new LinkedHashMap<>();
  private final Map<String, Place> refresh = new HashMap<>();
  private final Set<HashedId> revoked = new HashSet<>();
  private final Map<HashedId, Long> cutoffs = new HashMap<>();
  private final Set<String> expired = new HashSet<>();
  private Duration ahead = Duration.ZERO;
  private long latest; // when the last session began, in milliseconds since 1970
  private volatile boolean isAway;
  private volatile boolean hasForeignWatchers;

  /** Does something under the lock. */
  <T> T with(Supplier<T> does) {
    lock.lock();
    try {
      return does.get();
    } finally {
      lock.unlock();
    }
  }

  boolean isAway() {
    return isAway;
  }

  /** There was a stream of a client that does not tell what it has applied. */
  void foreignWatcher() {
    hasForeignWatchers = true;
  }

  boolean hasForeignWatchers() {
    return hasForeignWatchers;
  }

  KeyPair key() {
    return key;
  }

  int events() {
    return log.size();
  }

  List<WatchRevocationsResponse> after(int from) {
    return log.after(from);
  }

  Instant now() {
    return Instant.now().plus(ahead);
  }

  void advance(Duration span) {
    ahead = ahead.plus(span);
    log.reset();
  }

  void setAway(boolean value) {
    isAway = value;
    if (value) {
      log.reset();
    }
  }

  void expire(String accessToken) {
    FakeVerifier.Verified verified = new FakeVerifier(key).verify(accessToken, List.of());
    if (verified.claims() == null) {
      throw new IllegalArgumentException("what is to expire is no access token of this fake");
    }
    String tokenId = verified.claims().session().getTokenId();
    expired.add(tokenId);
    HashedId id = HashedId.of(HashedIds.TOKEN, FakeSessiond.ISSUER, tokenId);
    log.revoke(RevocationType.REVOCATION_TYPE_TOKEN, id, now());
  }

  boolean isExpired(String tokenId) {
    return expired.contains(tokenId);
  }

  /** A token that is good but for what is given; null leaves a name out. */
  String signed(Map<String, ?> header, Map<String, ?> given) {
    Map<String, Object> claims = claims(Map.of(), "alice", "sds_" + random(16), nextStart());
    claims.put("aud", FakeSessiond.AUDIENCE);
    claims.put("client_id", FakeSessiond.AUDIENCE);
    claims.putAll(given);
    return FakeToken.sign(key, header, claims);
  }

  FakeSession open(CreateSessionRequest request, Map<String, Object> further) {
    FakeSession opened = new FakeSession("sds_" + random(16), request, further, nextStart(), now());
    sessions.put(opened.id, opened);
    rotate(opened);
    return opened;
  }

  /** Gives a session its next refresh token. */
  void rotate(FakeSession of) {
    of.current = "sdr1_" + random(72);
    refresh.put(of.current, new Place(of, of.spent.size()));
  }

  Place place(String refreshToken) {
    return refresh.get(refreshToken);
  }

  Map<String, FakeSession> sessions() {
    return sessions;
  }

  /** What a login or a refresh gives out. */
  Tokens issue(FakeSession of) {
    String token = FakeToken.sign(key, Map.of(), claimsOf(of));
    FakeClaims claims = new FakeVerifier(key).verify(token, List.of()).claims();
    if (claims == null) {
      throw FakeRefusals.field("local_login", "claims that no token may have", "good ones");
    }
    Session session = claims.session();
    return Tokens.newBuilder()
        .setAccessToken(token)
        .setAccessExpireTime(session.getExpireTime())
        .setRefreshToken(of.current)
        .setRefreshExpireTime(FakeClaims.timestamp(of.idleExpire()))
        .setSession(session)
        .build();
  }

  boolean isLive(FakeSession of) {
    return !of.hasEnded && !isCutOff(of) && now().isBefore(of.idleExpire());
  }

  boolean isCutOff(FakeSession of) {
    return HashedIds.ofSession(of.session()).stream()
        .anyMatch(id -> of.start <= cutoffs.getOrDefault(id, Long.MIN_VALUE));
  }

  /** Whether something that a token descends from was revoked. */
  boolean hasRevoked(FakeClaims claims) {
    List<HashedId> ids = HashedIds.ofSession(claims.session());
    ids.add(HashedIds.ofKey(claims.session()));
    return ids.stream()
        .anyMatch(
            id ->
                revoked.contains(id) || claims.start() <= cutoffs.getOrDefault(id, Long.MIN_VALUE));
  }

  Revocation end(FakeSession of) {
    of.hasEnded = true;
    return end(RevocationType.REVOCATION_TYPE_SESSION, HashedId.of(HashedIds.SESSION, "", of.id));
  }

  /** Revokes what an id stands for, and has the watchers told. */
  Revocation end(RevocationType type, HashedId id) {
    revoked.add(id);
    return log.revoke(type, id, now());
  }

  /** Revokes every session so far that an id stands for, and has the watchers told. */
  Revocation cutOff(RevocationType type, HashedId id) {
    cutoffs.put(id, nextStart());
    return log.revoke(type, id, now());
  }

  static String random(int size) {
    byte[] bytes = new byte[size];
    RANDOM.nextBytes(bytes);
    return FakeToken.base64(bytes);
  }

  /**
   * Later than that of every session before: nobody who logs in after a revocation is hit by it,
   * though the clock stands still.
   */
  private long nextStart() {
    latest = Math.max(latest + 1, now().toEpochMilli());
    return latest;
  }

  private Map<String, Object> claimsOf(FakeSession of) {
    Map<String, Object> said = claims(of.further, of.login.getSubject(), of.id, of.start);
    said.put("aud", of.login.getAudiencesList());
    said.put("client_id", of.login.getClientId());
    put(said, "scope", String.join(" ", of.login.getScopesList()));
    put(said, "tenant_id", of.login.getTenantId());
    put(said, "acr", of.login.getAcr());
    if (of.login.getAmrCount() > 0) {
      said.put("amr", of.login.getAmrList());
    }
    if (of.login.hasAuthTime()) {
      said.put("auth_time", of.login.getAuthTime().getSeconds());
    }
    if (!of.certificate.isEmpty()) {
      said.put("cnf", Map.of("x5t#S256", FakeToken.base64(of.certificate.toByteArray())));
    }
    return said;
  }

  private Map<String, Object> claims(
      Map<String, Object> further, String subject, String sessionId, long start) {
    Map<String, Object> said = new HashMap<>(further);
    said.put("iss", FakeSessiond.ISSUER);
    said.put("sub", subject);
    said.put("iat", now().getEpochSecond());
    said.put("exp", now().plus(ACCESS_LIFETIME).getEpochSecond());
    said.put("jti", random(16));
    said.put("sid", sessionId);
    said.put("sct", start);
    return said;
  }

  private static void put(Map<String, Object> claims, String name, String text) {
    if (!text.isEmpty()) {
      claims.put(name, text);
    }
  }
}
