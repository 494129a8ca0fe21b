package dev.sessiond.internal.browser;

/**
 * How many cookies of a name a request has. With several it is not clear which one is meant: no
 * browser sends two of a name for one host and path, so that one of them is somebody else's.
 */
public enum Count {
  NONE,
  ONE,
  SEVERAL
}
