package dev.sessiond;

import dev.sessiond.internal.dial.Dial;
import dev.sessiond.internal.dial.Reconnecting;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.CreateSessionResponse;
import dev.sessiond.v1.GetSessionRequest;
import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RefreshSessionResponse;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.RevokeSessionResponse;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokensRequest;
import dev.sessiond.v1.ValidateTokensResponse;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Asks a sessiond. Use one for all of a process, from as many threads as there are: it has one
 * connection, keeps acceptances, and joins what is asked at the same time.
 *
 * <p>Every call ends within the client's timeout, or earlier with the {@link io.grpc.Context} of
 * the call on whose behalf it is made, and throws a {@link SessiondException} where it is refused
 * or fails. Questions and revocations are made up to three times where a server is unavailable,
 * refreshes too as long as the same token gets the same successor, and the opening of a session
 * once. Who is interrupted leaves: then the code is CANCELLED, and the thread is interrupted still.
 */
public final class SessiondClient implements BrowserClient, AutoCloseable {
  private static final long CLOSING_SECONDS = 5;

  private final Supplier<Caller> caller;
  private final Duration timeout;
  private final Duration providerTimeout;
  private final Executor executor;
  private final ScheduledExecutorService timer;
  private final Transport transport;
  private final Validating validating;

  SessiondClient(SessiondClientBuilder from) {
    caller = from.caller;
    timeout = from.timeout;
    providerTimeout = from.providerTimeout;
    executor = from.executor;
    ManagedChannel channel =
        Dial.channel(
            from.target, from.tls == null ? null : from.tls.files(), from.isInsecure, from.channel);
    timer = Timers.create();
    transport = new Transport(channel, timer, from.observer);
    validating = new Validating(transport, from);
    Reconnecting.mind(channel, timer);
    WarmUp.begin(channel);
  }

  /**
   * Begins a client for a target: {@code host:port}, {@code dns:///name:port} for all addresses of
   * a name in turn, or {@code unix:PATH}.
   */
  public static SessiondClientBuilder builder(String target) {
    return new SessiondClientBuilder(target);
  }

  /**
   * Gives the verdict on an access token. It rests on what this client keeps and knows, or on what
   * a server knows.
   */
  public Verdict validate(String token, Policy policy) {
    return validate(token, policy, ValidateOptions.DEFAULT);
  }

  /**
   * Gives the verdict on an access token. With a consistency other than cached, or with a proof, a
   * server is asked in any case.
   */
  @Override
  public Verdict validate(String token, Policy policy, ValidateOptions options) {
    return validating.validate(Question.of(token, policy, caller.get()), options);
  }

  /** Gives the same without blocking; to cancel what is returned ends the waiting. */
  public CompletableFuture<Verdict> validateAsync(String token, Policy policy) {
    return validateAsync(token, policy, ValidateOptions.DEFAULT);
  }

  /** Gives the same without blocking; to cancel what is returned ends the waiting. */
  @Override
  public CompletableFuture<Verdict> validateAsync(
      String token, Policy policy, ValidateOptions options) {
    return validating.validateAsync(Question.of(token, policy, caller.get()), options, executor);
  }

  /**
   * Gives the verdicts on many access tokens, as {@link #validateAll(List, Policy,
   * ValidateOptions)}.
   */
  public List<BatchVerdict> validateAll(List<String> tokens, Policy policy) {
    return validateAll(tokens, policy, ValidateOptions.DEFAULT);
  }

  /**
   * Gives the verdicts on 1 to 1,000 access tokens, in their order and as of one moment; together
   * they have at most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched first, is
   * {@link Undecided}, alone, and so is one that would be rejected where too many are
   * (RATE_LIMITED); where all are, the call is an {@link UnavailableException}. A server is asked
   * about all of them, whatever this client keeps. A proof is refused: it is for one token.
   */
  public List<BatchVerdict> validateAll(
      List<String> tokens, Policy policy, ValidateOptions options) {
    if (options.proof() != null) {
      throw PolicyRules.invalid("proof", "one for many tokens", "none: it is for one token");
    }
    ValidateTokensRequest request = Requests.validateAll(tokens, policy, options.consistency());
    ValidateTokensResponse response =
        ask(
            SessionServiceGrpc.getValidateTokensMethod(), request, own(options.timeout(), timeout));
    if (response.getResultsCount() != tokens.size()) {
      throw Failure.miscounted().toException();
    }
    return response.getResultsList().stream().map(Results::batchVerdict).toList();
  }

