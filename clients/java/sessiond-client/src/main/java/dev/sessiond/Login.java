package dev.sessiond;

import java.util.Map;

/**
 * What may be said of any login, beside what proves it.
 *
 * @param device the end user's device
 * @param attributes what is kept with the session: at most 16, of 64 and 256 bytes
 * @param proof what shows the key that the session is bound to; null for none
 */
public record Login(Device device, Map<String, String> attributes, Proof proof) {
  /** A login of which nothing is said. */
  public static final Login UNKNOWN = new Login(Device.UNKNOWN, Map.of(), null);

  /** Keeps a copy of the attributes. */
  public Login {
    attributes = Map.copyOf(attributes);
  }

  /** A login at a device. */
  public static Login of(Device device) {
    return new Login(device, Map.of(), null);
  }
}
