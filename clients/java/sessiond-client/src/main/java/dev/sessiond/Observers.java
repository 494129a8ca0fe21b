package dev.sessiond;

/** Tells observers; what they throw harms nobody else. */
final class Observers {
  private static final System.Logger LOGGER = System.getLogger("dev.sessiond");
  static final Observer NOBODY = new Observer() {};

  private Observers() {}

  static void tell(Runnable telling) {
    try {
      telling.run();
    } catch (RuntimeException error) {
      LOGGER.log(
          System.Logger.Level.ERROR, "an observer failed with {0}", error.getClass().getName());
    }
  }
}
