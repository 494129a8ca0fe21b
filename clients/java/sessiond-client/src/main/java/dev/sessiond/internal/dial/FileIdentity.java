package dev.sessiond.internal.dial;

import io.grpc.util.CertificateUtils;
import java.net.Socket;
import java.nio.file.Path;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/** Shows the certificate of two files, which are read anew for each handshake. */
final class FileIdentity extends X509ExtendedKeyManager {
  private static final String ALIAS = "own";

  private final Path certificate;
  private final Path privateKey;

  FileIdentity(Path certificate, Path privateKey) {
    this.certificate = certificate;
    this.privateKey = privateKey;
    getCertificateChain(ALIAS);
    getPrivateKey(ALIAS);
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    return FileContent.of(
        certificate, "certificates in PEM", CertificateUtils::getX509Certificates);
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    return FileContent.of(
        privateKey, "a private key in PEM (PKCS #8)", CertificateUtils::getPrivateKey);
  }

  @Override
  public String chooseEngineClientAlias(String[] kinds, Principal[] issuers, SSLEngine engine) {
    return ALIAS;
  }

  @Override
  public String chooseClientAlias(String[] kinds, Principal[] issuers, Socket socket) {
    return ALIAS;
  }

  @Override
  public String[] getClientAliases(String kind, Principal[] issuers) {
    return new String[] {ALIAS};
  }

  @Override
  public String chooseServerAlias(String kind, Principal[] issuers, Socket socket) {
    return null;
  }

  @Override
  public String[] getServerAliases(String kind, Principal[] issuers) {
    return new String[0];
  }
}
