package dev.sessiond;

import com.google.protobuf.ProtocolMessageEnum;

/** Names of the schema's enumerations, without their prefixes. */
final class Names {
  private static final String UNSPECIFIED = "UNSPECIFIED";

  private Names() {}

  /** UNSPECIFIED for a value that is newer than this client. */
  static String of(ProtocolMessageEnum value, String prefix) {
    String name = ((Enum<?>) value).name();
    return name.startsWith(prefix) ? name.substring(prefix.length()) : UNSPECIFIED;
  }

  /** The value of the same name in an enumeration of this client's. */
  static <E extends Enum<E>> E known(Class<E> type, ProtocolMessageEnum value, String prefix) {
    try {
      return Enum.valueOf(type, of(value, prefix));
    } catch (IllegalArgumentException error) {
      return Enum.valueOf(type, UNSPECIFIED);
    }
  }
}
