package dev.sessiond.bench.peer;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import java.net.URI;

/**
 * What a Java team would write by itself: a gRPC service that verifies access tokens with
 * nimbus-jose-jwt. It knows nothing of revocations.
 *
 * <p>Its arguments are where the issuer's keys are, and the issuer; its first line of output is its
 * address.
 */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    Verifier verifier = new Verifier(URI.create(arguments[0]).toURL(), arguments[1]);
    Server server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Service(verifier))
            .build()
            .start();
    System.out.println("127.0.0.1:" + server.getPort());
    server.awaitTermination();
  }
}
