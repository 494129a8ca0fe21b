package dev.sessiond;

/**
 * How much a client may keep: acceptances alone, and no token among them.
 *
 * @param maxEntries how many
 * @param maxBytes how much memory they may take together, about
 */
public record CacheOptions(int maxEntries, long maxBytes) {
  /** 10,000 entries, and 64 MiB. */
  public static final CacheOptions DEFAULT = new CacheOptions(10_000, 64L << 20);

  /** Refuses bounds below 1. */
  public CacheOptions {
    if (maxEntries < 1 || maxBytes < 1) {
      throw new IllegalArgumentException(
          "cache: found %d entries and %d bytes, allowed are whole numbers from 1 on"
              .formatted(maxEntries, maxBytes));
    }
  }

  /** So many entries, within the default's bytes. */
  public static CacheOptions ofEntries(int maxEntries) {
    return new CacheOptions(maxEntries, DEFAULT.maxBytes);
  }
}
