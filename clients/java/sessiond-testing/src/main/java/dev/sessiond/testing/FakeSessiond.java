package dev.sessiond.testing;

import dev.sessiond.LocalLogin;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.Target;
import dev.sessiond.Tokens;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A sessiond with one issuer, of a test's own. It gives verdicts, refreshes and revokes by a
 * server's rules, as the cases show that clients must pass over a real one. Providers and callers'
 * permissions are not there, and a DPoP proof is taken as it comes, unread.
 *
 * <p>What changes something waits until every client of {@link #client} knows. Clients that are
 * made in another way know a second later, at most: it waits for that.
 */
public final class FakeSessiond implements AutoCloseable {
  /** Who issues the fake's tokens. */
  public static final String ISSUER = "http://sessiond.localhost";

  /**
   * For whom they are unless a login says otherwise, and the application that they are issued to.
   */
  public static final String AUDIENCE = "sessiond-dev";

  /** Longer than any call takes, on the slowest machine. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final FakeState state = new FakeState();
  private final Taps taps = new Taps();
  private final String own = UUID.randomUUID().toString();
  private final List<SessiondClient> clients = new CopyOnWriteArrayList<>();
  private final FakeCalls calls = new FakeCalls(state, own);
  private final Server server;
  private final SessiondClient client;

  private FakeSessiond() {
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    try {
      server =
          NettyServerBuilder.forAddress(loopback)
              .addService(ServerInterceptors.intercept(new FakeService(state), calls))
              .build()
              .start();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    client = SessiondClient.builder(target()).key(own).timeout(PATIENCE).withoutCache().build();
  }

  /** Starts a fake. */
  public static FakeSessiond start() {
    return new FakeSessiond();
  }

  /** Where the fake listens. */
  public String target() {
    return "127.0.0.1:" + server.getPort();
  }

  /**
   * Makes a client, as production has it but for more patience with a slow machine. It ends with
   * the fake.
   */
  public SessiondClient client() {
    return client(clientBuilder());
  }

  /** Makes a client that {@link #clientBuilder} has begun. It ends with the fake. */
  public SessiondClient client(SessiondClientBuilder builder) {
    SessiondClient made = builder.build();
    clients.add(made);
    return made;
  }

  /** Begins a client, for options of a test's own but for those of gRPC. */
  public SessiondClientBuilder clientBuilder() {
    return SessiondClient.builder(target())
        .timeout(PATIENCE)
        .channel(builder -> builder.intercept(taps.add()));
  }

  /** Opens a session for a subject, who has just logged in. */
  public Tokens login(String subject, String... scopes) {
    return login(subject, LocalLogin.builder().scopes(scopes).authTime(now()).build());
  }

  /** Opens a session with all that may be said of a login. */
  public Tokens login(String subject, LocalLogin login) {
    return client.createLocalSession(subject, login);
  }

  /**
   * A token that is good but for what is given: other claims, of which null leaves one out. Its
   * session is none that was opened.
   */
  public String sign(Map<String, ?> claims) {
    return sign(Map.of(), claims);
  }

  /** Does the same, with another header too. */
  public String sign(Map<String, ?> header, Map<String, ?> claims) {
    return state.with(() -> state.signed(header, claims));
  }

  /** Revokes a target. */
  public void revoke(Target target) {
    client.revoke(target);
    settle();
  }

  /** Has an access token expired from now on, and no other. */
  public void expire(String accessToken) {
    change(() -> state.expire(accessToken));
  }

  /**
   * The time by the fake's clock, which tokens are judged by. It is the machine's unless a test
   * moves it.
   */
  public Instant now() {
    return state.with(state::now);
  }

  /** Moves the fake's clock, and has clients ask again about everything that they keep. */
  public void advance(Duration span) {
    change(() -> state.advance(span));
  }

  /**
   * Has nobody answer, as where a server is gone, until {@link #back}. Clients forget what they
   * keep first: a real server's clients would go on with that for a second. The fake's own methods
   * work.
   */
  public void away() {
    change(() -> state.setAway(true));
  }

  /** Ends {@link #away}. */
  public void back() {
    change(() -> state.setAway(false));
  }

  /**
   * The calls that have come so far, in their order, but for streams of revocations: those of
   * clients, which have asked again what was not answered, and none of the fake's own methods.
   */
  public List<FakeCall> calls() {
    return calls.all();
  }

  @Override
  public void close() {
    clients.forEach(SessiondClient::close);
    client.close();
    server.shutdownNow();
  }

  private void change(Runnable something) {
    state.with(
        () -> {
          something.run();
          return null;
        });
    settle();
  }

  private void settle() {
    taps.settle(state.with(state::events), state.hasForeignWatchers());
  }
}
