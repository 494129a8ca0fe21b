package dev.sessiond;

import dev.sessiond.internal.dial.Files;
import java.nio.file.Path;

/**
 * How a connection is encrypted. Its PEM files may be replaced: they are read for each handshake.
 */
public final class Tls {
  private final Path authorities;
  private final Path certificate;
  private final Path privateKey;
  private final String serverName;

  private Tls(Path authorities, Path certificate, Path privateKey, String serverName) {
    this.authorities = authorities;
    this.certificate = certificate;
    this.privateKey = privateKey;
    this.serverName = serverName;
  }

  /** The system's authorities, and no certificate of one's own. */
  public static Tls system() {
    return new Tls(null, null, null, null);
  }

  /** The same, with the authorities of a file instead of the system's. */
  public Tls authorities(Path file) {
    return new Tls(file, certificate, privateKey, serverName);
  }

  /** The same, with the caller's own certificate and its private key (PKCS #8). */
  public Tls identity(Path certificateFile, Path privateKeyFile) {
    return new Tls(authorities, certificateFile, privateKeyFile, serverName);
  }

  /**
   * The same, with the name that the server's certificate is to have, where that is not the
   * target's.
   */
  public Tls serverName(String name) {
    return new Tls(authorities, certificate, privateKey, name);
  }

  Files files() {
    return new Files(authorities, certificate, privateKey, serverName);
  }
}
