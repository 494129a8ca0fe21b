package dev.sessiond;

/**
 * Who presents a refresh token. Within the grace the same bearer gets the same successor again.
 *
 * @param device the end user's device
 * @param proof what shows the key of a session that is bound to one, every time; null for none
 */
public record Bearer(Device device, Proof proof) {
  /** A bearer of whom nothing is known. */
  public static final Bearer UNKNOWN = new Bearer(Device.UNKNOWN, null);

  /** A bearer with a device. */
  public static Bearer of(Device device) {
    return new Bearer(device, null);
  }
}
