package dev.sessiond;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;

/** Makes what a client does things later with: one thread, which keeps no process alive. */
final class Timers {
  private Timers() {}

  static ScheduledExecutorService create() {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "sessiond-client");
              thread.setDaemon(true);
              return thread;
            },
            // Whoever comes when the client is closed has nothing to wait for.
            new ThreadPoolExecutor.DiscardPolicy());
    timer.setRemoveOnCancelPolicy(true);
    return timer;
  }
}
