package dev.sessiond;

import dev.sessiond.internal.hashedid.HashedId;

/** The SHA-256 of the client certificate of a request, in DER (RFC 8705). */
public final class CertificateProof implements Proof {
  private static final int SIZE = 32;

  private final byte[] sha256;

  private CertificateProof(byte[] sha256) {
    this.sha256 = sha256;
  }

  /** The certificate by its SHA-256, such as a proxy hands it on. */
  public static CertificateProof ofSha256(byte[] sha256) {
    if (sha256.length != SIZE) {
      throw new IllegalArgumentException(
          "certificate: found a hash of " + sha256.length + " bytes, allowed is one of " + SIZE);
    }
    return new CertificateProof(sha256.clone());
  }

  /** The certificate in DER. */
  public static CertificateProof ofDer(byte[] der) {
    return new CertificateProof(HashedId.digest(der));
  }

  /** The SHA-256 of the certificate. */
  public byte[] sha256() {
    return sha256.clone();
  }
}
