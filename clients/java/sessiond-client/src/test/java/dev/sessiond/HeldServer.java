package dev.sessiond;

import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import dev.sessiond.v1.ValidateTokensRequest;
import dev.sessiond.v1.ValidateTokensResponse;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/** A server whose answers wait until a test gives them: rejections, unless it says otherwise. */
final class HeldServer extends SessionServiceGrpc.SessionServiceImplBase implements AutoCloseable {
  /** Questions that came together, and how they are answered. */
  record Asked(List<String> tokens, Runnable answer) {}

  final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
  final Map<String, ValidateTokenResponse> verdicts = new ConcurrentHashMap<>();
  private final Server server;

  HeldServer() throws IOException {
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = NettyServerBuilder.forAddress(loopback).addService(this).build().start();
  }

  String target() {
    return "127.0.0.1:" + server.getPort();
  }

  @Override
  public void validateToken(
      ValidateTokenRequest request, StreamObserver<ValidateTokenResponse> answers) {
    hold(List.of(request.getToken()), answers, verdict(request.getToken()));
  }

  @Override
  public void validateTokens(
      ValidateTokensRequest request, StreamObserver<ValidateTokensResponse> answers) {
    ValidateTokensResponse.Builder all = ValidateTokensResponse.newBuilder();
    request.getTokensList().forEach(token -> all.addResults(verdict(token)));
    hold(request.getTokensList(), answers, all.build());
  }

  private ValidateTokenResponse verdict(String token) {
    return verdicts.getOrDefault(token, ValidateTokenResponse.getDefaultInstance());
  }

  private <A> void hold(List<String> tokens, StreamObserver<A> answers, A answer) {
    asked.add(
        new Asked(
            tokens,
            () -> {
              answers.onNext(answer);
              answers.onCompleted();
            }));
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
