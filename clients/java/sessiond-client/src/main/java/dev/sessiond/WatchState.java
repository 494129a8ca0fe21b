package dev.sessiond;

/** How the stream of revocations is doing. */
public enum WatchState {
  /** What is kept may be repeated. */
  FRESH,
  /** No stream is open: it is opened again. */
  LOST,
  /** The server has none for this caller: it is asked again every 30 s. */
  REFUSED
}
