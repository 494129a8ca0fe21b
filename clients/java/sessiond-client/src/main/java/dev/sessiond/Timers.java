package dev.sessiond;

import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;

/** The threads of clients, which keep no process alive. */
final class Timers {
  /**
   * For whoever goes on with an answer: as many threads as are needed, and none that nobody needs.
   */
  static final Executor SHARED =
      Executors.newCachedThreadPool(task -> daemon(task, "sessiond-answers"));

  private Timers() {}

  /** What a client does things later with: one thread. */
  static ScheduledExecutorService create() {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> daemon(task, "sessiond-client"),
            // Whoever comes when the client is closed has nothing to wait for.
            new ThreadPoolExecutor.DiscardPolicy());
    timer.setRemoveOnCancelPolicy(true);
    return timer;
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
