package dev.sessiond.internal.dial;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which targets can only be on this machine. */
final class Local {
  // What else gRPC reads as a target, such as a name server to ask, may lead to another machine.
  private static final Pattern ADDRESS =
      Pattern.compile("(?:dns:///|dns:)?(?:\\[([^\\]]+)\\]|([^\\[\\]:/,]+))(?::\\d+)?");
  private static final Pattern LOOPBACK_4 = Pattern.compile("127(?:\\.\\d{1,3}){3}");

  private Local() {}

  /** Whether a target can only be on this machine: a Unix socket, or loopback. */
  static boolean isLocal(String target) {
    if (target.startsWith("unix:")) {
      return true;
    }
    Matcher found = ADDRESS.matcher(target);
    if (!found.matches()) {
      return false;
    }
    String host = found.group(2);
    return host == null
        ? isLoopback6(found.group(1))
        : host.equals("localhost") || LOOPBACK_4.matcher(host).matches();
  }

  private static boolean isLoopback6(String host) {
    if (host.indexOf(':') < 0) {
      return false; // in brackets only what has a colon is no name to be looked up
    }
    try {
      return InetAddress.getByName("[" + host + "]").isLoopbackAddress();
    } catch (UnknownHostException error) {
      return false;
    }
  }
}
