package dev.sessiond;

/** How fresh the knowledge of revocations behind a verdict must be. */
public final class Consistency {
  /** Takes what this client keeps and what it can share with other callers; it is the default. */
  public static final Consistency CACHED = new Consistency("cached", "");

  /** Takes what a server knows now: nothing from memory, and no call that is shared with others. */
  public static final Consistency SERVER = new Consistency("server", "");

  /** Takes everything that was revoked before the call, wherever: a round trip to the store. */
  public static final Consistency STRICT = new Consistency("strict", "");

  private final String name;
  private final String revision;

  private Consistency(String name, String revision) {
    this.name = name;
    this.revision = revision;
  }

  /**
   * Takes at least what was known at a revision, such as that of a {@link RevocationResult}. The
   * server waits up to one second for it; what is no revision of its store is an {@link
   * InvalidArgumentException}.
   */
  public static Consistency atLeast(String revision) {
    return new Consistency("at least", revision);
  }

  /** The revision that {@link #atLeast} has, and empty otherwise. */
  String revision() {
    return revision;
  }

  /** Whether this is one of {@link #atLeast}. */
  boolean isAtLeast() {
    return this != CACHED && this != SERVER && this != STRICT;
  }

  @Override
  public String toString() {
    return "Consistency[" + name + (isAtLeast() ? " " + revision : "") + "]";
  }
}
