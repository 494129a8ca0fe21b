package dev.sessiond;

import dev.sessiond.internal.clock.Clock;
import dev.sessiond.internal.dial.Dial;
import dev.sessiond.internal.dial.Reconnecting;
import dev.sessiond.internal.watch.Following;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.CreateSessionResponse;
import dev.sessiond.v1.GetSessionRequest;
import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RefreshSessionResponse;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.RevokeSessionResponse;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
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
 * Asks a sessiond. Use one for all of a process, from as many threads as there are: it has one connection,
 * keeps acceptances, and joins what is asked at the same time.
 *
 * <p>Every call ends within the client's timeout, or earlier with the {@link io.grpc.Context} of the call on
 * whose behalf it is made, and throws a {@link SessiondException} where it is refused or fails. Questions and
 * revocations are made up to three times where a server is unavailable, refreshes too as long as the same
 * token gets the same successor, and the opening of a session once. Who is interrupted leaves: then the code
 * is CANCELLED, and the thread is interrupted still.
 */
public final class SessiondClient implements Validator, AutoCloseable {
  private static final long CLOSING_SECONDS = 5;

  private final Supplier<Caller> caller;
  private final Duration timeout;
  private final Duration providerTimeout;
  private final Executor executor;
  private final ScheduledExecutorService timer;
  private final Transport transport;
  private final Counters counters;
  private final Memory memory; // null where nothing is kept
  private final Following following; // null likewise
  private final Calls calls;

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
    counters = new Counters(from.observer);
    memory = from.cache == null ? null : new Memory(from.cache, Clock.SYSTEM);
    following = memory == null ? null : follow(channel, from.observer);
    calls = new Calls(transport, memory, Clock.SYSTEM, timeout, from.isBatching);
    Reconnecting.mind(channel, timer);
  }

  /**
   * Begins a client for a target: {@code host:port}, {@code dns:///name:port} for all addresses of a name in
   * turn, or {@code unix:PATH}.
   */
  public static SessiondClientBuilder builder(String target) {
    return new SessiondClientBuilder(target);
  }

  /**
   * Gives the verdict on an access token. It rests on what this client keeps and knows, or on what a server
   * knows.
   */
  public Verdict validate(String token, Policy policy) {
    return validate(token, policy, ValidateOptions.DEFAULT);
  }

  /**
   * Gives the verdict on an access token. With a consistency other than cached, or with a proof, a server is
   * asked in any case.
   */
  @Override
  public Verdict validate(String token, Policy policy, ValidateOptions options) {
    long began = counters.begin();
    Question question = Question.of(token, policy, caller.get());
    Verdict kept = options.isForOne() ? null : find(question);
    return kept == null
        ? Futures.await(ask(question, options, began))
        : counters.end(Outcome.HIT, kept, began);
  }

  /** Gives the same without blocking; to cancel what is returned ends the waiting. */
  public CompletableFuture<Verdict> validateAsync(String token, Policy policy) {
    return validateAsync(token, policy, ValidateOptions.DEFAULT);
  }

  /** Gives the same without blocking; to cancel what is returned ends the waiting. */
  @Override
  public CompletableFuture<Verdict> validateAsync(
      String token, Policy policy, ValidateOptions options) {
    long began = counters.begin();
    Question question = Question.of(token, policy, caller.get());
    Verdict kept = options.isForOne() ? null : find(question);
    return kept == null
        ? Futures.on(executor, ask(question, options, began))
        : CompletableFuture.completedFuture(counters.end(Outcome.HIT, kept, began));
  }

  /** Gives the verdicts on many access tokens, as {@link #validateAll(List, Policy, ValidateOptions)}. */
  public List<BatchVerdict> validateAll(List<String> tokens, Policy policy) {
    return validateAll(tokens, policy, ValidateOptions.DEFAULT);
  }

  /**
   * Gives the verdicts on 1 to 1,000 access tokens, in their order and as of one moment; together they have at
   * most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched first, is {@link Undecided},
   * alone, and so is one that would be rejected where too many are (RATE_LIMITED); where all are, the call is
   * an {@link UnavailableException}. A server is asked about all of them, whatever this client keeps. A proof
   * is refused: it is for one token.
   */
  public List<BatchVerdict> validateAll(
      List<String> tokens, Policy policy, ValidateOptions options) {
    if (options.proof() != null) {
      throw PolicyRules.invalid("proof", "one for many tokens", "none: it is for one token");
    }
    Plan<ValidateTokensRequest, ValidateTokensResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getValidateTokensMethod(),
            own(options.timeout(), timeout),
            caller.get(),
            Repeats.IDEMPOTENT);
    ValidateTokensRequest request = Requests.validateAll(tokens, policy, options.consistency());
    ValidateTokensResponse response = Futures.await(transport.call(plan, request));
    if (response.getResultsCount() != tokens.size()) {
      throw Failure.miscounted().toException();
    }
    return response.getResultsList().stream().map(Results::batchVerdict).toList();
  }

  /**
   * Opens a session at the local issuer for a subject that the caller vouches for. It is made once: whether a
   * lost answer has opened a session is not known.
   */
  public Tokens createLocalSession(String subject, LocalLogin login) {
    return create(Requests.create(subject, login), timeout);
  }

  /** Opens a session for a login at a provider, whose tokens the caller has; it is made once. */
  public Tokens createSession(String issuer, ProviderTokens tokens, Login login) {
    return create(Requests.create(issuer, tokens, login), providerTimeout);
  }

  /** Opens a session for a login at a provider, whose code the caller has; it is made once. */
  public Tokens createSessionFromCode(String issuer, AuthorizationCode code, Login login) {
    return create(Requests.create(issuer, code, login), providerTimeout);
  }

  /**
   * Spends a refresh token. After an {@link UnavailableException} the same call may be made again; it has been
   * by then, as long as the same token gets the same successor.
   *
   * @throws RefreshRefusedException the token opens nothing
   */
  public Tokens refresh(String refreshToken, Bearer bearer) {
    return Futures.await(refresh(Requests.refresh("", refreshToken, bearer), bearer));
  }

  /** Does the same without blocking; to cancel what is returned ends the call. */
  public CompletableFuture<Tokens> refreshAsync(String refreshToken, Bearer bearer) {
    return Futures.on(executor, refresh(Requests.refresh("", refreshToken, bearer), bearer));
  }

  /**
   * Opens a session for a refresh token that a provider gave to somebody else than sessiond. The token is
   * exchanged there, and opens one session, however often it is presented.
   *
   * <p>Whoever lost the answer gets the same tokens again from the same device, replayed, within the server's
   * grace and until they are in use: so this is repeated as a refresh is, and after an {@link
   * UnavailableException} the same call may be made again.
   *
   * @throws RefreshRefusedException PROVIDER_REFUSED where the provider takes the token no more,
   *     REFRESH_TOKEN_SUPERSEDED where its session is in use, or another device asks
   * @throws LoginRefusedException what the provider gave for it opens no session
   * @throws InvalidArgumentException the issuer adopts no tokens
   */
  public Tokens adopt(String issuer, String refreshToken, Bearer bearer) {
    if (issuer.isEmpty()) { // the token would be presented as one of sessiond's own
      throw PolicyRules.invalid("issuer", "none", "the provider that gave the token");
    }
    return Futures.await(refresh(Requests.refresh(issuer, refreshToken, bearer), bearer));
  }

  /** Revokes a target, for a logout. The next call of this client sees it. */
  public RevocationResult revoke(Target target) {
    return revoke(target, RevokeOptions.DEFAULT);
  }

  /** Revokes a target. The next call of this client sees it. */
  public RevocationResult revoke(Target target, RevokeOptions options) {
    Plan<RevokeSessionRequest, RevokeSessionResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getRevokeSessionMethod(),
            own(options.timeout(), timeout),
            caller.get(),
            Repeats.IDEMPOTENT);
    RevokeSessionResponse response =
        Futures.await(transport.call(plan, Requests.revoke(target, options)));
    if (memory != null) {
      memory.end(target, response);
    }
    return Results.revocation(response);
  }

  /**
   * Gives what is known of a live session.
   *
   * @throws NotFoundException it is unknown, or has ended
   */
  public SessionRecord getSession(String sessionId) {
    GetSessionRequest request = GetSessionRequest.newBuilder().setSessionId(sessionId).build();
    return Results.record(
        Futures.await(call(SessionServiceGrpc.getGetSessionMethod(), request)).getSession());
  }

  /** Gives the live sessions of a subject, newest first; each page is asked for when it is needed. */
  public Stream<SessionRecord> listSessions(String issuer, String subject) {
    return listSessions(issuer, subject, 0);
  }

  /** Gives the same, of which so many come with one call; 100 is the default, and the most. */
  public Stream<SessionRecord> listSessions(String issuer, String subject, int pageSize) {
    return Pages.of(
        issuer,
        subject,
        pageSize,
        request -> Futures.await(call(SessionServiceGrpc.getListSessionsMethod(), request)));
  }

  /** Gives how validations were answered so far, and what is kept. */
  public Numbers numbers() {
    return new Numbers(
        counters.of(Outcome.HIT),
        counters.of(Outcome.MISS),
        counters.of(Outcome.JOINED),
        counters.of(Outcome.BYPASSED),
        memory == null ? 0 : memory.cache().size(),
        memory == null ? 0 : memory.cache().evicted(),
        following == null ? 0 : following.reconnects(),
        memory == null ? null : memory.watchAge());
  }

  /**
   * Waits until there is a connection.
   *
   * @throws UnavailableException there is none in time
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
  }

  /** Ends the connection and every call under way, and waits for that a little. */
  @Override
  public void close() {
    if (following != null) {
      following.close();
    }
    calls.close();
    transport.close();
    timer.shutdownNow();
    try {
      transport.channel().awaitTermination(CLOSING_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  /** What is kept, and may be repeated. The revocations are followed from the first question on. */
  private Session find(Question question) {
    if (memory == null) {
      return null;
    }
    Session session = memory.find(question.key());
    if (session == null) {
      following.start();
    }
    return session;
  }

  /** By a call: that others share, of its own, or past what is kept. */
  private CompletableFuture<Verdict> ask(Question question, ValidateOptions options, long began) {
    if (options.isForOne()) {
      return Futures.then(
          past(question, options), verdict -> counters.end(Outcome.BYPASSED, verdict, began));
    }
    if (options.timeout() != null) {
      return Futures.then(
          calls.alone(question, options.timeout()),
          landed -> counters.end(Outcome.MISS, landed.verdict(), began));
    }
    return Futures.then(
        calls.shared(question),
        answered -> counters.end(answered.outcome(), answered.verdict(), began));
  }

  /** By a call whose answer is for this caller alone; a REVOKED is learnt from all the same. */
  private CompletableFuture<Verdict> past(Question question, ValidateOptions options) {
    Plan<ValidateTokenRequest, ValidateTokenResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getValidateTokenMethod(),
            own(options.timeout(), timeout),
            question.caller(),
            Repeats.IDEMPOTENT);
    ValidateTokenRequest request = Requests.validate(question.token(), question.policy(), options);
    return Futures.then(
        transport.call(plan, request),
        response -> {
          Verdict verdict = Results.verdict(response);
          if (memory != null) {
            memory.learn(question.key().tokenId(), verdict);
          }
          return verdict;
        });
  }

  private Tokens create(CreateSessionRequest request, Duration patience) {
    Plan<CreateSessionRequest, CreateSessionResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getCreateSessionMethod(), patience, caller.get(), Repeats.ONCE);
    return Results.tokens(Futures.await(transport.call(plan, request)).getTokens(), false);
  }

  private CompletableFuture<Tokens> refresh(RefreshSessionRequest request, Bearer bearer) {
    Plan<RefreshSessionRequest, RefreshSessionResponse> plan =
        new Plan<>(
            SessionServiceGrpc.getRefreshSessionMethod(),
            providerTimeout,
            caller.get(),
            Repeats.ofRefresh(bearer.proof()));
    return Futures.then(
        transport.call(plan, request),
        response -> Results.tokens(response.getTokens(), response.getReplayed()));
  }

  private <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request) {
    return transport.call(
        new Plan<>(method, timeout, caller.get(), Repeats.IDEMPOTENT), request);
  }

  private Following follow(ManagedChannel channel, Observer observer) {
    return new Following(
        new RevocationSource(channel, caller),
        memory.known(),
        Clock.SYSTEM,
        timer,
        state ->
            Observers.tell(() -> observer.watchChanged(WatchState.valueOf(state.name()))));
  }

  private static Duration own(Duration given, Duration instead) {
    return given == null ? instead : given;
  }
}
