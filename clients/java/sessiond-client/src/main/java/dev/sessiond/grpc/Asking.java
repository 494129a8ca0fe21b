package dev.sessiond.grpc;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.Verdict;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.denial.Admission;
import java.util.concurrent.CompletableFuture;

/** Asks a validator without blocking. */
final class Asking {
  private Asking() {}

  /** What comes of it is always an admission, unless it is cancelled, which ends the asking. */
  static CompletableFuture<Admission> ask(
      Validator validator, Credential credential, Policy policy, ValidateOptions options) {
    CompletableFuture<Verdict> asked;
    try {
      asked = validator.validateAsync(credential.token(), policy, options);
    } catch (RuntimeException error) {
      return CompletableFuture.completedFuture(Admission.ofError(error));
    }
    CompletableFuture<Admission> found =
        asked.handle(
            (verdict, error) ->
                error == null ? Admission.of(verdict, credential) : Admission.ofError(error));
    found.whenComplete(
        (admission, error) -> {
          if (found.isCancelled()) {
            asked.cancel(true);
          }
        });
    return found;
  }
}
