package shop;

import com.google.protobuf.RuntimeVersion;
import dev.sessiond.Session;
import dev.sessiond.testing.FakeSessiond;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A shop that asks itself for a page, without a token and with one. */
@SpringBootApplication
public class Main {
  public static void main(String[] arguments) throws Exception {
    try (FakeSessiond fake = FakeSessiond.start();
        var context =
            SpringApplication.run(
                Main.class,
                "--server.port=0",
                "--sessiond.target=" + fake.target(),
                "--sessiond.timeout=10s",
                "--spring.main.banner-mode=off",
                "--logging.level.root=warn")) {
      URI page =
          URI.create(
              "http://127.0.0.1:%s/me"
                  .formatted(context.getEnvironment().getProperty("local.server.port")));
      System.out.printf(
          "%s, %s: Spring Boot %s, protobuf-java %d.%d.%d, grpc %s%n",
          get(page, "none"),
          get(page, fake.login("alice").accessToken()),
          SpringBootVersion.getVersion(),
          RuntimeVersion.MAJOR,
          RuntimeVersion.MINOR,
          RuntimeVersion.PATCH,
          io.grpc.Grpc.class.getPackage().getImplementationVersion());
    }
  }

  private static String get(URI page, String token) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(page).header("Authorization", "Bearer " + token).build();
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    return response.statusCode() == 200 ? response.body() : "" + response.statusCode();
  }

  @RestController
  static class Pages {
    @GetMapping("/me")
    String me(@AuthenticationPrincipal Session session) {
      return session.subject();
    }
  }
}
