package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnaryTest {
  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void anAnswerIsOneMessage(int count) throws IOException {
    Server server = serverOf(count);
    try (SessiondClient client =
        SessiondClient.builder("127.0.0.1:" + server.getPort())
            .timeout(Duration.ofSeconds(30))
            .build()) {
      SessiondException error =
          assertThrows(InternalException.class, () -> client.validate("one", Policy.NOTHING));
      assertEquals("INTERNAL: the answer has " + count + " messages", error.getMessage());
    } finally {
      server.shutdownNow();
    }
  }

  /** A server that answers a question with so many messages. */
  private static Server serverOf(int count) throws IOException {
    var method =
        SessionServiceGrpc.getValidateTokenMethod().toBuilder()
            .setType(MethodType.SERVER_STREAMING)
            .build();
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return NettyServerBuilder.forAddress(loopback)
        .addService(
            ServerServiceDefinition.builder(SessionServiceGrpc.SERVICE_NAME)
                .addMethod(
                    method,
                    ServerCalls.asyncServerStreamingCall(
                        (request, answers) -> {
                          for (int i = 0; i < count; i++) {
                            answers.onNext(ValidateTokenResponse.getDefaultInstance());
                          }
                          answers.onCompleted();
                        }))
                .build())
        .build()
        .start();
  }
}
