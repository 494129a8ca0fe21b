package dev.sessiond.opentelemetry;

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
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.DoublePointData;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.LongPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.data.PointData;
import io.opentelemetry.sdk.testing.exporter.InMemoryMetricReader;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SessiondMetricsTest {
  private final InMemoryMetricReader reader = InMemoryMetricReader.create();
  private final SdkMeterProvider provider =
      SdkMeterProvider.builder().registerMetricReader(reader).build();
  private final SessiondMetrics metrics =
      new SessiondMetrics(provider, Attributes.of(AttributeKey.stringKey("client"), "orders"));
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
    provider.close();
  }

  @Test
  void whatAClientDoesIsToldByTheNamesOfOtherLanguages() throws Exception {
    Runnable end = metrics.follow(client::numbers);
    assertEquals(Map.of("sessiond.client.cache.entries{client=orders}", 0.), collected());
    Tokens tokens = fake.login("alice");
    while (client.numbers().hits() == 0) {
      client.validate(tokens.accessToken(), Policy.NOTHING);
    }
    for (int i = 0; i < 3; i++) {
      client.validate("none", Policy.NOTHING, ValidateOptions.SERVER);
    }
    Numbers numbers = client.numbers();
    afterwards.await((int) numbers.misses() + 3, 1);
    Map<String, Double> found = collected();
    double age = found.remove("sessiond.client.watch.age{client=orders}");
    assertTrue(age >= 0, () -> "found the age " + age);
    String ofCalls = "client=orders,code=OK,method=ValidateToken";
    Map<String, Double> expected =
        Map.of(
            "validations{accepted=true,client=orders,outcome=HIT,reason=}",
            (double) numbers.hits(),
            "validations{accepted=true,client=orders,outcome=MISS,reason=}",
            (double) numbers.misses(),
            "validations{accepted=false,client=orders,outcome=BYPASSED,reason=MALFORMED}",
            3.,
            "calls{" + ofCalls + ",reason=}",
            numbers.misses() + 3.,
            "calls.duration{" + ofCalls + "}",
            numbers.misses() + 3.,
            "watch.changes{client=orders,state=FRESH}",
            1.,
            "cache.entries{client=orders}",
            1.);
    expected.forEach(
        (name, value) -> assertEquals(value, found.get("sessiond.client." + name), name));
    assertEquals(expected.size(), found.size(), found::toString);
    end.run();
    assertFalse(collected().containsKey("sessiond.client.cache.entries{client=orders}"));
  }

  @Test
  void aCallThatFailsIsToldWithItsReason() throws Exception {
    assertThrows(RefreshRefusedException.class, () -> client.refresh("none", Bearer.UNKNOWN));
    afterwards.await(1, 0);
    assertEquals(
        1.,
        collected()
            .get(
                "sessiond.client.calls{client=orders,code=UNAUTHENTICATED,method=RefreshSession,"
                    + "reason=REFRESH_TOKEN_INVALID}"));
  }

  @Test
  void noTokenNoSubjectAndNoKeyIsTold() throws Exception {
    metrics.follow(client::numbers);
    Tokens tokens = fake.login("alice");
    client.validate(tokens.accessToken(), Policy.NOTHING);
    Tokens newer = client.refresh(tokens.refreshToken(), Bearer.UNKNOWN);
    assertThrows(RefreshRefusedException.class, () -> client.refresh("secret", Bearer.UNKNOWN));
    afterwards.await(3, 0);
    String told = reader.collectAllMetrics().toString();
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

  /** Each number by its name and attributes; of a histogram it is the count. */
  private Map<String, Double> collected() {
    Map<String, Double> found = new TreeMap<>();
    for (MetricData metric : reader.collectAllMetrics()) {
      note(found, metric, metric.getLongSumData().getPoints());
      note(found, metric, metric.getLongGaugeData().getPoints());
      note(found, metric, metric.getDoubleGaugeData().getPoints());
      note(found, metric, metric.getHistogramData().getPoints());
    }
    return found;
  }

  private static void note(
      Map<String, Double> found, MetricData metric, Collection<? extends PointData> points) {
    for (PointData point : points) {
      Map<String, Object> attributes = new TreeMap<>();
      point.getAttributes().forEach((key, value) -> attributes.put(key.getKey(), value));
      String text = attributes.toString().replace(", ", ",");
      found.put(metric.getName() + text, valueOf(point));
    }
  }

  private static double valueOf(PointData point) {
    if (point instanceof LongPointData number) {
      return number.getValue();
    }
    if (point instanceof DoublePointData number) {
      return number.getValue();
    }
    return ((HistogramPointData) point).getCount();
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
