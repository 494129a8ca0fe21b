package dev.sessiond.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.Bearer;
import dev.sessiond.Call;
import dev.sessiond.Numbers;
import dev.sessiond.Observer;
import dev.sessiond.Policy;
import dev.sessiond.RefreshRefusedException;
import dev.sessiond.SessiondClient;
import dev.sessiond.Tokens;
import dev.sessiond.ValidateOptions;
import dev.sessiond.WatchState;
import dev.sessiond.testing.FakeSessiond;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SessiondMetricsTest {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final SessiondMetrics metrics =
      new SessiondMetrics(registry, Tags.of("client", "orders"));
  private final Afterwards afterwards = new Afterwards();
  private final FakeSessiond fake = FakeSessiond.start();
  private final SessiondClient client =
      SessiondClient.builder(fake.target())
          .key("key-of-ours")
          .timeout(Duration.ofSeconds(10))
          .observer(metrics)
          .observer(afterwards)
          .build();

  @AfterEach
  void end() {
    client.close();
    fake.close();
  }

  @Test
  void whatAClientDoesIsToldByTheNamesOfOtherLanguages() throws Exception {
    metrics.follow(client::numbers);
    Tokens tokens = fake.login("alice");
    while (client.numbers().hits() == 0) {
      client.validate(tokens.accessToken(), Policy.NOTHING);
    }
    for (int i = 0; i < 3; i++) {
      client.validate("none", Policy.NOTHING, ValidateOptions.SERVER);
    }
    Numbers numbers = client.numbers();
    afterwards.await((int) numbers.misses() + 3, 1);
    for (String line :
        List.of(
            "validations_total{accepted=\"true\",client=\"orders\",outcome=\"HIT\",reason=\"\"} "
                + (double) numbers.hits(),
            "validations_total{accepted=\"false\",client=\"orders\",outcome=\"BYPASSED\","
                + "reason=\"MALFORMED\"} 3.0",
            "calls_total{client=\"orders\",code=\"OK\",method=\"ValidateToken\",reason=\"\"} "
                + (double) (numbers.misses() + 3),
            "calls_duration_seconds_count{client=\"orders\",code=\"OK\",method=\"ValidateToken\"} "
                + (numbers.misses() + 3),
            "calls_duration_seconds_bucket{client=\"orders\",code=\"OK\",method=\"ValidateToken\","
                + "le=\"12.0\"} "
                + (numbers.misses() + 3),
            "watch_changes_total{client=\"orders\",state=\"FRESH\"} 1.0",
            "cache_entries{client=\"orders\"} 1.0",
            "watch_age_seconds{client=\"orders\"} 0.")) {
      assertTrue(
          registry.scrape().contains("\nsessiond_client_" + line), line + "\n" + registry.scrape());
    }
  }

  @Test
  void aCallThatFailsIsToldWithItsReason() throws Exception {
    assertThrows(RefreshRefusedException.class, () -> client.refresh("none", Bearer.UNKNOWN));
    afterwards.await(1, 0);
    assertEquals(
        1,
        registry
            .get("sessiond.client.calls")
            .tags("code", "UNAUTHENTICATED", "method", "RefreshSession")
            .tag("reason", "REFRESH_TOKEN_INVALID")
            .counter()
            .count());
  }

  @Test
  void noTokenNoSubjectAndNoKeyIsTold() throws Exception {
    metrics.follow(client::numbers);
    Tokens tokens = fake.login("alice");
    client.validate(tokens.accessToken(), Policy.NOTHING);
    Tokens newer = client.refresh(tokens.refreshToken(), Bearer.UNKNOWN);
    client.refresh(tokens.refreshToken(), Bearer.UNKNOWN);
    assertThrows(RefreshRefusedException.class, () -> client.refresh("secret", Bearer.UNKNOWN));
    afterwards.await(4, 0);
    String told = registry.scrape();
    assertTrue(told.contains("RefreshSession"));
    for (String secret :
        List.of(
            tokens.accessToken(),
            tokens.refreshToken(),
            newer.refreshToken(),
            "secret",
            "alice",
            "key-of-ours")) {
      assertFalse(told.contains(secret));
    }
  }

  @Test
  void whatIsNotFollowedAnyMoreIsNotShown() {
    Runnable end = metrics.follow(client::numbers);
    assertTrue(registry.scrape().contains("sessiond_client_cache_entries"));
    end.run();
    assertFalse(registry.scrape().contains("sessiond_client_cache_entries"));
  }

  @Test
  void ofWhoKnowsNothingOfRevocationsThereIsNoAge() {
    AtomicReference<Duration> age = new AtomicReference<>();
    metrics.follow(() -> new Numbers(0, 0, 0, 0, 0, 0, 0, age.get()));
    assertTrue(Double.isNaN(registry.get("sessiond.client.watch.age").gauge().value()));
    age.set(Duration.ofMillis(1_500));
    assertEquals(1.5, registry.get("sessiond.client.watch.age").gauge().value());
  }

  /** Knows what has been told: a caller may have the answer before that. */
  private static final class Afterwards implements Observer {
    private static final int PATIENCE_SECONDS = 30;

    private final Semaphore calls = new Semaphore(0);
    private final Semaphore changes = new Semaphore(0);

    @Override
    public void called(Call call) {
      calls.release();
    }

    @Override
    public void watchChanged(WatchState state) {
      changes.release();
    }

    void await(int ofCalls, int ofChanges) throws InterruptedException {
      assertTrue(calls.tryAcquire(ofCalls, PATIENCE_SECONDS, TimeUnit.SECONDS));
      assertTrue(changes.tryAcquire(ofChanges, PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
  }
}
