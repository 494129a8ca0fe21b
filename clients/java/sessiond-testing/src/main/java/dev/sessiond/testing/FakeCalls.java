package dev.sessiond.testing;

import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokensRequest;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Takes note of calls, and refuses them where nobody is there. */
final class FakeCalls implements ServerInterceptor {
  /** The authorization of a call. */
  static final Context.Key<String> AUTHORIZATION = Context.key("authorization");

  private static final String SCHEME = "Bearer ";
  private static final Metadata.Key<String> HEADER =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final FakeState state;
  private final String own;
  private final List<FakeCall> all = new CopyOnWriteArrayList<>();

  FakeCalls(FakeState state, String own) {
    this.state = state;
    this.own = own;
  }

  List<FakeCall> all() {
    return List.copyOf(all);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String found = headers.get(HEADER);
    String authorization = found == null ? "" : found;
    if (authorization.equals(SCHEME + own)) {
      return next.startCall(call, headers);
    }
    boolean isStream = !call.getMethodDescriptor().getType().serverSendsOneMessage();
    if (isStream && !headers.containsKey(Taps.TAPPED)) {
      state.foreignWatcher();
    }
    if (isStream && state.isAway()) {
      return refuse(call);
    }
    Context context = Context.current().withValue(AUTHORIZATION, authorization);
    ServerCall.Listener<Q> listener = Contexts.interceptCall(context, call, headers, next);
    return isStream ? listener : new Noting<>(call, listener, authorization);
  }

  private static <Q> ServerCall.Listener<Q> refuse(ServerCall<Q, ?> call) {
    call.close(Status.UNAVAILABLE.withDescription("nobody is there"), new Metadata());
    return new ServerCall.Listener<>() {};
  }

  /** Hands a message on once it is noted, and where somebody is there. */
  private final class Noting<Q> extends SimpleForwardingServerCallListener<Q> {
    private final ServerCall<Q, ?> call;
    private final String authorization;
    private boolean isRefused;

    Noting(ServerCall<Q, ?> call, ServerCall.Listener<Q> listener, String authorization) {
      super(listener);
      this.call = call;
      this.authorization = authorization;
    }

    @Override
    public void onMessage(Q message) {
      String method = call.getMethodDescriptor().getBareMethodName();
      String key = authorization.startsWith(SCHEME) ? authorization.substring(7) : authorization;
      all.add(new FakeCall(method, tokens(message), key));
      isRefused = state.isAway();
      if (isRefused) {
        refuse(call);
      } else {
        super.onMessage(message);
      }
    }

    @Override
    public void onHalfClose() {
      if (!isRefused) {
        super.onHalfClose();
      }
    }
  }

  private static List<String> tokens(Object message) {
    if (message instanceof ValidateTokenRequest asked) {
      return List.of(asked.getToken());
    }
    if (message instanceof ValidateTokensRequest asked) {
      return List.copyOf(asked.getTokensList());
    }
    if (message instanceof RefreshSessionRequest asked) {
      return List.of(asked.getRefreshToken());
    }
    if (message instanceof RevokeSessionRequest asked) {
      String token = asked.getAccessToken() + asked.getRefreshToken();
      return token.isEmpty() ? List.of() : List.of(token);
    }
    return List.of();
  }
}
