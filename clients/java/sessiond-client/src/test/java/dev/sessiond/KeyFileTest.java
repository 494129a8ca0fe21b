package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeyFileTest {
  @TempDir Path folder;

  @Test
  void aFileThatChangesIsReadAnew() throws IOException {
    Path file = Files.writeString(folder.resolve("key"), "key-1\n");
    KeyFile key = new KeyFile(file);
    assertEquals("Bearer key-1", key.get().authorization());
    Files.writeString(file, "key-22\n");
    assertEquals("Bearer key-22", lookedAt(key).authorization());
  }

  @Test
  void oneThatIsWrittenTwiceUnderOneTimeIsReadAnew() throws IOException {
    Path file = Files.writeString(folder.resolve("key"), "key-1");
    FileTime time = Files.getLastModifiedTime(file);
    KeyFile key = new KeyFile(file);
    Files.writeString(file, "key-2");
    Files.setLastModifiedTime(file, time);
    assertEquals("Bearer key-2", lookedAt(key).authorization());
  }

  @Test
  void oneThatStaysIsNotReadAgain() throws IOException {
    Path file = Files.writeString(folder.resolve("key"), "key-1");
    FileTime old = FileTime.from(Instant.now().minusSeconds(60));
    Files.setLastModifiedTime(file, old);
    KeyFile key = new KeyFile(file);
    Files.writeString(file, "key-2");
    Files.setLastModifiedTime(file, old);
    assertEquals("Bearer key-1", lookedAt(key).authorization());
  }

  @Test
  void oneThatIsNotThereIsRefused() {
    assertThrows(IllegalStateException.class, () -> new KeyFile(folder.resolve("nowhere")));
  }

  /** Later than the time for which a look is trusted. */
  private static Caller lookedAt(KeyFile key) {
    LockSupport.parkNanos(1_000_000);
    return key.get();
  }
}
