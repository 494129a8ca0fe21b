package dev.sessiond.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Validates, refreshes and revokes sessions.
 * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
 * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
 * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
 * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
 * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class SessionServiceGrpc {

  private SessionServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "sessiond.v1.SessionService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokenRequest,
      dev.sessiond.v1.ValidateTokenResponse> getValidateTokenMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ValidateToken",
      requestType = dev.sessiond.v1.ValidateTokenRequest.class,
      responseType = dev.sessiond.v1.ValidateTokenResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokenRequest,
      dev.sessiond.v1.ValidateTokenResponse> getValidateTokenMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokenRequest, dev.sessiond.v1.ValidateTokenResponse> getValidateTokenMethod;
    if ((getValidateTokenMethod = SessionServiceGrpc.getValidateTokenMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getValidateTokenMethod = SessionServiceGrpc.getValidateTokenMethod) == null) {
          SessionServiceGrpc.getValidateTokenMethod = getValidateTokenMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.ValidateTokenRequest, dev.sessiond.v1.ValidateTokenResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ValidateToken"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ValidateTokenRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ValidateTokenResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ValidateToken"))
              .build();
        }
      }
    }
    return getValidateTokenMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokensRequest,
      dev.sessiond.v1.ValidateTokensResponse> getValidateTokensMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ValidateTokens",
      requestType = dev.sessiond.v1.ValidateTokensRequest.class,
      responseType = dev.sessiond.v1.ValidateTokensResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokensRequest,
      dev.sessiond.v1.ValidateTokensResponse> getValidateTokensMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.ValidateTokensRequest, dev.sessiond.v1.ValidateTokensResponse> getValidateTokensMethod;
    if ((getValidateTokensMethod = SessionServiceGrpc.getValidateTokensMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getValidateTokensMethod = SessionServiceGrpc.getValidateTokensMethod) == null) {
          SessionServiceGrpc.getValidateTokensMethod = getValidateTokensMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.ValidateTokensRequest, dev.sessiond.v1.ValidateTokensResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ValidateTokens"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ValidateTokensRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ValidateTokensResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ValidateTokens"))
              .build();
        }
      }
    }
    return getValidateTokensMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.CreateSessionRequest,
      dev.sessiond.v1.CreateSessionResponse> getCreateSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateSession",
      requestType = dev.sessiond.v1.CreateSessionRequest.class,
      responseType = dev.sessiond.v1.CreateSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.CreateSessionRequest,
      dev.sessiond.v1.CreateSessionResponse> getCreateSessionMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.CreateSessionRequest, dev.sessiond.v1.CreateSessionResponse> getCreateSessionMethod;
    if ((getCreateSessionMethod = SessionServiceGrpc.getCreateSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getCreateSessionMethod = SessionServiceGrpc.getCreateSessionMethod) == null) {
          SessionServiceGrpc.getCreateSessionMethod = getCreateSessionMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.CreateSessionRequest, dev.sessiond.v1.CreateSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.CreateSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.CreateSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("CreateSession"))
              .build();
        }
      }
    }
    return getCreateSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.RefreshSessionRequest,
      dev.sessiond.v1.RefreshSessionResponse> getRefreshSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RefreshSession",
      requestType = dev.sessiond.v1.RefreshSessionRequest.class,
      responseType = dev.sessiond.v1.RefreshSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.RefreshSessionRequest,
      dev.sessiond.v1.RefreshSessionResponse> getRefreshSessionMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.RefreshSessionRequest, dev.sessiond.v1.RefreshSessionResponse> getRefreshSessionMethod;
    if ((getRefreshSessionMethod = SessionServiceGrpc.getRefreshSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getRefreshSessionMethod = SessionServiceGrpc.getRefreshSessionMethod) == null) {
          SessionServiceGrpc.getRefreshSessionMethod = getRefreshSessionMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.RefreshSessionRequest, dev.sessiond.v1.RefreshSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RefreshSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.RefreshSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.RefreshSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("RefreshSession"))
              .build();
        }
      }
    }
    return getRefreshSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.RevokeSessionRequest,
      dev.sessiond.v1.RevokeSessionResponse> getRevokeSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RevokeSession",
      requestType = dev.sessiond.v1.RevokeSessionRequest.class,
      responseType = dev.sessiond.v1.RevokeSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.RevokeSessionRequest,
      dev.sessiond.v1.RevokeSessionResponse> getRevokeSessionMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.RevokeSessionRequest, dev.sessiond.v1.RevokeSessionResponse> getRevokeSessionMethod;
    if ((getRevokeSessionMethod = SessionServiceGrpc.getRevokeSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getRevokeSessionMethod = SessionServiceGrpc.getRevokeSessionMethod) == null) {
          SessionServiceGrpc.getRevokeSessionMethod = getRevokeSessionMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.RevokeSessionRequest, dev.sessiond.v1.RevokeSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RevokeSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.RevokeSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.RevokeSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("RevokeSession"))
              .build();
        }
      }
    }
    return getRevokeSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.GetSessionRequest,
      dev.sessiond.v1.GetSessionResponse> getGetSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetSession",
      requestType = dev.sessiond.v1.GetSessionRequest.class,
      responseType = dev.sessiond.v1.GetSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.GetSessionRequest,
      dev.sessiond.v1.GetSessionResponse> getGetSessionMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.GetSessionRequest, dev.sessiond.v1.GetSessionResponse> getGetSessionMethod;
    if ((getGetSessionMethod = SessionServiceGrpc.getGetSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getGetSessionMethod = SessionServiceGrpc.getGetSessionMethod) == null) {
          SessionServiceGrpc.getGetSessionMethod = getGetSessionMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.GetSessionRequest, dev.sessiond.v1.GetSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.GetSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.GetSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("GetSession"))
              .build();
        }
      }
    }
    return getGetSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.ListSessionsRequest,
      dev.sessiond.v1.ListSessionsResponse> getListSessionsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListSessions",
      requestType = dev.sessiond.v1.ListSessionsRequest.class,
      responseType = dev.sessiond.v1.ListSessionsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.ListSessionsRequest,
      dev.sessiond.v1.ListSessionsResponse> getListSessionsMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.ListSessionsRequest, dev.sessiond.v1.ListSessionsResponse> getListSessionsMethod;
    if ((getListSessionsMethod = SessionServiceGrpc.getListSessionsMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getListSessionsMethod = SessionServiceGrpc.getListSessionsMethod) == null) {
          SessionServiceGrpc.getListSessionsMethod = getListSessionsMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.ListSessionsRequest, dev.sessiond.v1.ListSessionsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListSessions"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ListSessionsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.ListSessionsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ListSessions"))
              .build();
        }
      }
    }
    return getListSessionsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sessiond.v1.WatchRevocationsRequest,
      dev.sessiond.v1.WatchRevocationsResponse> getWatchRevocationsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchRevocations",
      requestType = dev.sessiond.v1.WatchRevocationsRequest.class,
      responseType = dev.sessiond.v1.WatchRevocationsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.sessiond.v1.WatchRevocationsRequest,
      dev.sessiond.v1.WatchRevocationsResponse> getWatchRevocationsMethod() {
    io.grpc.MethodDescriptor<dev.sessiond.v1.WatchRevocationsRequest, dev.sessiond.v1.WatchRevocationsResponse> getWatchRevocationsMethod;
    if ((getWatchRevocationsMethod = SessionServiceGrpc.getWatchRevocationsMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getWatchRevocationsMethod = SessionServiceGrpc.getWatchRevocationsMethod) == null) {
          SessionServiceGrpc.getWatchRevocationsMethod = getWatchRevocationsMethod =
              io.grpc.MethodDescriptor.<dev.sessiond.v1.WatchRevocationsRequest, dev.sessiond.v1.WatchRevocationsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchRevocations"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.WatchRevocationsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sessiond.v1.WatchRevocationsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("WatchRevocations"))
              .build();
        }
      }
    }
    return getWatchRevocationsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static SessionServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceStub>() {
        @java.lang.Override
        public SessionServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceStub(channel, callOptions);
        }
      };
    return SessionServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static SessionServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingV2Stub>() {
        @java.lang.Override
        public SessionServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return SessionServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static SessionServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingStub>() {
        @java.lang.Override
        public SessionServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceBlockingStub(channel, callOptions);
        }
      };
    return SessionServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static SessionServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceFutureStub>() {
        @java.lang.Override
        public SessionServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceFutureStub(channel, callOptions);
        }
      };
    return SessionServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * The verdict on one access token. Group: validate.
     * </pre>
     */
    default void validateToken(dev.sessiond.v1.ValidateTokenRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokenResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getValidateTokenMethod(), responseObserver);
    }

    /**
     * <pre>
     * Verdicts on many access tokens under the same requirements, in order, each on its own. Group: validate.
     * </pre>
     */
    default void validateTokens(dev.sessiond.v1.ValidateTokensRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokensResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getValidateTokensMethod(), responseObserver);
    }

    /**
     * <pre>
     * Opens a session from what a login produced. Group: session; for `local_login`: mint.
     * </pre>
     */
    default void createSession(dev.sessiond.v1.CreateSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.CreateSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Spends a refresh token for the next one and an access token. Repeating the call within the grace gets the same successor.
     * Group: session; for a provider's own refresh token: adopt.
     * </pre>
     */
    default void refreshSession(dev.sessiond.v1.RefreshSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.RefreshSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRefreshSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ends sessions. Idempotent: what is unknown or ended already is OK. Group: session for tokens and session ids, revoke for a
     * subject and a provider's session, revoke_bulk for a tenant, a client, an issuer and a key.
     * </pre>
     */
    default void revokeSession(dev.sessiond.v1.RevokeSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.RevokeSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRevokeSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * What is known of a live session. Group: read.
     * </pre>
     */
    default void getSession(dev.sessiond.v1.GetSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.GetSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * The live sessions of a subject, newest first. Group: read.
     * </pre>
     */
    default void listSessions(dev.sessiond.v1.ListSessionsRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ListSessionsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListSessionsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Every revocation from a revision on, with heartbeats, so that a client can cache verdicts safely. Group: watch.
     * </pre>
     */
    default void watchRevocations(dev.sessiond.v1.WatchRevocationsRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.WatchRevocationsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchRevocationsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service SessionService.
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public static abstract class SessionServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return SessionServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service SessionService.
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public static final class SessionServiceStub
      extends io.grpc.stub.AbstractAsyncStub<SessionServiceStub> {
    private SessionServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * The verdict on one access token. Group: validate.
     * </pre>
     */
    public void validateToken(dev.sessiond.v1.ValidateTokenRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokenResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getValidateTokenMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Verdicts on many access tokens under the same requirements, in order, each on its own. Group: validate.
     * </pre>
     */
    public void validateTokens(dev.sessiond.v1.ValidateTokensRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokensResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getValidateTokensMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Opens a session from what a login produced. Group: session; for `local_login`: mint.
     * </pre>
     */
    public void createSession(dev.sessiond.v1.CreateSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.CreateSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Spends a refresh token for the next one and an access token. Repeating the call within the grace gets the same successor.
     * Group: session; for a provider's own refresh token: adopt.
     * </pre>
     */
    public void refreshSession(dev.sessiond.v1.RefreshSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.RefreshSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRefreshSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ends sessions. Idempotent: what is unknown or ended already is OK. Group: session for tokens and session ids, revoke for a
     * subject and a provider's session, revoke_bulk for a tenant, a client, an issuer and a key.
     * </pre>
     */
    public void revokeSession(dev.sessiond.v1.RevokeSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.RevokeSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRevokeSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * What is known of a live session. Group: read.
     * </pre>
     */
    public void getSession(dev.sessiond.v1.GetSessionRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.GetSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * The live sessions of a subject, newest first. Group: read.
     * </pre>
     */
    public void listSessions(dev.sessiond.v1.ListSessionsRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.ListSessionsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListSessionsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Every revocation from a revision on, with heartbeats, so that a client can cache verdicts safely. Group: watch.
     * </pre>
     */
    public void watchRevocations(dev.sessiond.v1.WatchRevocationsRequest request,
        io.grpc.stub.StreamObserver<dev.sessiond.v1.WatchRevocationsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchRevocationsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service SessionService.
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public static final class SessionServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<SessionServiceBlockingV2Stub> {
    private SessionServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * The verdict on one access token. Group: validate.
     * </pre>
     */
    public dev.sessiond.v1.ValidateTokenResponse validateToken(dev.sessiond.v1.ValidateTokenRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getValidateTokenMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Verdicts on many access tokens under the same requirements, in order, each on its own. Group: validate.
     * </pre>
     */
    public dev.sessiond.v1.ValidateTokensResponse validateTokens(dev.sessiond.v1.ValidateTokensRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getValidateTokensMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Opens a session from what a login produced. Group: session; for `local_login`: mint.
     * </pre>
     */
    public dev.sessiond.v1.CreateSessionResponse createSession(dev.sessiond.v1.CreateSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Spends a refresh token for the next one and an access token. Repeating the call within the grace gets the same successor.
     * Group: session; for a provider's own refresh token: adopt.
     * </pre>
     */
    public dev.sessiond.v1.RefreshSessionResponse refreshSession(dev.sessiond.v1.RefreshSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRefreshSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends sessions. Idempotent: what is unknown or ended already is OK. Group: session for tokens and session ids, revoke for a
     * subject and a provider's session, revoke_bulk for a tenant, a client, an issuer and a key.
     * </pre>
     */
    public dev.sessiond.v1.RevokeSessionResponse revokeSession(dev.sessiond.v1.RevokeSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRevokeSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * What is known of a live session. Group: read.
     * </pre>
     */
    public dev.sessiond.v1.GetSessionResponse getSession(dev.sessiond.v1.GetSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The live sessions of a subject, newest first. Group: read.
     * </pre>
     */
    public dev.sessiond.v1.ListSessionsResponse listSessions(dev.sessiond.v1.ListSessionsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListSessionsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Every revocation from a revision on, with heartbeats, so that a client can cache verdicts safely. Group: watch.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.sessiond.v1.WatchRevocationsResponse>
        watchRevocations(dev.sessiond.v1.WatchRevocationsRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchRevocationsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service SessionService.
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public static final class SessionServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<SessionServiceBlockingStub> {
    private SessionServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * The verdict on one access token. Group: validate.
     * </pre>
     */
    public dev.sessiond.v1.ValidateTokenResponse validateToken(dev.sessiond.v1.ValidateTokenRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getValidateTokenMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Verdicts on many access tokens under the same requirements, in order, each on its own. Group: validate.
     * </pre>
     */
    public dev.sessiond.v1.ValidateTokensResponse validateTokens(dev.sessiond.v1.ValidateTokensRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getValidateTokensMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Opens a session from what a login produced. Group: session; for `local_login`: mint.
     * </pre>
     */
    public dev.sessiond.v1.CreateSessionResponse createSession(dev.sessiond.v1.CreateSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Spends a refresh token for the next one and an access token. Repeating the call within the grace gets the same successor.
     * Group: session; for a provider's own refresh token: adopt.
     * </pre>
     */
    public dev.sessiond.v1.RefreshSessionResponse refreshSession(dev.sessiond.v1.RefreshSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRefreshSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends sessions. Idempotent: what is unknown or ended already is OK. Group: session for tokens and session ids, revoke for a
     * subject and a provider's session, revoke_bulk for a tenant, a client, an issuer and a key.
     * </pre>
     */
    public dev.sessiond.v1.RevokeSessionResponse revokeSession(dev.sessiond.v1.RevokeSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRevokeSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * What is known of a live session. Group: read.
     * </pre>
     */
    public dev.sessiond.v1.GetSessionResponse getSession(dev.sessiond.v1.GetSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The live sessions of a subject, newest first. Group: read.
     * </pre>
     */
    public dev.sessiond.v1.ListSessionsResponse listSessions(dev.sessiond.v1.ListSessionsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListSessionsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Every revocation from a revision on, with heartbeats, so that a client can cache verdicts safely. Group: watch.
     * </pre>
     */
    public java.util.Iterator<dev.sessiond.v1.WatchRevocationsResponse> watchRevocations(
        dev.sessiond.v1.WatchRevocationsRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchRevocationsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service SessionService.
   * <pre>
   * Validates, refreshes and revokes sessions.
   * A question gets an answer: ValidateToken answers OK with a verdict, whatever the token is. A command that is refused gets an
   * error: a canonical status code with exactly one `google.rpc.ErrorInfo` of domain `sessiond`; its reasons are in
   * error_reason.proto. Of UNAVAILABLE and RESOURCE_EXHAUSTED, `google.rpc.RetryInfo` says when to try again.
   * A field that the server does not know, or does not carry out yet, is refused with UNIMPLEMENTED, never ignored.
   * Who may call what goes by groups: validate, session, mint, adopt, revoke, revoke_bulk, read, watch.
   * </pre>
   */
  public static final class SessionServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<SessionServiceFutureStub> {
    private SessionServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * The verdict on one access token. Group: validate.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.ValidateTokenResponse> validateToken(
        dev.sessiond.v1.ValidateTokenRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getValidateTokenMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Verdicts on many access tokens under the same requirements, in order, each on its own. Group: validate.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.ValidateTokensResponse> validateTokens(
        dev.sessiond.v1.ValidateTokensRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getValidateTokensMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Opens a session from what a login produced. Group: session; for `local_login`: mint.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.CreateSessionResponse> createSession(
        dev.sessiond.v1.CreateSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Spends a refresh token for the next one and an access token. Repeating the call within the grace gets the same successor.
     * Group: session; for a provider's own refresh token: adopt.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.RefreshSessionResponse> refreshSession(
        dev.sessiond.v1.RefreshSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRefreshSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Ends sessions. Idempotent: what is unknown or ended already is OK. Group: session for tokens and session ids, revoke for a
     * subject and a provider's session, revoke_bulk for a tenant, a client, an issuer and a key.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.RevokeSessionResponse> revokeSession(
        dev.sessiond.v1.RevokeSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRevokeSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * What is known of a live session. Group: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.GetSessionResponse> getSession(
        dev.sessiond.v1.GetSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * The live sessions of a subject, newest first. Group: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sessiond.v1.ListSessionsResponse> listSessions(
        dev.sessiond.v1.ListSessionsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListSessionsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_VALIDATE_TOKEN = 0;
  private static final int METHODID_VALIDATE_TOKENS = 1;
  private static final int METHODID_CREATE_SESSION = 2;
  private static final int METHODID_REFRESH_SESSION = 3;
  private static final int METHODID_REVOKE_SESSION = 4;
  private static final int METHODID_GET_SESSION = 5;
  private static final int METHODID_LIST_SESSIONS = 6;
  private static final int METHODID_WATCH_REVOCATIONS = 7;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_VALIDATE_TOKEN:
          serviceImpl.validateToken((dev.sessiond.v1.ValidateTokenRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokenResponse>) responseObserver);
          break;
        case METHODID_VALIDATE_TOKENS:
          serviceImpl.validateTokens((dev.sessiond.v1.ValidateTokensRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.ValidateTokensResponse>) responseObserver);
          break;
        case METHODID_CREATE_SESSION:
          serviceImpl.createSession((dev.sessiond.v1.CreateSessionRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.CreateSessionResponse>) responseObserver);
          break;
        case METHODID_REFRESH_SESSION:
          serviceImpl.refreshSession((dev.sessiond.v1.RefreshSessionRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.RefreshSessionResponse>) responseObserver);
          break;
        case METHODID_REVOKE_SESSION:
          serviceImpl.revokeSession((dev.sessiond.v1.RevokeSessionRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.RevokeSessionResponse>) responseObserver);
          break;
        case METHODID_GET_SESSION:
          serviceImpl.getSession((dev.sessiond.v1.GetSessionRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.GetSessionResponse>) responseObserver);
          break;
        case METHODID_LIST_SESSIONS:
          serviceImpl.listSessions((dev.sessiond.v1.ListSessionsRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.ListSessionsResponse>) responseObserver);
          break;
        case METHODID_WATCH_REVOCATIONS:
          serviceImpl.watchRevocations((dev.sessiond.v1.WatchRevocationsRequest) request,
              (io.grpc.stub.StreamObserver<dev.sessiond.v1.WatchRevocationsResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getValidateTokenMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.ValidateTokenRequest,
              dev.sessiond.v1.ValidateTokenResponse>(
                service, METHODID_VALIDATE_TOKEN)))
        .addMethod(
          getValidateTokensMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.ValidateTokensRequest,
              dev.sessiond.v1.ValidateTokensResponse>(
                service, METHODID_VALIDATE_TOKENS)))
        .addMethod(
          getCreateSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.CreateSessionRequest,
              dev.sessiond.v1.CreateSessionResponse>(
                service, METHODID_CREATE_SESSION)))
        .addMethod(
          getRefreshSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.RefreshSessionRequest,
              dev.sessiond.v1.RefreshSessionResponse>(
                service, METHODID_REFRESH_SESSION)))
        .addMethod(
          getRevokeSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.RevokeSessionRequest,
              dev.sessiond.v1.RevokeSessionResponse>(
                service, METHODID_REVOKE_SESSION)))
        .addMethod(
          getGetSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.GetSessionRequest,
              dev.sessiond.v1.GetSessionResponse>(
                service, METHODID_GET_SESSION)))
        .addMethod(
          getListSessionsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sessiond.v1.ListSessionsRequest,
              dev.sessiond.v1.ListSessionsResponse>(
                service, METHODID_LIST_SESSIONS)))
        .addMethod(
          getWatchRevocationsMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.sessiond.v1.WatchRevocationsRequest,
              dev.sessiond.v1.WatchRevocationsResponse>(
                service, METHODID_WATCH_REVOCATIONS)))
        .build();
  }

  private static abstract class SessionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    SessionServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.sessiond.v1.SessionServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("SessionService");
    }
  }

  private static final class SessionServiceFileDescriptorSupplier
      extends SessionServiceBaseDescriptorSupplier {
    SessionServiceFileDescriptorSupplier() {}
  }

  private static final class SessionServiceMethodDescriptorSupplier
      extends SessionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    SessionServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (SessionServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new SessionServiceFileDescriptorSupplier())
              .addMethod(getValidateTokenMethod())
              .addMethod(getValidateTokensMethod())
              .addMethod(getCreateSessionMethod())
              .addMethod(getRefreshSessionMethod())
              .addMethod(getRevokeSessionMethod())
              .addMethod(getGetSessionMethod())
              .addMethod(getListSessionsMethod())
              .addMethod(getWatchRevocationsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
