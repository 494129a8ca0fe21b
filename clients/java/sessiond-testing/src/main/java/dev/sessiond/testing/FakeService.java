package dev.sessiond.testing;

import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.CreateSessionResponse;
import dev.sessiond.v1.GetSessionRequest;
import dev.sessiond.v1.GetSessionResponse;
import dev.sessiond.v1.ListSessionsRequest;
import dev.sessiond.v1.ListSessionsResponse;
import dev.sessiond.v1.PossessionProof;
import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RefreshSessionResponse;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.RevokeSessionResponse;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import dev.sessiond.v1.ValidateTokensRequest;
import dev.sessiond.v1.ValidateTokensResponse;
import dev.sessiond.v1.WatchRevocationsRequest;
import dev.sessiond.v1.WatchRevocationsResponse;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;

/** Carries the methods of the service out. */
final class FakeService extends SessionServiceGrpc.SessionServiceImplBase {
  private final FakeState state;
  private final FakeJudge judge;
  private final FakeCommands commands;

  FakeService(FakeState state) {
    this.state = state;
    this.judge = new FakeJudge(state);
    this.commands = new FakeCommands(state);
  }

  @Override
  public void validateToken(
      ValidateTokenRequest request, StreamObserver<ValidateTokenResponse> answers) {
    answer(
        answers,
        () -> judge.judge(request.getToken(), request.getRequirements(), request.getProof()));
  }

  @Override
  public void validateTokens(
      ValidateTokensRequest request, StreamObserver<ValidateTokensResponse> answers) {
    PossessionProof none = PossessionProof.getDefaultInstance();
    answer(
        answers,
        () -> {
          if (request.getTokensCount() == 0) {
            throw FakeRefusals.field("tokens", "none", "1 to 1,000 tokens");
          }
          ValidateTokensResponse.Builder all = ValidateTokensResponse.newBuilder();
          for (String token : request.getTokensList()) {
            all.addResults(judge.judge(token, request.getRequirements(), none));
          }
          return all.build();
        });
  }

  @Override
  public void createSession(
      CreateSessionRequest request, StreamObserver<CreateSessionResponse> answers) {
    answer(
        answers,
        () -> CreateSessionResponse.newBuilder().setTokens(commands.create(request)).build());
  }

  @Override
  public void refreshSession(
      RefreshSessionRequest request, StreamObserver<RefreshSessionResponse> answers) {
    String caller = FakeCalls.AUTHORIZATION.get();
    answer(answers, () -> commands.refresh(request, caller == null ? "" : caller));
  }

  @Override
  public void revokeSession(
      RevokeSessionRequest request, StreamObserver<RevokeSessionResponse> answers) {
    answer(answers, () -> commands.revoke(request));
  }

  @Override
  public void getSession(GetSessionRequest request, StreamObserver<GetSessionResponse> answers) {
    answer(
        answers,
        () -> {
          if (!FakeClaims.isSessionId(request.getSessionId())) {
            throw FakeRefusals.field("session_id", "another text", "an id of sessiond's");
          }
          FakeSession of = state.sessions().get(request.getSessionId());
          if (of == null || !state.isLive(of)) {
            throw FakeRefusals.notFound();
          }
          return GetSessionResponse.newBuilder().setSession(of.record()).build();
        });
  }

  @Override
  public void listSessions(
      ListSessionsRequest request, StreamObserver<ListSessionsResponse> answers) {
    answer(
        answers,
        () -> {
          List<FakeSession> live = new ArrayList<>(state.sessions().values());
          String subject = request.getSubject().getSubject();
          live.removeIf(of -> !of.login.getSubject().equals(subject) || !state.isLive(of));
          Collections.reverse(live);
          return ListSessionsResponse.newBuilder()
              .addAllSessions(live.stream().map(FakeSession::record).toList())
              .build();
        });
  }

  @Override
  public void watchRevocations(
      WatchRevocationsRequest request, StreamObserver<WatchRevocationsResponse> answers) {
    new Watcher(state, (ServerCallStreamObserver<WatchRevocationsResponse>) answers)
        .begin(request.getFromRevision());
  }

  private <A> void answer(StreamObserver<A> answers, Supplier<A> does) {
    A answer;
    try {
      answer = state.with(does);
    } catch (StatusRuntimeException refusal) {
      answers.onError(refusal);
      return;
    }
    answers.onNext(answer);
    answers.onCompleted();
  }
}
