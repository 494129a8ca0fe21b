package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.NextAction;
import dev.sessiond.Policy;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.Verdict;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import reactor.netty.resources.LoopResources;

/** What requests do while nobody has a verdict on their tokens yet. */
@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = "spring.main.web-application-type=reactive")
class ReactiveWaitingTest {
  private static final int PATIENCE_SECONDS = 30;
  private static final Rejection REJECTION =
      new Rejection(Reason.REVOKED, "", NextAction.REAUTHENTICATE, "");

  private final HttpClient http = HttpClient.newHttpClient();
  private final int port;
  private final Undecided undecided;

  ReactiveWaitingTest(@Autowired Environment environment, @Autowired Undecided undecided) {
    this.port = environment.getRequiredProperty("local.server.port", Integer.class);
    this.undecided = undecided;
  }

  @Test
  void moreRequestsWaitThanThereAreThreads() throws Exception {
    List<CompletableFuture<HttpResponse<Void>>> all = new ArrayList<>();
    List<CompletableFuture<Verdict>> asked = new ArrayList<>();
    for (int i = 0; i < 4 * LoopResources.DEFAULT_IO_WORKER_COUNT; i++) {
      all.add(http.sendAsync(request(), HttpResponse.BodyHandlers.discarding()));
      asked.add(undecided.next());
    }
    asked.forEach(one -> one.complete(REJECTION));
    for (var one : all) {
      assertEquals(401, one.get(PATIENCE_SECONDS, TimeUnit.SECONDS).statusCode());
    }
  }

  @Test
  void aRequestThatIsCancelledWaitsForNoVerdict() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (Socket socket = new Socket("127.0.0.1", port)) {
      String request = "GET / HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer a.b.c\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      CompletableFuture<Verdict> asked = undecided.next();
      asked.whenComplete(
          (verdict, error) -> {
            if (asked.isCancelled()) {
              cancelled.countDown();
            }
          });
    }
    assertTrue(cancelled.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
  }

  private HttpRequest request() {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port))
        .header("Authorization", "Bearer a.b.c")
        .build();
  }

  /** Gives verdicts when the test does. */
  static final class Undecided implements Validator {
    private final BlockingQueue<CompletableFuture<Verdict>> asked = new LinkedBlockingQueue<>();

    CompletableFuture<Verdict> next() throws InterruptedException {
      CompletableFuture<Verdict> found = asked.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      assertTrue(found != null, "nobody was asked");
      return found;
    }

    @Override
    public Verdict validate(String token, Policy policy, ValidateOptions options) {
      throw new AssertionError("a thread would wait");
    }

    @Override
    public CompletableFuture<Verdict> validateAsync(
        String token, Policy policy, ValidateOptions options) {
      CompletableFuture<Verdict> future = new CompletableFuture<>();
      asked.add(future);
      return future;
    }
  }

  @SpringBootApplication
  static class Shop {
    @Bean
    Undecided validator() {
      return new Undecided();
    }
  }
}
