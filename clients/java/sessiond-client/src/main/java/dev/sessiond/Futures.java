package dev.sessiond;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;

/** What callers get to wait for. */
final class Futures {
  private Futures() {}

  /** What is made of a result; to cancel it cancels what it is made of. */
  static <T, R> CompletableFuture<R> then(CompletableFuture<T> source, Function<T, R> making) {
    CompletableFuture<R> made = new CompletableFuture<>();
    source.whenComplete(
        (result, error) -> {
          if (error != null) {
            made.completeExceptionally(unwrapped(error));
            return;
          }
          try {
            made.complete(making.apply(result));
          } catch (RuntimeException defect) {
            made.completeExceptionally(defect);
          }
        });
    return cancelling(made, source);
  }

  /**
   * The same result for who goes on with it: on an executor, so that they keep nobody else waiting.
   * One that takes no more gets it here, as it would be waited for without end. To cancel it
   * cancels what it comes from.
   */
  static <T> CompletableFuture<T> on(Executor executor, CompletableFuture<T> source) {
    CompletableFuture<T> handed = new CompletableFuture<>();
    source.whenComplete(
        (result, error) -> {
          try {
            executor.execute(() -> hand(handed, result, error));
          } catch (RejectedExecutionException full) {
            hand(handed, result, error);
          }
        });
    return cancelling(handed, source);
  }

  /** Waits for a result; who is interrupted leaves, and ends the call. */
  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException error) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw Failure.givenUp().toException();
    } catch (CancellationException error) {
      throw Failure.givenUp().toException();
    } catch (ExecutionException error) {
      throw causeOf(error).again();
    }
  }

  /** The error of a call; a defect of this client is one of its own. */
  static SessiondException causeOf(Throwable error) {
    Throwable cause = unwrapped(error);
    if (cause instanceof SessiondException known) {
      return known;
    }
    if (cause instanceof RuntimeException defect) {
      throw defect;
    }
    throw new IllegalStateException("a call ended as none can", cause);
  }

  private static <T> void hand(CompletableFuture<T> handed, T result, Throwable error) {
    if (error == null) {
      handed.complete(result);
    } else {
      handed.completeExceptionally(unwrapped(error));
    }
  }

  private static <T> CompletableFuture<T> cancelling(
      CompletableFuture<T> made, CompletableFuture<?> source) {
    made.whenComplete(
        (result, error) -> {
          if (made.isCancelled()) {
            source.cancel(true);
          }
        });
    return made;
  }

  private static Throwable unwrapped(Throwable error) {
    boolean isWrapped = error instanceof CompletionException || error instanceof ExecutionException;
    return isWrapped && error.getCause() != null ? error.getCause() : error;
  }
}
