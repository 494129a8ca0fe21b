package dev.sessiond.internal.credentials;

import dev.sessiond.Proof;
import java.net.URI;
import java.util.List;

/** Finds the DPoP proof of a request. */
public final class Proofs {
  private Proofs() {}

  /**
   * The one DPoP header of a request (RFC 9449 section 4.3), for a path at the origin that clients
   * know; null where there is none, or no origin to judge it by.
   */
  public static Proof of(List<String> proofs, String method, String origin, String path)
      throws InvalidRequestException {
    if (origin == null || proofs.isEmpty()) {
      return null;
    }
    if (proofs.size() > 1 || !Credentials.isToken68(proofs.get(0))) {
      throw new InvalidRequestException();
    }
    return Proof.dpop(proofs.get(0), method, origin + path);
  }

  /** Refuses what is no origin (RFC 6454 section 6.2), as that is a mistake in the program. */
  public static String requireOrigin(String origin) {
    URI parsed = URI.create(origin);
    if (!(parsed.getScheme() + "://" + parsed.getAuthority()).equals(origin)) {
      throw new IllegalArgumentException(
          "origin: found " + origin + ", allowed is one such as https://app.example");
    }
    return origin;
  }
}