  /**
   * Opens a session at the local issuer for a subject that the caller vouches for. It is made once:
   * whether a lost answer has opened a session is not known.
   */
  public Tokens createLocalSession(String subject, LocalLogin login) {
    return createLocalSession(subject, login, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public Tokens createLocalSession(String subject, LocalLogin login, Duration own) {
    return create(Requests.create(subject, login), own(own, timeout));
  }

  /** Opens a session for a login at a provider, whose tokens the caller has; it is made once. */
  public Tokens createSession(String issuer, ProviderTokens tokens, Login login) {
    return createSession(issuer, tokens, login, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public Tokens createSession(String issuer, ProviderTokens tokens, Login login, Duration own) {
    return create(Requests.create(issuer, tokens, login), own(own, providerTimeout));
  }

  /** Opens a session for a login at a provider, whose code the caller has; it is made once. */
  public Tokens createSessionFromCode(String issuer, AuthorizationCode code, Login login) {
    return createSessionFromCode(issuer, code, login, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public Tokens createSessionFromCode(
      String issuer, AuthorizationCode code, Login login, Duration own) {
    return create(Requests.create(issuer, code, login), own(own, providerTimeout));
  }

  /**
   * Spends a refresh token. After an {@link UnavailableException} the same call may be made again;
   * it has been by then, as long as the same token gets the same successor.
   *
   * @throws RefreshRefusedException the token opens nothing
   */
  public Tokens refresh(String refreshToken, Bearer bearer) {
    return refresh(refreshToken, bearer, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public Tokens refresh(String refreshToken, Bearer bearer, Duration own) {
    return Futures.await(refresh(Requests.refresh("", refreshToken, bearer), bearer, own));
  }

  /** Does the same without blocking; to cancel what is returned ends the call. */
  @Override
  public CompletableFuture<Tokens> refreshAsync(String refreshToken, Bearer bearer) {
    return Futures.on(executor, refresh(Requests.refresh("", refreshToken, bearer), bearer, null));
  }

  /**
   * Opens a session for a refresh token that a provider gave to somebody else than sessiond. The
   * token is exchanged there, and opens one session, however often it is presented.
   *
   * <p>Whoever lost the answer gets the same tokens again from the same device, replayed, within
   * the server's grace and until they are in use: so this is repeated as a refresh is, and after an
   * {@link UnavailableException} the same call may be made again.
   *
   * @throws RefreshRefusedException PROVIDER_REFUSED where the provider takes the token no more,
   *     REFRESH_TOKEN_SUPERSEDED where its session is in use, or another device asks
   * @throws LoginRefusedException what the provider gave for it opens no session
   * @throws InvalidArgumentException the issuer adopts no tokens
   */
  public Tokens adopt(String issuer, String refreshToken, Bearer bearer) {
    return adopt(issuer, refreshToken, bearer, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public Tokens adopt(String issuer, String refreshToken, Bearer bearer, Duration own) {
    if (issuer.isEmpty()) { // the token would be presented as one of sessiond's own
      throw PolicyRules.invalid("issuer", "none", "the provider that gave the token");
    }
    return Futures.await(refresh(Requests.refresh(issuer, refreshToken, bearer), bearer, own));
  }

  /** Revokes a target, for a logout. The next call of this client sees it. */
  @Override
  public RevocationResult revoke(Target target) {
    return revoke(target, RevokeOptions.DEFAULT);
  }

  /** Revokes a target. The next call of this client sees it. */
  public RevocationResult revoke(Target target, RevokeOptions options) {
    RevokeSessionRequest request = Requests.revoke(target, options);
    RevokeSessionResponse response =
        ask(SessionServiceGrpc.getRevokeSessionMethod(), request, own(options.timeout(), timeout));
    validating.end(target, response);
    return Results.revocation(response);
  }

  /**
   * Gives what is known of a live session.
   *
   * @throws NotFoundException it is unknown, or has ended
   */
  public SessionRecord getSession(String sessionId) {
    return getSession(sessionId, null);
  }

  /** Does the same, with a time of its own for the call; null for the client's. */
  public SessionRecord getSession(String sessionId, Duration own) {
    GetSessionRequest request = GetSessionRequest.newBuilder().setSessionId(sessionId).build();
    return Results.record(
        ask(SessionServiceGrpc.getGetSessionMethod(), request, own(own, timeout)).getSession());
  }

  /**
   * Gives the live sessions of a subject, newest first; each page is asked for when it is needed.
   */
  public Stream<SessionRecord> listSessions(String issuer, String subject) {
    return listSessions(issuer, subject, 0);
  }

  /** Gives the same, of which so many come with one call; 100 is the default, and the most. */
  public Stream<SessionRecord> listSessions(String issuer, String subject, int pageSize) {
    return Pages.of(
        issuer,
        subject,
        pageSize,
        request -> ask(SessionServiceGrpc.getListSessionsMethod(), request, timeout));
  }

  /** Gives how validations were answered so far, and what is kept. */
  public Numbers numbers() {
    return validating.numbers();
  }

  /**
   * Waits until there is a connection, and everything is loaded that a first call needs: a cold
   * process takes a good part of a call's time for that.
   *
   * @throws UnavailableException there is no connection in time
   */
  public void ready(Duration patience) {
    CompletableFuture<Void> connected = Reconnecting.connected(transport.channel());
    Future<?> end =
        timer.schedule(
            () -> connected.completeExceptionally(Failure.timeOver().toException()),
            patience.toNanos(),
            TimeUnit.NANOSECONDS);
    connected.whenComplete((done, error) -> end.cancel(false));
    Futures.await(connected);
    WarmUp.await(patience);
  }

  /** Ends the connection and every call under way, and waits for that a little. */
  @Override
  public void close() {
    validating.close();
    transport.close();
    timer.shutdownNow();
    try {
      transport.channel().awaitTermination(CLOSING_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private Tokens create(CreateSessionRequest request, Duration patience) {
    Plan<CreateSessionRequest, CreateSessionResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getCreateSessionMethod(), patience, caller.get(), Repeats.ONCE);
    return Results.tokens(Futures.await(transport.call(plan, request)).getTokens(), false);
  }

  private CompletableFuture<Tokens> refresh(
      RefreshSessionRequest request, Bearer bearer, Duration own) {
    Plan<RefreshSessionRequest, RefreshSessionResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getRefreshSessionMethod(),
            own(own, providerTimeout),
            caller.get(),
            Repeats.ofRefresh(bearer.proof()));
    return Futures.then(
        transport.call(plan, request),
        response -> Results.tokens(response.getTokens(), response.getReplayed()));
  }

  /** Makes a call that does no more when it is repeated. */
  private <Q, A> A ask(MethodDescriptor<Q, A> method, Q request, Duration patience) {
    Plan<Q, A> plan = new Plan<>(method, patience, caller.get(), Repeats.IDEMPOTENT);
    return Futures.await(transport.call(plan, request));
  }

  private static Duration own(Duration given, Duration instead) {
    return given == null ? instead : given;
  }
}
