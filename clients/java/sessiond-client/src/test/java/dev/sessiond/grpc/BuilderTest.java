package dev.sessiond.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sessiond.Examples;
import dev.sessiond.Policy;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BuilderTest {
  private static final String ALL = "/sessiond.v1.SessionService/*";

  @Test
  void anInterceptorStaysAsItIsWhateverItsBuilderIsToldLater() throws IOException {
    SessiondServerInterceptor.Builder builder =
        SessiondServerInterceptor.builder((token, policy, options) -> Examples.session())
            .require(ALL, Policy.NOTHING);
    SessiondServerInterceptor interceptor = builder.build();
    builder.publicMethods(ALL);
    assertEquals(Status.Code.UNAUTHENTICATED, codeOf(interceptor));
    assertEquals(Status.Code.UNIMPLEMENTED, codeOf(builder.build()));
  }

  /** What a call of a method is told behind an interceptor: UNIMPLEMENTED where it gets through. */
  private static Status.Code codeOf(SessiondServerInterceptor interceptor) throws IOException {
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    Server server =
        NettyServerBuilder.forAddress(loopback)
            .intercept(interceptor)
            .addService(new SessionServiceGrpc.SessionServiceImplBase() {})
            .build()
            .start();
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).usePlaintext().build();
    try {
      var stub =
          SessionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS);
      ValidateTokenRequest request = ValidateTokenRequest.getDefaultInstance();
      return assertThrows(StatusRuntimeException.class, () -> stub.validateToken(request))
          .getStatus()
          .getCode();
    } finally {
      channel.shutdownNow();
      server.shutdownNow();
    }
  }
}
