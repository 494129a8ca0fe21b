package dev.sessiond.internal.knowledge;

import dev.sessiond.internal.hashedid.HashedId;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** What was heard to be revoked, for as long as it is remembered. Who uses it has a lock. */
final class Events {
  private record Event(long at, HashedId id) {}

  private final ArrayDeque<Event> order = new ArrayDeque<>();
  private final Map<HashedId, Long> heard = new HashMap<>();
  private final Map<HashedId, Long> withdrawn = new HashMap<>();

  int size() {
    return order.size();
  }

  void hear(HashedId id, long now) {
    heard.put(id, now);
    order.add(new Event(now, id));
  }

  void withdraw(HashedId key, long now) {
    withdrawn.put(key, now);
  }

  boolean hasHeard(HashedId id) {
    return heard.containsKey(id);
  }

  boolean isWithdrawn(HashedId key) {
    return withdrawn.containsKey(key);
  }

  /** Whether any of these was heard of at {@code since} or later. */
  boolean isHit(Collection<HashedId> ids, long since) {
    for (HashedId id : ids) {
      Long at = heard.get(id);
      if (at != null && at >= since) {
        return true;
      }
    }
    return false;
  }

  void forgetBefore(long oldest) {
    while (!order.isEmpty() && order.element().at < oldest) {
      Event old = order.remove();
      heard.remove(old.id, old.at);
      withdrawn.remove(old.id, old.at);
    }
  }

  void clear() {
    order.clear();
    heard.clear();
    withdrawn.clear();
  }
}
