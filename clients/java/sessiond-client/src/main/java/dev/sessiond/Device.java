package dev.sessiond;

/**
 * What a backend says of the end user's device; what is not known is empty. Of the user agent a
 * server takes 256 bytes: more is cut off, on a character.
 */
public record Device(String ipAddress, String userAgent, String label) {
  /** A device of which nothing is known. */
  public static final Device UNKNOWN = new Device("", "", "");
}
