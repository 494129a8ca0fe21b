package dev.sessiond.micrometer;

import dev.sessiond.Call;
import dev.sessiond.Numbers;
import dev.sessiond.Observer;
import dev.sessiond.Outcome;
import dev.sessiond.Reason;
import dev.sessiond.Validation;
import dev.sessiond.WatchState;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The meters of one client; no token, no subject and no key is in any of them. */
public final class SessiondMetrics implements Observer {
  private static final String PREFIX = "sessiond.client.";
  private static final Duration[] BOUNDS =
      Stream.of(.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 12_000)
          .map(millis -> Duration.ofNanos((long) (millis.doubleValue() * 1_000_000)))
          .toArray(Duration[]::new);

  private final MeterRegistry registry;
  private final Tags tags;
  // Most validations are answered from memory, more quickly than a registry finds a meter.
  private final Map<Judged, Counter> validations = new ConcurrentHashMap<>();
  private final Map<Ended, MetersOfCalls> calls = new ConcurrentHashMap<>();

  private record Judged(Outcome outcome, Reason reason) {}

  private record Ended(String method, String code, String reason) {}

  private record MetersOfCalls(Counter count, Timer duration) {}

  /** Makes the meters of the one client of a program. */
  public SessiondMetrics(MeterRegistry registry) {
    this(registry, List.of());
  }

  /** Makes meters of which all have tags, such as a name where there are several clients. */
  public SessiondMetrics(MeterRegistry registry, Iterable<Tag> tags) {
    this.registry = registry;
    this.tags = Tags.of(tags);
  }

  /**
   * Shows the numbers of a client, {@code client::numbers}; of one that knows nothing of
   * revocations the age is not a number. What is returned ends it.
   */
  public Runnable follow(Supplier<Numbers> numbers) {
    Meter entries =
        gauge("cache.entries", "Acceptances that are kept.", () -> numbers.get().entries())
            .register(registry);
    Meter age =
        gauge(
                "watch.age",
                "How long ago everything that was revoked was known.",
                () -> seconds(numbers.get().watchAge()))
            .baseUnit("seconds")
            .register(registry);
    return () -> List.of(entries, age).forEach(registry::remove);
  }

  @Override
  public void validated(Validation validation) {
    validations
        .computeIfAbsent(new Judged(validation.outcome(), validation.reason()), this::validationsOf)
        .increment();
  }

  @Override
  public void called(Call call) {
    Ended ended = new Ended(call.method(), call.code().name(), call.reason());
    MetersOfCalls meters =
        calls.computeIfAbsent(ended, one -> new MetersOfCalls(callsOf(one), durationsOf(one)));
    meters.count().increment();
    meters.duration().record(call.duration());
  }

  @Override
  public void watchChanged(WatchState state) {
    counter("watch.changes", "Changes of the stream of revocations.", "state", state.name())
        .increment();
  }

  private Counter validationsOf(Judged judged) {
    boolean isAccepted = judged.reason() == null;
    return counter(
        "validations",
        "Verdicts on one token.",
        "outcome",
        judged.outcome().name(),
        "accepted",
        Boolean.toString(isAccepted),
        "reason",
        isAccepted ? "" : judged.reason().name());
  }

  private Counter callsOf(Ended ended) {
    return counter(
        "calls",
        "Calls to a server.",
        "method",
        ended.method(),
        "code",
        ended.code(),
        "reason",
        ended.reason());
  }

  private Timer durationsOf(Ended ended) {
    return Timer.builder(PREFIX + "calls.duration")
        .description("How long calls to a server took, with all attempts.")
        .tags(tags.and("method", ended.method(), "code", ended.code()))
        .serviceLevelObjectives(BOUNDS)
        .register(registry);
  }

  private Counter counter(String name, String description, String... own) {
    return Counter.builder(PREFIX + name)
        .description(description)
        .tags(tags.and(own))
        .register(registry);
  }

  private Gauge.Builder<Supplier<Number>> gauge(
      String name, String description, Supplier<Number> value) {
    return Gauge.builder(PREFIX + name, value).description(description).tags(tags);
  }

  private static double seconds(Duration span) {
    return span == null ? Double.NaN : span.toNanos() / 1e9;
  }
}
