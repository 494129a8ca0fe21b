package dev.sessiond.internal.hashedid;

import dev.sessiond.v1.Session;
import java.util.ArrayList;
import java.util.List;

/** The hashed ids that clients compute from what a session says of itself. */
public final class HashedIds {
  /** The kinds of what can be revoked. */
  public static final String SESSION = "session";

  public static final String PROVIDER_SESSION = "provider_session";
  public static final String TOKEN = "token";
  public static final String SUBJECT = "subject";
  public static final String TENANT = "tenant";
  public static final String CLIENT = "client";
  public static final String ISSUER = "issuer";
  public static final String KEY = "key";

  private HashedIds() {}

  /** All that can revoke a session's token, as far as the session says it, but for its key. */
  public static List<HashedId> ofSession(Session session) {
    String issuer = session.getIssuer();
    List<HashedId> ids = new ArrayList<>(9);
    ids.add(HashedId.of(ISSUER, issuer, ""));
    add(ids, SESSION, "", session.getSessionId());
    add(ids, PROVIDER_SESSION, issuer, session.getProviderSessionId());
    add(ids, TOKEN, issuer, session.getTokenId());
    add(ids, SUBJECT, issuer, session.getSubject());
    add(ids, TENANT, issuer, session.getTenantId());
    add(ids, CLIENT, issuer, session.getClientId());
    return ids;
  }

  /**
   * The key that signed a session's token; one without a {@code kid} has the key without a name.
   */
  public static HashedId ofKey(Session session) {
    return HashedId.of(KEY, session.getIssuer(), session.getKeyId());
  }

  private static void add(List<HashedId> ids, String kind, String issuer, String id) {
    if (!id.isEmpty()) {
      ids.add(HashedId.of(kind, issuer, id));
    }
  }
}
