package dev.sessiond.internal.denial;

import dev.sessiond.NextAction;
import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.Session;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.Verdict;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Scheme;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** What a middleware has found out about a request: its session, or why it does not get through. */
public record Admission(Session session, Denial denial) {
  private static final String UNBOUND = "the token is bound to no key";

  /**
   * What a middleware asks about a request.
   *
   * @param validator who is asked
   * @param credential what was presented
   * @param proof what shows the key of the token; null for none
   * @param policy what is required
   * @param options how it is asked
   */
  public record Question(
      Validator validator,
      Credential credential,
      Proof proof,
      Policy policy,
      ValidateOptions options) {
    /** How it is asked, with the proof. */
    private ValidateOptions asked() {
      return proof == null ? options : options.with(proof);
    }

    /** Asks, and waits for what comes of it. */
    public Admission ask() {
      try {
        return of(validator.validate(credential.token(), policy, asked()), credential);
      } catch (RuntimeException error) {
        return denied(Denial.ofError(error));
      }
    }

    /**
     * Asks without blocking. What comes of it is always an admission, unless it is cancelled, which
     * ends the asking.
     */
    public CompletableFuture<Admission> askAsync() {
      CompletableFuture<Verdict> asked;
      try {
        asked = validator.validateAsync(credential.token(), policy, asked());
      } catch (RuntimeException error) {
        return CompletableFuture.completedFuture(ofError(error));
      }
      CompletableFuture<Admission> found =
          asked.handle((verdict, error) -> error == null ? of(verdict, credential) : ofError(error));
      found.whenComplete(
          (admission, error) -> {
            if (found.isCancelled()) {
              asked.cancel(true);
            }
          });
      return found;
    }
  }

  /** A request that may go on without a session. */
  public static Admission anonymous() {
    return new Admission(null, null);
  }

  /** A request that does not get through. */
  public static Admission denied(Denial denial) {
    return new Admission(null, denial);
  }

  /** What comes of a verdict. */
  private static Admission of(Verdict verdict, Credential credential) {
    if (verdict instanceof Rejection rejection) {
      return denied(Denial.ofRejection(rejection));
    }
    if (!(verdict instanceof Session session)) {
      return denied(Denial.ofError(new IllegalStateException("the validator gave no verdict")));
    }
    if (credential.scheme() == Scheme.DPOP && !isBoundToKey(session)) {
      return denied(Denial.ofRejection(unbound()));
    }
    return new Admission(session, null);
  }

  /** What comes of an error of a validator that does not block. */
  private static Admission ofError(Throwable error) {
    boolean isWrapped = error instanceof CompletionException && error.getCause() != null;
    return denied(Denial.ofError(isWrapped ? error.getCause() : error));
  }

  /** Whether a token names the key of a DPoP proof (RFC 9449 section 6.1). */
  private static boolean isBoundToKey(Session session) {
    try {
      return session.claims().get("cnf") instanceof Map<?, ?> confirmation
          && confirmation.get("jkt") instanceof String thumbprint
          && !thumbprint.isEmpty();
    } catch (IllegalStateException error) {
      return false;
    }
  }

  /**
   * For a token under the scheme DPoP that any bearer could use (RFC 9449 section 7.1): its proof
   * says nothing about it.
   */
  private static Rejection unbound() {
    return new Rejection(
        Reason.BINDING_MISMATCH,
        UNBOUND,
        NextAction.DENY,
        "DPoP error=\"invalid_token\", error_description=\"" + UNBOUND + "\"");
  }
}
