package dev.sessiond.internal.dial;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LocalTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "unix:/run/s.sock",
        "unix:///run/s.sock",
        "127.0.0.1:1",
        "127.8.8.8:1",
        "localhost:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
        "dns:///127.0.0.1:1",
        "dns:localhost:1"
      })
  void itIsOnThisMachine(String target) {
    assertTrue(Local.isLocal(target));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sessiond.example:1",
        "192.0.2.1:1",
        "[2001:db8::1]:1",
        "localhost.example:1",
        "127.0.0.1.example:1",
        "dns://192.0.2.1/localhost:1",
        "xds:///localhost:1",
        "127.0.0.1:1,192.0.2.1:1",
        "",
        "::1",
        "[localhost]:1",
        "127.1:1"
      })
  void itMayBeOnAnother(String target) {
    assertFalse(Local.isLocal(target));
  }
}
