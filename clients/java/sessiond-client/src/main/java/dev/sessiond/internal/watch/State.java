package dev.sessiond.internal.watch;

/** How the stream is doing. */
public enum State {
  /** None was open so far. */
  UNKNOWN,
  /** What is kept may be repeated. */
  FRESH,
  /** None is open: it is opened again. */
  LOST,
  /** The server has none for this caller: it is asked again every 30 s. */
  REFUSED
}
