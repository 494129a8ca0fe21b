package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Presented;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
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
  private final transient Validator own; // null where the application's is asked

  SessiondAuthentication(Session session, Presented presented) {
    this(session, presented, null);
  }

  private SessiondAuthentication(Session session, Presented presented, Validator own) {
    super(authorities(session));
    this.session = session;
    this.presented = presented;
    this.own = own;
    setAuthenticated(true);
  }

  /**
   * For tests: says that a request is from a session, though it has no token. What a method
   * requires is judged by what the session says.
   */
  public static SessiondAuthentication ofExample(Session session) {
    return new SessiondAuthentication(session, Presented.NONE, Validator.accepting(session));
  }

  /** The session of the request. */
  public Session session() {
    return session;
  }

  /** Asks whether more than was asked before may be required of what was presented. */
  Admission ask(Validator validator, Policy policy, ValidateOptions options) {
    return presented.ask(own == null ? validator : own, policy, options);
  }

  /** Does the same without blocking. */
  CompletableFuture<Admission> askAsync(
      Validator validator, Policy policy, ValidateOptions options) {
    return presented.askAsync(own == null ? validator : own, policy, options);
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
