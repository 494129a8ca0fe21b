package dev.sessiond;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Lets two calls be under way at a time; whoever comes meanwhile goes with the next one. There is
 * no timer: who comes alone goes at once. Who uses it has a lock.
 */
final class Departures {
  private static final int MOST_IN_FLIGHT = 2;
  private static final int MOST_TOKENS = 256;
  private static final int MOST_CHARACTERS = 512 << 10;

  private final Map<Question.Group, ArrayDeque<Flight>> waiting = new LinkedHashMap<>();
  private int inFlight;

  /** Lets a flight wait for the next departure. */
  void add(Flight flight) {
    waiting.computeIfAbsent(flight.question.group(), group -> new ArrayDeque<>()).add(flight);
  }

  /** Those who go together now, in one call; none if nobody may. {@link #land} has to follow. */
  List<Flight> depart() {
    if (inFlight >= MOST_IN_FLIGHT || waiting.isEmpty()) {
      return List.of();
    }
    Iterator<Map.Entry<Question.Group, ArrayDeque<Flight>>> groups = waiting.entrySet().iterator();
    Map.Entry<Question.Group, ArrayDeque<Flight>> first = groups.next();
    groups.remove();
    List<Flight> batch = next(first.getValue());
    if (!first.getValue().isEmpty()) {
      waiting.put(first.getKey(), first.getValue()); // behind the others
    }
    inFlight++;
    return batch;
  }

  /** A call has come back. */
  void land() {
    inFlight--;
  }

  private static List<Flight> next(ArrayDeque<Flight> queue) {
    List<Flight> batch = new ArrayList<>();
    int size = 0;
    while (!queue.isEmpty() && batch.size() < MOST_TOKENS) {
      size += queue.element().question.token().length();
      if (size > MOST_CHARACTERS && !batch.isEmpty()) {
        break;
      }
      batch.add(queue.remove());
    }
    return batch;
  }
}
