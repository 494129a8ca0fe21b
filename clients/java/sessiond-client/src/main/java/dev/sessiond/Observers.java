package dev.sessiond;

/** Tells observers; what they throw harms nobody else. */
final class Observers {
  private static final System.Logger LOGGER = System.getLogger("dev.sessiond");
  static final Observer NOBODY = new Observer() {};

  private Observers() {}

  /** Tells two, or the second where the first is nobody. */
  static Observer both(Observer first, Observer second) {
    return first == NOBODY ? second : new Both(first, second);
  }

  static void tell(Runnable telling) {
    try {
      telling.run();
    } catch (RuntimeException error) {
      LOGGER.log(
          System.Logger.Level.ERROR, "an observer failed with {0}", error.getClass().getName());
    }
  }

  /** What the first throws is not the second's loss. */
  private record Both(Observer first, Observer second) implements Observer {
    @Override
    public void validated(Validation validation) {
      tell(() -> first.validated(validation));
      tell(() -> second.validated(validation));
    }

    @Override
    public void called(Call call) {
      tell(() -> first.called(call));
      tell(() -> second.called(call));
    }

    @Override
    public void watchChanged(WatchState state) {
      tell(() -> first.watchChanged(state));
      tell(() -> second.watchChanged(state));
    }
  }
}
