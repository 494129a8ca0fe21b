package dev.sessiond;

import java.util.concurrent.CompletableFuture;

/**
 * Gives verdicts on access tokens. It is what middleware takes: a {@link SessiondClient}, or a
 * fake.
 */
@FunctionalInterface
public interface Validator {
  /**
   * Gives the verdict on an access token.
   *
   * @param token the token as it came
   * @param policy what is required of it beyond being good
   * @param options how it is to be validated
   * @throws SessiondException there is no verdict
   */
  Verdict validate(String token, Policy policy, ValidateOptions options);

  /** Gives the same without blocking, where the validator can. */
  default CompletableFuture<Verdict> validateAsync(
      String token, Policy policy, ValidateOptions options) {
    try {
      return CompletableFuture.completedFuture(validate(token, policy, options));
    } catch (RuntimeException error) {
      return CompletableFuture.failedFuture(error);
    }
  }
}
