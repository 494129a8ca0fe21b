package dev.sessiond.internal.denial;

import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.credentials.Credential;
import java.util.concurrent.CompletableFuture;

/**
 * The token of a request and what shows its key, or why neither is taken. Its text shows none of
 * it.
 *
 * @param credential the token; none where there is none
 * @param proof null for none
 * @param denial null where the token may be asked about
 */
public record Presented(Credential credential, Proof proof, Denial denial) {
  /** For a request without a token. */
  public static final Presented NONE = new Presented(Credential.NONE, null, null);

  /** For a request whose token is not looked at. */
  static Presented denied(Denial denial) {
    return new Presented(Credential.NONE, null, denial);
  }

  /** Whether the request presents nothing. */
  public boolean isNone() {
    return denial == null && credential.isNone();
  }

  /** Asks about the token, and waits for what comes of it. */
  public Admission ask(Validator validator, Policy policy, ValidateOptions options) {
    return denial == null ? question(validator, policy, options).ask() : Admission.denied(denial);
  }

  /** Asks without blocking, as {@link Admission.Question#askAsync} does. */
  public CompletableFuture<Admission> askAsync(
      Validator validator, Policy policy, ValidateOptions options) {
    return denial == null
        ? question(validator, policy, options).askAsync()
        : CompletableFuture.completedFuture(Admission.denied(denial));
  }

  private Admission.Question question(Validator validator, Policy policy, ValidateOptions options) {
    return new Admission.Question(validator, credential, proof, policy, options);
  }

  @Override
  public String toString() {
    return "Presented[hidden]";
  }
}
