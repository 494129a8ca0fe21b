package dev.sessiond.spring;

import dev.sessiond.Session;
import dev.sessiond.internal.denial.Presented;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.springframework.security.authentication.AbstractAuthenticationToken;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;

/**
 * Who a request is from: its principal is the {@link Session}, its name the principal of that, and
 * its authorities are {@code SCOPE_x}, {@code ROLE_x} and {@code PERMISSION_x}.
 */
public final class SessiondAuthentication extends AbstractAuthenticationToken {
  private static final long serialVersionUID = 1L;

  private final transient Session session;
  private final transient Presented presented;

  SessiondAuthentication(Session session, Presented presented) {
    super(authorities(session));
    this.session = session;
    this.presented = presented;
    setAuthenticated(true);
  }

  /** The session of the request. */
  public Session session() {
    return session;
  }

  /** What was presented, so that more can be required of it. */
  Presented presented() {
    return presented;
  }

  @Override
  public Session getPrincipal() {
    return session;
  }

  /** Nothing: the token is not shown to others. */
  @Override
  public Object getCredentials() {
    return "";
  }

  @Override
  public String getName() {
    return session.principal();
  }

  private static Collection<GrantedAuthority> authorities(Session session) {
    List<GrantedAuthority> all = new ArrayList<>();
    session.scopes().forEach(name -> all.add(new SimpleGrantedAuthority("SCOPE_" + name)));
    session.roles().forEach(name -> all.add(new SimpleGrantedAuthority("ROLE_" + name)));
    session
        .permissions()
        .forEach(name -> all.add(new SimpleGrantedAuthority("PERMISSION_" + name)));
    return all;
  }
}
