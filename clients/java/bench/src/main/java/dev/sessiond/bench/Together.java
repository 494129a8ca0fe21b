package dev.sessiond.bench;

import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.UnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/** What validations cost that are made by many threads at the same time. */
final class Together {
  private static final long NANOS = 500_000_000;

  private final String address;
  private final List<String> tokens;

  Together(String address, List<String> tokens) {
    this.address = address;
    this.tokens = tokens;
  }

  Map<String, Number> measure(int callers, boolean isCoalescing) throws Exception {
    SessiondClientBuilder builder =
        SessiondClient.builder(address).timeout(Main.TIMEOUT).withoutCache();
    if (!isCoalescing) {
      builder.withoutBatching();
    }
    ExecutorService threads = Executors.newFixedThreadPool(callers);
    try (SessiondClient client = builder.build()) {
      client.ready(Main.TIMEOUT);
      long began = Cpu.nanos();
      long until = System.nanoTime() + NANOS;
      List<Future<List<Long>>> all =
          IntStream.range(0, callers)
              .mapToObj(first -> threads.submit(() -> ask(client, first, callers, until)))
              .toList();
      List<Long> taken = new ArrayList<>();
      for (Future<List<Long>> one : all) {
        taken.addAll(one.get());
      }
      double cpu = Cpu.nanos() - began;
      taken.sort(null);
      double middle = taken.get(taken.size() / 2) / 1e6;
      return Map.of(
          "validations", taken.size(), "cpu", cpu / 1e3 / taken.size(), "latency", middle);
    } finally {
      threads.shutdownNow();
    }
  }

  /** One of so many callers asks about its tokens, again and again. */
  private List<Long> ask(SessiondClient client, int first, int callers, long until) {
    List<Long> taken = new ArrayList<>();
    for (int i = first; System.nanoTime() < until; i += callers) {
      long began = System.nanoTime();
      try {
        if (!(client.validate(tokens.get(i % tokens.size()), Policy.NOTHING) instanceof Session)) {
          throw new IllegalStateException("a token is not accepted");
        }
      } catch (UnavailableException error) {
        continue; // a server whose machine has much else to do is unavailable at times
      }
      taken.add(System.nanoTime() - began);
    }
    return taken;
  }
}
