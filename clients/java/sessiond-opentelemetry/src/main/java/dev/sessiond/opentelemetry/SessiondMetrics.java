package dev.sessiond.opentelemetry;

import dev.sessiond.Call;
import dev.sessiond.Numbers;
import dev.sessiond.Observer;
import dev.sessiond.Outcome;
import dev.sessiond.Reason;
import dev.sessiond.Validation;
import dev.sessiond.WatchState;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.api.metrics.ObservableDoubleMeasurement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** The instruments of one client; no token, no subject and no key is told by any of them. */
public final class SessiondMetrics implements Observer {
  private static final String SCOPE = "dev.sessiond";
  private static final String PREFIX = "sessiond.client.";
  private static final List<Double> BOUNDS =
      List.of(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1., 2.5, 12.);
  private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("outcome");
  private static final AttributeKey<Boolean> ACCEPTED = AttributeKey.booleanKey("accepted");
  private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");
  private static final AttributeKey<String> METHOD = AttributeKey.stringKey("method");
  private static final AttributeKey<String> CODE = AttributeKey.stringKey("code");
  private static final AttributeKey<String> STATE = AttributeKey.stringKey("state");

  private final Meter meter;
  private final Attributes attributes;
  private final LongCounter validations;
  private final LongCounter calls;
  private final DoubleHistogram durations;
  private final LongCounter changes;
  // What is told of most validations is made once: they come from memory, and are quicker than it.
  private final Map<Judged, Attributes> judged = new ConcurrentHashMap<>();

  private record Judged(Outcome outcome, Reason reason) {}

  /** Makes the instruments of the one client of a program. */
  public SessiondMetrics(MeterProvider provider) {
    this(provider, Attributes.empty());
  }

  /** Makes instruments of which all have attributes, such as a name among several clients. */
  public SessiondMetrics(MeterProvider provider, Attributes attributes) {
    this.attributes = attributes;
    meter = provider.get(SCOPE);
    validations = counter("validations", "{validation}", "Verdicts on one token.");
    calls = counter("calls", "{call}", "Calls to a server.");
    durations =
        meter
            .histogramBuilder(PREFIX + "calls.duration")
            .setUnit("s")
            .setDescription("How long calls to a server took, with all attempts.")
            .setExplicitBucketBoundariesAdvice(BOUNDS)
            .build();
    changes = counter("watch.changes", "{change}", "Changes of the stream of revocations.");
  }

  /**
   * Observes the numbers of a client, {@code client::numbers}; of one that knows nothing of
   * revocations no age is told. What is returned ends it.
   */
  public Runnable follow(Supplier<Numbers> numbers) {
    var entries =
        meter
            .gaugeBuilder(PREFIX + "cache.entries")
            .ofLongs()
            .setUnit("{entry}")
            .setDescription("Acceptances that are kept.")
            .buildWithCallback(measured -> measured.record(numbers.get().entries(), attributes));
    var age =
        meter
            .gaugeBuilder(PREFIX + "watch.age")
            .setUnit("s")
            .setDescription("How long ago everything that was revoked was known.")
            .buildWithCallback(measured -> age(measured, numbers.get().watchAge()));
    return () -> {
      entries.close();
      age.close();
    };
  }

  @Override
  public void validated(Validation validation) {
    validations.add(
        1,
        judged.computeIfAbsent(
            new Judged(validation.outcome(), validation.reason()), this::attributesOf));
  }

  @Override
  public void called(Call call) {
    Attributes told =
        attributes.toBuilder().put(METHOD, call.method()).put(CODE, call.code().name()).build();
    calls.add(1, told.toBuilder().put(REASON, call.reason()).build());
    durations.record(seconds(call.duration()), told);
  }

  @Override
  public void watchChanged(WatchState state) {
    changes.add(1, attributes.toBuilder().put(STATE, state.name()).build());
  }

  private Attributes attributesOf(Judged one) {
    boolean isAccepted = one.reason() == null;
    return attributes.toBuilder()
        .put(OUTCOME, one.outcome().name())
        .put(ACCEPTED, isAccepted)
        .put(REASON, isAccepted ? "" : one.reason().name())
        .build();
  }

  private void age(ObservableDoubleMeasurement measured, Duration age) {
    if (age != null) {
      measured.record(seconds(age), attributes);
    }
  }

  private LongCounter counter(String name, String unit, String description) {
    return meter.counterBuilder(PREFIX + name).setUnit(unit).setDescription(description).build();
  }

  private static double seconds(Duration span) {
    return span.toNanos() / 1e9;
  }
}
