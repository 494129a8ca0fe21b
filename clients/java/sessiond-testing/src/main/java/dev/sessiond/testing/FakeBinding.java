package dev.sessiond.testing;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.sessiond.v1.PossessionProof;

/**
 * The key that a token is bound to.
 *
 * @param certificate the thumbprint of a certificate (RFC 8705); null for none
 * @param isByDpop whether the token is bound to the key of DPoP proofs (RFC 9449)
 */
record FakeBinding(String certificate, boolean isByDpop) {
  static FakeBinding of(JsonElement confirmation) {
    JsonObject members =
        confirmation.isJsonObject() ? confirmation.getAsJsonObject() : new JsonObject();
    boolean hasText =
        members.get("x5t#S256") instanceof JsonPrimitive thumbprint && thumbprint.isString();
    return new FakeBinding(
        hasText ? members.get("x5t#S256").getAsString() : null, members.has("jkt"));
  }

  /** Whether a proof is of the key; that of a DPoP proof is not looked at. */
  boolean isProvenBy(PossessionProof proof) {
    return isByDpop
        ? proof.hasDpop()
        : proof.hasCertificateSha256()
            && FakeToken.base64(proof.getCertificateSha256().toByteArray()).equals(certificate);
  }
}
