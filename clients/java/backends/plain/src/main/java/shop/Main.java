package shop;

import com.google.protobuf.RuntimeVersion;
import dev.sessiond.Policy;
import dev.sessiond.Rejection;
import dev.sessiond.Session;
import dev.sessiond.SessiondClient;
import dev.sessiond.Target;
import dev.sessiond.testing.FakeSessiond;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;

/** Asks about a token before and after it is revoked, and says on which runtime. */
public final class Main {
  public static void main(String[] arguments) {
    var registry = new SimpleMeterRegistry();
    try (FakeSessiond fake = FakeSessiond.start();
        SessiondClient client =
            fake.client(
                fake.clientBuilder()
                    .observer(new dev.sessiond.micrometer.SessiondMetrics(registry))
                    .observer(
                        new dev.sessiond.opentelemetry.SessiondMetrics(
                            OpenTelemetry.noop().getMeterProvider())))) {
      String token = fake.login("alice").accessToken();
      boolean isAccepted = client.validate(token, Policy.NOTHING) instanceof Session;
      fake.revoke(Target.accessToken(token));
      boolean isRejected = client.validate(token, Policy.NOTHING) instanceof Rejection;
      boolean isMeasured = registry.find("sessiond.client.validations").counter() != null;
      System.out.printf(
          "%s %s %s protobuf-java %d.%d.%d, grpc %s%n",
          isAccepted,
          isRejected,
          isMeasured,
          RuntimeVersion.MAJOR,
          RuntimeVersion.MINOR,
          RuntimeVersion.PATCH,
          io.grpc.Grpc.class.getPackage().getImplementationVersion());
    }
  }
}
