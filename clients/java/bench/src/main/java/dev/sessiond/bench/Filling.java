package dev.sessiond.bench;

import dev.sessiond.Policy;
import dev.sessiond.SessiondClient;
import dev.sessiond.UnavailableException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Has a client keep an acceptance of each token. */
final class Filling {
  private static final int AT_ONCE = 128;
  private static final int TIMES = 50;
  private static final int COLLECTIONS = 3; // what the first has freed may free more

  private final SessiondClient client;
  private final List<String> tokens;

  Filling(SessiondClient client, List<String> tokens) {
    this.client = client;
    this.tokens = tokens;
  }

  Map<String, Double> fill() throws InterruptedException {
    client.validate("none", Policy.NOTHING); // everything is loaded by now, and nothing is kept
    long before = heap();
    for (int i = 0; i < TIMES; i++) {
      long hits = client.numbers().hits();
      validateAll();
      if (client.numbers().hits() - hits == tokens.size()) {
        return Map.of("bytes", (double) (heap() - before) / tokens.size());
      }
    }
    throw new IllegalStateException("the client does not keep all acceptances");
  }

  private void validateAll() throws InterruptedException {
    List<Thread> threads =
        IntStream.range(0, AT_ONCE).mapToObj(first -> new Thread(() -> validate(first))).toList();
    threads.forEach(Thread::start);
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** A server whose machine has much else to do is unavailable at times; then there is no hit. */
  private void validate(int first) {
    for (int i = first; i < tokens.size(); i += AT_ONCE) {
      try {
        client.validate(tokens.get(i), Policy.NOTHING);
      } catch (UnavailableException error) {
        continue;
      }
    }
  }

  private static long heap() {
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
