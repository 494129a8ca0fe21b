package dev.sessiond;

/**
 * A DPoP proof and the request that it is for (RFC 9449). Its text does not show the proof.
 *
 * @param proof the proof, as in the {@code DPoP} header
 * @param method the method of the request
 * @param url its address, without query and fragment
 */
public record DpopProof(String proof, String method, String url) implements Proof {
  @Override
  public String toString() {
    return "DpopProof[hidden]";
  }
}
