package dev.sessiond.examples;

import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/** Asks a sessiond about the access token in the environment variable ACCESS_TOKEN. */
public final class Validate {
  private Validate() {}

  public static void main(String[] args) throws InterruptedException {
    String target = args.length > 0 ? args[0] : "127.0.0.1:50051";
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    try {
      String token = System.getenv().getOrDefault("ACCESS_TOKEN", "");
      ValidateTokenRequest request = ValidateTokenRequest.newBuilder().setToken(token).build();
      ValidateTokenResponse answer =
          SessionServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(5, TimeUnit.SECONDS)
              .validateToken(request);
      // Anything but a session, an unset verdict included, means that the token is not accepted.
      if (answer.hasSession()) {
        System.out.println("accepted: " + answer.getSession().getSubject());
      } else {
        System.out.println("rejected: " + answer.getRejection().getReason());
        System.exit(1);
      }
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
