package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

class FuturesTest {
  private static final Executor FULL =
      task -> {
        throw new RejectedExecutionException("for a test");
      };

  @Test
  void whoseExecutorTakesNoMoreIsToldAllTheSame() {
    CompletableFuture<Integer> source = new CompletableFuture<>();
    CompletableFuture<Integer> later = Futures.on(FULL, source);
    source.complete(1);
    assertEquals(1, later.getNow(0));
    assertEquals(1, Futures.on(FULL, source).getNow(0));
    CompletableFuture<Integer> failed = CompletableFuture.failedFuture(new RuntimeException());
    assertTrue(Futures.on(FULL, failed).isCompletedExceptionally());
  }
}
