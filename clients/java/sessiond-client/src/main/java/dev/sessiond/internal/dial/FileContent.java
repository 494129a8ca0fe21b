package dev.sessiond.internal.dial;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;

/**
 * What is made of a file, read anew whenever it is asked for: it may be replaced while a client
 * lives.
 */
final class FileContent {
  interface Reader<T> {
    T read(InputStream file) throws IOException, GeneralSecurityException;
  }

  private FileContent() {}

  /**
   * Reads a file.
   *
   * @throws IllegalArgumentException it cannot be read, or is not what it should be
   */
  static <T> T of(Path path, String wanted, Reader<T> reader) {
    try (InputStream file = Files.newInputStream(path)) {
      return reader.read(file);
    } catch (IOException error) {
      throw new IllegalArgumentException(path + ": found no file that can be read", error);
    } catch (GeneralSecurityException | RuntimeException error) {
      // The library's own text may show what is in the file.
      throw new IllegalArgumentException(path + ": found something else, allowed is " + wanted);
    }
  }
}
