package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class ValidatorTest {
  private static final Rejection REJECTION =
      new Rejection(Reason.EXPIRED, "", NextAction.REFRESH, "");

  @Test
  void whoeverMayNotBlockIsNotMadeToWaitForAValidatorThatDoes() throws Exception {
    CompletableFuture<Thread> where = new CompletableFuture<>();
    Validator blocking =
        (token, policy, options) -> {
          where.complete(Thread.currentThread());
          return REJECTION;
        };
    assertSame(REJECTION, ask(blocking).get());
    assertNotSame(Thread.currentThread(), where.get());
  }

  @Test
  void whatAValidatorThrowsComesOfTheFuture() {
    Validator failing =
        (token, policy, options) -> {
          throw new IllegalStateException("no key");
        };
    ExecutionException error = assertThrows(ExecutionException.class, ask(failing)::get);
    assertInstanceOf(IllegalStateException.class, error.getCause());
  }

  private static CompletableFuture<Verdict> ask(Validator validator) {
    return validator.validateAsync("a.b.c", Policy.NOTHING, ValidateOptions.DEFAULT);
  }
}
