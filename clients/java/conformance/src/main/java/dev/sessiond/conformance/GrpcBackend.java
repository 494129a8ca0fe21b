package dev.sessiond.conformance;

import dev.sessiond.SessiondClient;
import dev.sessiond.grpc.SessiondServerInterceptor;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;

/** A backend over gRPC, whose methods are behind an interceptor. */
final class GrpcBackend implements AutoCloseable {
  private final Server server;

  GrpcBackend(Command command, SessiondClient client) {
    Shop shop = new Shop();
    SessiondServerInterceptor interceptor = interceptor(command, client);
    try {
      server =
          NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
              .intercept(interceptor)
              .addService(shop.backend())
              .addService(shop.health())
              .build()
              .start();
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  String target() {
    return "127.0.0.1:" + server.getPort();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private static SessiondServerInterceptor interceptor(Command command, SessiondClient client) {
    SessiondServerInterceptor.Builder builder = SessiondServerInterceptor.builder(client);
    Command methods = command.inner("methods");
    for (String name : methods.members().keySet()) {
      Command rule = methods.inner(name);
      if (rule.text("access").equals("required")) {
        builder.require(name, Arguments.policy(rule), Arguments.validation(rule));
      } else {
        builder.publicMethods(name);
      }
    }
    command.with("others", name -> builder.requireOfOthers(Arguments.policy(command.inner(name))));
    command.with("dpop_origin", name -> builder.dpop(command.text(name)));
    return builder.build();
  }
}
