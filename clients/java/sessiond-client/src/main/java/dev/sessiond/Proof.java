package dev.sessiond;

import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;

/**
 * Shows that a bearer has the key to which a token or a session is bound. It is for one request, so
 * that a verdict by it is neither kept nor shared.
 */
public sealed interface Proof permits CertificateProof, DpopProof {
  /** The client certificate of a request (RFC 8705). */
  static Proof certificate(X509Certificate certificate) {
    try {
      return CertificateProof.ofDer(certificate.getEncoded());
    } catch (CertificateEncodingException error) {
      throw new IllegalArgumentException("certificate: found one that cannot be encoded", error);
    }
  }

  /**
   * A DPoP proof and the request that it is for (RFC 9449).
   *
   * @param proof the proof, as in the {@code DPoP} header
   * @param method the method of the request
   * @param url its address, without query and fragment
   */
  static Proof dpop(String proof, String method, String url) {
    return new DpopProof(proof, method, url);
  }
}
