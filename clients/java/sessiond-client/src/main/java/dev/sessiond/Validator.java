package dev.sessiond;

import io.grpc.Context;
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

  /**
   * For tests: takes every token for one of a session, such as {@link Session#example}, and gives
   * what a server would say of it.
   */
  static Validator accepting(Session session) {
    return new ExampleValidator(session);
  }

  /**
   * Gives the same without blocking. Where a validator has no way of its own, another thread waits
   * for it.
   */
  default CompletableFuture<Verdict> validateAsync(
      String token, Policy policy, ValidateOptions options) {
    return CompletableFuture.supplyAsync(
        () -> validate(token, policy, options), Context.currentContextExecutor(Timers.SHARED));
  }
}
