package dev.sessiond.internal.verdicts;

/** Entries in the order in which they came, or came up. Who uses it has a lock. */
final class Order<V> {
  private Entry<V> first;
  private Entry<V> last;
  private int length;

  Entry<V> first() {
    return first;
  }

  int length() {
    return length;
  }

  void append(Entry<V> entry) {
    entry.previous = last;
    entry.next = null;
    if (last == null) {
      first = entry;
    } else {
      last.next = entry;
    }
    last = entry;
    length++;
  }

  void remove(Entry<V> entry) {
    if (entry.next == null) {
      last = entry.previous;
    } else {
      entry.next.previous = entry.previous;
    }
    if (entry.previous == null) {
      first = entry.next;
    } else {
      entry.previous.next = entry.next;
    }
    entry.previous = null;
    entry.next = null;
    length--;
  }

  void clear() {
    first = null;
    last = null;
    length = 0;
  }
}
