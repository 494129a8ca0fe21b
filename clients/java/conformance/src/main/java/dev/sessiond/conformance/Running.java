package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import dev.sessiond.SessiondClient;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The commands that are under way, each on a thread of its own. */
final class Running {
  // A case may count the threads that are left: these are gone a second after their commands.
  private final ExecutorService threads =
      new ThreadPoolExecutor(0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>());
  private final Map<Integer, Future<?>> underWay = new ConcurrentHashMap<>();
  private final Results results;

  Running(Results results) {
    this.results = results;
  }

  void begin(Command command, SessiondClient client) {
    begin(command, () -> Commands.carryOut(command, client));
  }

  void begin(Command command, Supplier<JsonObject> does) {
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              JsonObject result = carryOut(does);
              underWay.remove(command.id());
              results.say(command, result);
              return null;
            });
    underWay.put(command.id(), task);
    threads.execute(task);
  }

  /** Interrupts the thread that waits for a call. */
  void cancel(int id) {
    Future<?> task = underWay.get(id);
    if (task != null) {
      task.cancel(true);
    }
  }

  /** What comes of a command, its failure included. */
  static JsonObject carryOut(Supplier<JsonObject> does) {
    try {
      return does.get();
    } catch (RuntimeException error) {
      return Thread.interrupted() ? Outcomes.cancelled(error) : Outcomes.failure(error);
    }
  }
}
