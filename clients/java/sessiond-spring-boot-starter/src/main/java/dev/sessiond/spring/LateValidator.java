package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.Verdict;
import java.util.concurrent.CompletableFuture;
import org.springframework.beans.factory.ObjectProvider;

/**
 * The application's validator, which is not made before it is needed: what advises beans is made
 * before they are.
 */
record LateValidator(ObjectProvider<Validator> provider) implements Validator {
  @Override
  public Verdict validate(String token, Policy policy, ValidateOptions options) {
    return provider.getObject().validate(token, policy, options);
  }

  @Override
  public CompletableFuture<Verdict> validateAsync(
      String token, Policy policy, ValidateOptions options) {
    return provider.getObject().validateAsync(token, policy, options);
  }
}
